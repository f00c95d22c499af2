/* The parts of outputs that lie in an object store. */
#pragma once

#include "core/contract/bucket.h"

struct sl_context;

/* Hands the bytes of the parts of "s3://bucket/prefix-1000" over, which an output of the job wrote: its options say how the
 * store is reached. SL_EUSAGE: no output of the job has this prefix. */
int sl_bucket_parts_read(const struct sl_context *context, const char *path, sl_bucket_take *take, void *arg,
                         struct sl_error *err);
