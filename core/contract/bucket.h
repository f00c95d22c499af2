/* Directories of results in an object store (s3://bucket/prefix, oss://bucket/prefix): the contract between outputs that
 * write directories (output/) and what speaks to the server (sinks/bucket/). Where it takes part in a batch:
 *
 *   execute   begin before the first object: SL_EFAIL where a _SUCCESS is there that is not ours; then for each part
 *             file object_open, object_write..., object_close; parts are uploaded meanwhile
 *   write     complete: every object is there, nothing says that the batch is
 *   reveal    reveal: the object _SUCCESS
 *   done      end: what was not completed is aborted
 *
 * A batch whose _SUCCESS is ours already was shown before a crash: its parts are read but not uploaded, and complete
 * fails as damage where they would differ. Failures of the server are SL_EUNREACHABLE, after retrying what may pass;
 * the text has the remedy. One thread at a time calls these. */
#pragma once

#include "core/contract/services.h"

struct sl_buf;
struct sl_bucket;
struct sl_bucket_object;

/* Text that was not given is nil. All of it is borrowed until close. */
struct sl_bucket_settings {
    struct sl_field url; /* "s3://bucket/prefix" */
    struct sl_field endpoint, region, profile, addressing, ca_file;
    int64_t retry_ms; /* how long a request is tried that fails by what may pass */
};

/* Bytes of objects that are read. 0, or a failure, which ends the reading. */
typedef int sl_bucket_take(void *arg, const void *bytes, size_t len);

struct sl_bucket_ops {
    void (*close)(struct sl_bucket *bucket);
    /* Whether the server is there and takes our credentials; one try, nothing is written. Appends a line. */
    int (*probe)(struct sl_bucket *bucket, struct sl_buf *found, struct sl_error *err);
    /* Aborts uploads of many parts that an earlier run left below keys "<before><batch time><after>/"; one try. */
    int (*abort_left)(struct sl_bucket *bucket, const char *before, const char *after, struct sl_error *err);
    /* name: "s3://bucket/prefix-1000.txt"; mark: what says whose it is. stop may be NULL. Both are borrowed until end. */
    int (*begin)(struct sl_bucket *bucket, const char *name, const char *mark, const _Atomic int *stop,
                 struct sl_error *err);
    int (*object_open)(struct sl_bucket *bucket, const char *file, struct sl_bucket_object **ret,
                       struct sl_error *err);
    int (*object_write)(struct sl_bucket_object *object, const void *bytes, size_t len, struct sl_error *err);
    /* Frees it. err NULL: it is given up, and the batch with it. */
    int (*object_close)(struct sl_bucket_object *object, struct sl_error *err);
    int (*complete)(struct sl_bucket *bucket, const struct sl_manifest *manifest, struct sl_error *err);
    int (*reveal)(struct sl_bucket *bucket, struct sl_error *err);
    void (*end)(struct sl_bucket *bucket);
    /* Removes the objects that the manifest of an older batch names, _SUCCESS first; *ret_left: it is not ours any more,
     * and was left alone. */
    int (*remove)(struct sl_bucket *bucket, const char *name, const char *mark,
                  const struct sl_manifest *manifest, bool *ret_left, struct sl_error *err);
    /* The bytes of the parts of a batch, in their order; nothing where there are none. */
    int (*read)(struct sl_bucket *bucket, const char *name, sl_bucket_take *take, void *arg,
                struct sl_error *err);
};

struct sl_bucket {
    const struct sl_bucket_ops *ops;
};

/* Whether the text is such a URL. */
bool sl_bucket_is_url(const struct sl_field *text);
/* Checks what can be checked without a server. SL_EUSAGE. */
int sl_bucket_settings_check(const struct sl_bucket_settings *settings, struct sl_error *err);
