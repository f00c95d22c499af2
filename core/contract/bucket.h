/* Object stores (s3://bucket/prefix, oss://bucket/prefix): the contract between outputs that write directories of results
 * there (output/), sources that read objects (sources/objects/), and what speaks to the server (sinks/bucket/). Where
 * outputs call it in a batch:
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

#include "core/contract/operator.h"
#include "core/contract/services.h"

struct sl_buf;
struct sl_bucket;

enum { SL_BUCKET_ETAG_MAX = 80 };
struct sl_bucket_object;

/* Text that was not given is nil. All of it is borrowed until close. */
struct sl_bucket_settings {
    struct sl_field url; /* "s3://bucket/prefix" */
    struct sl_field endpoint, region, profile, addressing, ca_file;
    int64_t retry_ms; /* how long a request is tried that fails by what may pass */
};

/* An object, as a listing or the server says. */
struct sl_bucket_entry {
    const char *url; /* of the object; borrowed for the call */
    char etag[SL_BUCKET_ETAG_MAX];
    int64_t modified_s; /* since the epoch, by the server's clock */
    int64_t size;       /* bytes */
};

/* 0, or a failure, which ends the listing. */
typedef int sl_bucket_visit(void *arg, const struct sl_bucket_entry *entry, struct sl_error *err);

/* Bytes of objects that are read. 0, or a failure, which ends the reading. */
typedef int sl_bucket_take(void *arg, const void *bytes, size_t len);

enum { SL_BUCKET_RETRY_MS = 5 * 60 * 1000 }; /* without the option `retry` */

struct sl_bucket_ops {
    void (*close)(struct sl_bucket *bucket);
    /* One try; nothing is written. Appends a line: whether the server is there and takes our credentials, or, with `lists`,
     * how many objects are below the URL of the settings. */
    int (*probe)(struct sl_bucket *bucket, bool lists, struct sl_buf *found, struct sl_error *err);
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

    /* For sources; `stop` may be NULL. The objects whose keys begin with the URL of the settings and a slash, however many. */
    int (*list)(struct sl_bucket *bucket, const _Atomic int *stop, sl_bucket_visit *visit, void *arg,
                struct sl_error *err);
    /* 1: ret tells of the object, its url is `url`; 0: there is none. */
    int (*look)(struct sl_bucket *bucket, const _Atomic int *stop, const char *url,
                struct sl_bucket_entry *ret, struct sl_error *err);
    /* Appends the bytes [from, from + len), at most SL_BUCKET_GET_MAX of them, of the object as it was when `entry` was
     * made. 1: they are all there; 0: there is no such object any more. */
    int (*get)(struct sl_bucket *bucket, const _Atomic int *stop, const struct sl_bucket_entry *entry,
               int64_t from, size_t len, struct sl_buf *to, struct sl_error *err);
};

enum { SL_BUCKET_GET_MAX = 3 << 20 };
enum { SL_BUCKET_PROBE_MAX = 1000 }; /* objects that a probe counts: those of one request */

struct sl_bucket {
    const struct sl_bucket_ops *ops;
};

/* Whether the text is such a URL. */
bool sl_bucket_is_url(const struct sl_field *text);
/* The length of a URL without the slashes at its end. */
size_t sl_bucket_url_len(const char *url, size_t len);
/* What comes after the URL and its slash in the path of an object; NULL: the path is not below it. */
const char *sl_bucket_name_below(const char *path, const char *url);
/* The options of object stores that a node has, for this URL. */
struct sl_bucket_settings sl_bucket_settings_of(const struct sl_node *node, struct sl_field url);
/* Their names; NULL after the last. */
extern const char *const sl_bucket_option_names[];
/* For `sluice check`: what a bucket's probe finds, of one that is opened for it. That the server is away or refuses, and that there are no
 * credentials, are lines as well: a job may be checked on a machine from which it is not run. */
int sl_bucket_check(const struct sl_services *services, const struct sl_bucket_settings *settings, bool lists,
                    struct sl_buf *found, struct sl_error *err);
/* Checks what can be checked without a server. SL_EUSAGE. */
int sl_bucket_settings_check(const struct sl_bucket_settings *settings, struct sl_error *err);

/* For descriptors. */
/* clang-format off */
#define SL_BUCKET_OPTIONS \
    {"endpoint", SL_WANT_STRING, true, "object stores: the server, https://host:port"}, \
    {"region", SL_WANT_STRING, true, "object stores: the bucket's"}, \
    {"profile", SL_WANT_STRING, true, "object stores: whose credentials of ~/.aws/ are used"}, \
    {"addressing", SL_WANT_STRING, true, "object stores: buckets are part of the \"path\" or a \"virtual\" host"}, \
    {"caFile", SL_WANT_STRING, true, "object stores: certificates of authorities to trust"}, \
    {"retry", SL_WANT_DURATION, true, "object stores: how long a request is tried before the batch fails; 5m"}
/* clang-format on */
