/* Whether a directory is what a manifest says: how a batch that is done again tells its own directory from a
 * stranger's. */
#pragma once

#include "core/contract/services.h"

/* The empty file beside the parts that says the directory is complete; never listed in manifests. */
#define SL_SUCCESS_NAME "_SUCCESS"

/* Compares names, sizes and hashes; nothing else may be there. What is no directory, or cannot be that
 * directory, is not the same; only failing to look is a failure. With `sync`, all of it is on disk when the
 * answer is yes. `shown` is for messages. */
int sl_manifest_matches(struct sl_io *io, int dirfd, const char *name, const char *shown,
                        const struct sl_manifest *manifest, bool sync, bool *ret_same, struct sl_error *err);
