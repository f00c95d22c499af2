/* What outputs that write directories do where these are in an object store (core/contract/bucket.h). */
#pragma once

#include "core/contract/bucket.h"
#include "output/output_dir.h"
#include "output/settings.h"

/* Opens it where *bucket is NULL. */
int sl_save_bucket_open(struct sl_bucket **bucket, const struct sl_services *services,
                        const struct sl_save_settings *settings, struct sl_error *err);
/* Whose a batch is: the checkpoint's, or that of a run without one. */
const char *sl_save_bucket_mark(const struct sl_services *services);

/* At start: aborts what an earlier run left unfinished. A server that cannot be reached is warned about. */
int sl_save_bucket_start(const struct sl_node *node, const struct sl_services *services,
                         const struct sl_save_settings *settings, struct sl_error *err);
/* Removes an older batch, by its manifest. *ret_removed: history may forget it; else it is tried again with the next
 * batch. */
int sl_save_bucket_remove(struct sl_bucket **bucket, const struct sl_services *services,
                          const struct sl_save_settings *settings, const struct sl_output_dir *place,
                          const struct sl_manifest *manifest, bool *ret_removed, struct sl_error *err);
