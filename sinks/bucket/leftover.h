/* What a run that was killed left: uploads of many parts that are unfinished, and objects of a batch that has other ones now. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "core/contract/bucket.h"
#include "sinks/bucket/request.h"

/* Aborts those whose keys are "<before>-<batch time><after>/part-..."; those of others stay. */
int sl_leftover_abort(struct sl_s3_context *context, struct sl_s3_client *client, const char *before,
                      const char *after, struct sl_error *err);

/* Aborts those of this key. */
int sl_leftover_abort_key(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                          struct sl_error *err);

/* The objects "<directory>/part-<number>..." in the order of their names; `name` is the last part of the key. A visit that
 * fails ends it. */
typedef int sl_leftover_visit(void *arg, const char *key, const char *name, struct sl_error *err);
int sl_leftover_each_part(struct sl_s3_context *context, struct sl_s3_client *client, const char *directory,
                          sl_leftover_visit *visit, void *arg, struct sl_error *err);

/* Removes the objects "<directory>/part-<number>..." that the manifest does not name; other objects stay. */
int sl_leftover_remove_parts(struct sl_s3_context *context, struct sl_s3_client *client,
                             const char *directory, const struct sl_manifest *manifest, struct sl_error *err);

#endif
