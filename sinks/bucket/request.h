/* One request of S3's protocol: signed (SigV4), sent by libcurl, answered; and tried again where what went wrong may pass. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "core/base/buf.h"
#include "core/contract/bucket.h"
#include "core/contract/services.h"
#include "sinks/bucket/config.h"
#include "sinks/bucket/curl.h"
#include "sinks/retry.h"

enum { SL_S3_ETAG_MAX = SL_BUCKET_ETAG_MAX, SL_S3_MARK_MAX = 200, SL_S3_CHECKSUM_MAX = 9 };

struct sl_s3_request {
    const char *method; /* "PUT", "GET", "HEAD", "POST", "DELETE" */
    const char *key;    /* as it is; NULL: the bucket */
    const char *query;  /* encoded, names in order, each with "="; NULL: none */
    const void *body;
    size_t len;
    const char *checksum; /* CRC-32C of the body in base64, of a part; NULL: MD5 is sent */
    bool is_checksummed;  /* an upload begins whose parts have such checksums */
    const char *mark;     /* x-amz-meta-sluice of an object that is put; NULL: none */
    bool if_absent;       /* only where no object has the key */
    const char *if_match; /* only an object with this ETag; NULL: any */
    int64_t from;         /* with range_len: these bytes of the object only */
    size_t range_len;     /* 0: all */
    /* Of a GET: what the body is given to, instead of the answer; once bytes came it is not tried again. */
    sl_bucket_take *take;
    void *take_arg;
    long expected[2]; /* statuses besides those below 300 that are no failure */
};

struct sl_s3_answer {
    long status;
    struct sl_buf body; /* its beginning; ends with a NUL that len does not count */
    char etag[SL_S3_ETAG_MAX], mark[SL_S3_MARK_MAX], date[64];
    char modified[64];  /* Last-Modified */
    bool has_checksums; /* of an upload that began: the server checks those of its parts */
    int64_t length;     /* of the body, as a header said; -1: none did */
    bool is_cut;        /* the body was too large to be kept: some of it is missing */
    bool is_doubtful;   /* an earlier try failed, and the server may have done what it asked for */
};

/* What requests of one thread share: a connection. */
struct sl_s3_client {
    const struct sl_curl *curl;
    CURL *handle;
};

/* What all requests of a bucket share. */
struct sl_s3_context {
    const struct sl_services *services;
    const struct sl_s3_config *config;
    int64_t retry_ms;
    const _Atomic int *stop;       /* of the batch; may be NULL */
    struct sl_retry_log retry_log; /* of the batch */
};

/* The answer is the caller's to free with sl_s3_answer_done, also after a failure. 0; SL_EUNREACHABLE, with a remedy where
 * there is one; SL_ESTOP; SL_ENOMEM. */
int sl_s3_call(struct sl_s3_context *context, struct sl_s3_client *client,
               const struct sl_s3_request *request, struct sl_s3_answer *answer, struct sl_error *err);
void sl_s3_answer_done(struct sl_s3_answer *answer);
void sl_s3_client_done(struct sl_s3_client *client);

/* Appends bytes as a part of a query, or of a path (slashes stay), every byte encoded that S3 wants encoded. */
void sl_s3_encode(struct sl_buf *buf, const char *text, bool is_path);

#endif
