/* What sources ask an object store for: which objects there are, what one is, and its bytes. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "sinks/bucket/request.h"

/* Visits the objects whose keys begin with `prefix`; as sl_bucket_ops.list. */
int sl_objects_list(struct sl_s3_context *context, struct sl_s3_client *client, const char *prefix,
                    sl_bucket_visit *visit, void *arg, struct sl_error *err);
/* As sl_bucket_ops.look and .get; key is the url's. */
int sl_objects_look(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                    struct sl_bucket_entry *ret, struct sl_error *err);
int sl_objects_get(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                   const char *etag, int64_t from, size_t len, struct sl_buf *to, struct sl_error *err);

#endif
