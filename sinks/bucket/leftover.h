/* What a run that was killed left: uploads of many parts that are unfinished, and objects of a batch that has other ones now. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "core/contract/bucket.h"
#include "sinks/bucket/request.h"

/* Aborts those whose keys are "<before>-<batch time><after>/part-..."; those of others stay. */
int sl_leftover_abort(struct sl_s3_context *context, struct sl_s3_client *client, const char *before,
                      const char *after, struct sl_error *err);

/* Removes the objects "<directory>/part-<number>..." that the manifest does not name; other objects stay. */
int sl_leftover_remove_parts(struct sl_s3_context *context, struct sl_s3_client *client,
                             const char *directory, const struct sl_manifest *manifest, struct sl_error *err);

#endif
