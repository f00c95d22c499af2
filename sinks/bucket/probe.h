/* What `sluice check` asks an object store. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "sinks/bucket/request.h"

/* As sl_bucket_ops.probe, without and with `lists`. directory: the URL with a slash at its end; prefix: its key. */
int sl_probe_bucket(struct sl_s3_context *context, struct sl_s3_client *client, struct sl_buf *found,
                    struct sl_error *err);
int sl_probe_objects(struct sl_s3_context *context, struct sl_s3_client *client, const char *directory,
                     const char *prefix, struct sl_buf *found, struct sl_error *err);

#endif
