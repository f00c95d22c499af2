/* The objects of one batch on their way to the server: each whole where it is small, in parts where it is not, by several
 * threads. sl_upload_open, _write..., _close for one object after another; sl_upload_finish when all are closed: then all are
 * there. sl_upload_cancel at any time: what is not complete is aborted.
 *
 * One thread calls these. A failure of a thread is returned by the next call. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "sinks/bucket/request.h"

enum { SL_UPLOAD_PART_BYTES = 16 << 20, SL_UPLOAD_THREADS = 4 };

struct sl_upload;
struct sl_upload_object;

/* The context is borrowed. Threads are started with the first object. */
int sl_upload_new(struct sl_s3_context *context, const struct sl_curl *curl, struct sl_upload **ret,
                  struct sl_error *err);
void sl_upload_free(struct sl_upload *upload);

/* The object belongs to the upload until sl_upload_finish or _cancel. */
int sl_upload_open(struct sl_upload *upload, const char *key, struct sl_upload_object **ret,
                   struct sl_error *err);
int sl_upload_write(struct sl_upload_object *object, const void *bytes, size_t len, struct sl_error *err);
int sl_upload_close(struct sl_upload_object *object, struct sl_error *err);
int sl_upload_finish(struct sl_upload *upload, struct sl_error *err);
void sl_upload_cancel(struct sl_upload *upload);

#endif
