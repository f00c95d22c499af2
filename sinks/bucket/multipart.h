/* One object at the server: put whole, or begun, filled with parts and completed.
 *
 * The server compares what it received with a digest: of parts with their CRC-32C, where it says that it knows it, of all else,
 * which is small, with the MD5. That takes as long as sending does, for both sides. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "sinks/bucket/request.h"

enum { SL_MULTIPART_PARTS_MAX = 10000 };

struct sl_multipart {
    char *key;       /* owned */
    uint64_t bytes;  /* of the object */
    char *upload_id; /* owned; NULL: not begun */
    bool is_complete;
    bool is_doubtful; /* an upload may have begun whose id never came */
    size_t parts;
    bool has_checksums;
    /* [SL_MULTIPART_PARTS_MAX]; a thread writes only those of its part */
    char (*etag)[SL_S3_ETAG_MAX];
    char (*checksum)[SL_S3_CHECKSUM_MAX];
};

int sl_multipart_whole(struct sl_multipart *multipart, struct sl_s3_context *context,
                       struct sl_s3_client *client, const void *bytes, size_t len, struct sl_error *err);
int sl_multipart_begin(struct sl_multipart *multipart, struct sl_s3_context *context,
                       struct sl_s3_client *client, struct sl_error *err);
int sl_multipart_part(struct sl_multipart *multipart, struct sl_s3_context *context,
                      struct sl_s3_client *client, size_t number, const void *bytes, size_t len,
                      struct sl_error *err);
int sl_multipart_complete(struct sl_multipart *multipart, struct sl_s3_context *context,
                          struct sl_s3_client *client, struct sl_error *err);
/* One try: what is left is aborted at the next start. */
void sl_multipart_abort(struct sl_multipart *multipart, struct sl_s3_context *context,
                        struct sl_s3_client *client);
void sl_multipart_done(struct sl_multipart *multipart);

/* Aborts one upload. */
int sl_multipart_abort_id(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                          const char *upload_id, struct sl_error *err);

#endif
