#include "sinks/bucket/bucket.h"

#include "core/base/error.h"

#ifndef SLUICE_HAS_S3

int sl_bucket_open(const struct sl_services *services, const struct sl_bucket_settings *settings,
                   struct sl_bucket **ret, struct sl_error *err)
{
    (void)services, (void)settings, (void)ret; /* there is nothing to open */
    return sl_error_set(err, SL_EUSAGE,
                        "this sluice was built without object stores; build it where libcurl's header is "
                        "(Debian: libcurl4-openssl-dev)");
}

#else

#include "sinks/bucket/leftover.h"
#include "sinks/bucket/objects.h"
#include "sinks/bucket/probe.h"
#include "sinks/bucket/upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SUCCESS_NAME "_SUCCESS"

struct bucket {
    struct sl_bucket base; /* first */
    struct sl_bucket_settings settings;
    struct sl_s3_config config;
    struct sl_s3_context context;
    struct sl_s3_client client;
    struct sl_upload *upload;
    /* of the batch; name NULL between batches */
    char *name, *mark;
    bool is_shown; /* our _SUCCESS is there already */
    char *tried;   /* the newest that was begun; once more it may find objects of its own */
    bool is_again;
    uint64_t shown_digest, digest;
};

/* What outputs hold: an object of the upload, or, where the batch is shown already, nothing. */
struct sl_bucket_object {
    struct sl_upload_object *object;
};

static struct bucket *own(struct sl_bucket *base)
{
    return (struct bucket *)base;
}

/* "key" of "s3://bucket/key". */
static const char *key_of(const struct bucket *bucket, const char *name)
{
    return name + strlen(bucket->config.scheme) + 3 + strlen(bucket->config.bucket) + 1;
}

/* "key/file" of a name; the caller frees it. */
static char *key_below(const struct bucket *bucket, const char *name, const char *file)
{
    char *key;
    return asprintf(&key, "%s/%s", key_of(bucket, name), file) < 0 ? NULL : key;
}

/* ---- whose it is ---- */

/* Who writes it, and what: a digest of the names, sizes and hashes of its parts. */
static uint64_t digest_of(const struct sl_manifest *manifest)
{
    uint64_t digest = manifest->count;
    for (size_t i = 0; i < manifest->count; i++) {
        const struct sl_manifest_file *file = &manifest->file[i];
        const uint64_t numbers[] = {file->bytes, file->hash};
        digest = XXH3_64bits_withSeed(file->name, strlen(file->name), digest);
        digest = XXH3_64bits_withSeed(numbers, sizeof numbers, digest);
    }
    return digest;
}

/* 1: there is none; 0: ours, with its digest; 2: not ours. */
static int look_at_success(struct bucket *bucket, const char *name, const char *mark, uint64_t *ret_digest,
                           struct sl_error *err)
{
    char *key = key_below(bucket, name, SUCCESS_NAME);
    const struct sl_s3_request request = {.method = "HEAD", .key = key, .expected = {404}};
    struct sl_s3_answer answer = {0};
    int r = key ? sl_s3_call(&bucket->context, &bucket->client, &request, &answer, err) : sl_error_nomem(err);
    size_t len = strlen(mark);
    sl_s3_answer_done(&answer);
    free(key);
    if (r < 0)
        return r;
    if (answer.status == 404)
        return 1;
    bool is_ours = strncmp(answer.mark, mark, len) == 0 && answer.mark[len] == '/' &&
                   sscanf(answer.mark + len + 1, "%" SCNx64, ret_digest) == 1;
    return is_ours ? 0 : 2;
}

/* has_written: parts were uploaded before it came. */
static int foreign(const struct bucket *bucket, bool has_written, struct sl_error *err)
{
    return sl_error_set(err, SL_EFAIL,
                        "%s/" SUCCESS_NAME " is there, and this checkpoint did not write it; %s: remove "
                        "what lies there, or choose another prefix",
                        bucket->name,
                        has_written ? "it came while the parts were uploaded, which may be of either now"
                                    : "nothing was written");
}

static int differs(const struct bucket *bucket, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EDAMAGED,
        "%s was shown before a restart, and the batch now makes something else; nothing was changed: bring "
        "back its inputs and the job as they were, or remove it if nothing has read it",
        bucket->name);
}

/* ---- a batch ---- */

static void end(struct sl_bucket *base)
{
    struct bucket *bucket = own(base);
    if (bucket->upload)
        sl_upload_cancel(bucket->upload);
    free(bucket->name);
    free(bucket->mark);
    bucket->name = bucket->mark = NULL;
    bucket->context.stop = NULL;
}

static int reread_config(struct bucket *bucket, struct sl_error *err)
{
    struct sl_s3_config config;
    int r = sl_s3_config_read(&config, &bucket->settings, err);
    if (r < 0)
        return r;
    sl_s3_config_done(&bucket->config);
    bucket->config = config;
    return 0;
}

static int begin(struct sl_bucket *base, const char *name, const char *mark, const _Atomic int *stop,
                 struct sl_error *err)
{
    struct bucket *bucket = own(base);
    sl_assert(!bucket->name);
    int r = reread_config(bucket, err); /* credentials may be new ones */
    if (r < 0)
        return r;
    bucket->context.stop = stop;
    sl_retry_log_reset(&bucket->context.retry_log);
    bucket->name = strdup(name);
    bucket->mark = strdup(mark);
    bucket->is_again =
        bucket->context.services->replay || (bucket->tried && strcmp(bucket->tried, name) == 0);
    free(bucket->tried);
    bucket->tried = strdup(name);
    r = bucket->name && bucket->mark && bucket->tried
            ? look_at_success(bucket, name, mark, &bucket->shown_digest, err)
            : sl_error_nomem(err);
    bucket->is_shown = r == 0;
    if (r == 2)
        r = foreign(bucket, false, err);
    if (r < 0)
        end(base);
    return r < 0 ? r : 0;
}

static int object_open(struct sl_bucket *base, const char *file, struct sl_bucket_object **ret,
                       struct sl_error *err)
{
    struct bucket *bucket = own(base);
    struct sl_bucket_object *object = calloc(1, sizeof *object);
    char *key = key_below(bucket, bucket->name, file);
    int r = object && key ? 0 : sl_error_nomem(err);
    if (r == 0 && !bucket->is_shown)
        r = sl_upload_open(bucket->upload, key, &object->object, err);
    free(key);
    if (r < 0) {
        free(object);
        return r;
    }
    *ret = object;
    return 0;
}

static int object_write(struct sl_bucket_object *object, const void *bytes, size_t len, struct sl_error *err)
{
    return object->object ? sl_upload_write(object->object, bytes, len, err) : 0;
}

static int object_close(struct sl_bucket_object *object, struct sl_error *err)
{
    int r = object->object && err ? sl_upload_close(object->object, err) : 0;
    free(object);
    return r;
}

static int complete(struct sl_bucket *base, const struct sl_manifest *manifest, struct sl_error *err)
{
    struct bucket *bucket = own(base);
    bucket->digest = digest_of(manifest);
    if (bucket->is_shown)
        return bucket->digest == bucket->shown_digest ? 0 : differs(bucket, err);
    int r = sl_upload_finish(bucket->upload, err);
    if (r == 0 && bucket->is_again)
        r = sl_leftover_remove_parts(&bucket->context, &bucket->client, key_of(bucket, bucket->name),
                                     manifest, err);
    return r;
}

/* A server that does not know the condition is asked without it: the look in begin decided. */
static int put_success(struct bucket *bucket, const char *key, const char *mark, long *ret_status,
                       struct sl_error *err)
{
    struct sl_s3_request request = {
        .method = "PUT", .key = key, .mark = mark, .if_absent = true, .expected = {412, 501}};
    struct sl_s3_answer answer = {0};
    int r = sl_s3_call(&bucket->context, &bucket->client, &request, &answer, err);
    if (r == 0 && answer.status == 501) {
        request.if_absent = false;
        r = sl_s3_call(&bucket->context, &bucket->client, &request, &answer, err);
    }
    *ret_status = answer.status;
    sl_s3_answer_done(&answer);
    return r;
}

/* Another request was faster: ours, in a request whose answer was lost, or another writer. */
static int judge_success(struct bucket *bucket, struct sl_error *err)
{
    uint64_t digest = 0;
    int r = look_at_success(bucket, bucket->name, bucket->mark, &digest, err);
    if (r == 0 && digest != bucket->digest)
        return differs(bucket, err);
    return r == 2 ? foreign(bucket, true, err)
           : r == 1
               ? sl_error_set(err, SL_EUNREACHABLE,
                              "%s/" SUCCESS_NAME ": refused as it was there, and is not there", bucket->name)
               : r;
}

static int reveal(struct sl_bucket *base, struct sl_error *err)
{
    struct bucket *bucket = own(base);
    char *key = NULL, *mark = NULL;
    long status = 0;
    if (bucket->is_shown)
        return 0;
    bool ok = (key = key_below(bucket, bucket->name, SUCCESS_NAME)) &&
              asprintf(&mark, "%s/%016" PRIx64, bucket->mark, bucket->digest) >= 0;
    int r = ok ? put_success(bucket, key, mark, &status, err) : sl_error_nomem(err);
    free(key);
    free(ok ? mark : NULL);
    if (r == 0 && status == 412)
        r = judge_success(bucket, err);
    return r;
}

/* ---- older batches ---- */

static int remove_object(struct bucket *bucket, const char *name, const char *file, struct sl_error *err)
{
    char *key = key_below(bucket, name, file);
    const struct sl_s3_request request = {.method = "DELETE", .key = key, .expected = {404}};
    struct sl_s3_answer answer = {0};
    int r = key ? sl_s3_call(&bucket->context, &bucket->client, &request, &answer, err) : sl_error_nomem(err);
    sl_s3_answer_done(&answer);
    free(key);
    return r;
}

static int remove_batch(struct sl_bucket *base, const char *name, const char *mark,
                        const struct sl_manifest *manifest, bool *ret_left, struct sl_error *err)
{
    struct bucket *bucket = own(base);
    uint64_t digest = 0;
    int r = look_at_success(bucket, name, mark, &digest, err);
    *ret_left = r == 2 || (r == 0 && digest != digest_of(manifest));
    if (r < 0 || *ret_left)
        return r < 0 ? r : 0;
    r = r == 0 ? remove_object(bucket, name, SUCCESS_NAME, err) : 0; /* else an earlier try came so far */
    for (size_t i = 0; r == 0 && i < manifest->count; i++)
        r = remove_object(bucket, name, manifest->file[i].name, err);
    return r;
}

/* ---- reading ---- */

struct reading {
    struct bucket *bucket;
    sl_bucket_take *take;
    void *arg;
};

static int read_part(void *arg, const char *key, const char *name, struct sl_error *err)
{
    const struct reading *reading = arg;
    const struct sl_s3_request request = {
        .method = "GET", .key = key, .take = reading->take, .take_arg = reading->arg, .expected = {404}};
    struct sl_s3_answer answer = {0};
    (void)name; /* its key is enough */
    int r = sl_s3_call(&reading->bucket->context, &reading->bucket->client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    return r;
}

static int read_batch(struct sl_bucket *base, const char *name, sl_bucket_take *take, void *arg,
                      struct sl_error *err)
{
    struct bucket *bucket = own(base);
    struct reading reading = {bucket, take, arg};
    return sl_leftover_each_part(&bucket->context, &bucket->client, key_of(bucket, name), read_part, &reading,
                                 err);
}

/* ---- sources ---- */

/* The URL of the settings with a slash at its end; the caller frees it. */
static char *directory_of(const struct bucket *bucket)
{
    char *directory;
    const char *url = (const char *)bucket->settings.url.str;
    size_t len = sl_bucket_url_len(url, bucket->settings.url.len);
    return asprintf(&directory, "%.*s/", (int)len, url) < 0 ? NULL : directory;
}

static int list(struct sl_bucket *base, const _Atomic int *stop, sl_bucket_visit *visit, void *arg,
                struct sl_error *err)
{
    struct bucket *bucket = own(base);
    char *prefix = directory_of(bucket);
    if (!prefix)
        return sl_error_nomem(err);
    bucket->context.stop = stop;
    sl_retry_log_reset(&bucket->context.retry_log);
    int r = reread_config(bucket, err);
    r = r < 0 ? r
              : sl_objects_list(&bucket->context, &bucket->client, key_of(bucket, prefix), visit, arg, err);
    free(prefix);
    bucket->context.stop = NULL;
    return r;
}

static int look(struct sl_bucket *base, const _Atomic int *stop, const char *url, struct sl_bucket_entry *ret,
                struct sl_error *err)
{
    struct bucket *bucket = own(base);
    bucket->context.stop = stop;
    sl_retry_log_reset(&bucket->context.retry_log);
    int r = reread_config(bucket, err);
    r = r < 0 ? r : sl_objects_look(&bucket->context, &bucket->client, key_of(bucket, url), ret, err);
    ret->url = url;
    bucket->context.stop = NULL;
    return r;
}

static int get(struct sl_bucket *base, const _Atomic int *stop, const struct sl_bucket_entry *entry,
               int64_t from, size_t len, struct sl_buf *to, struct sl_error *err)
{
    struct bucket *bucket = own(base);
    bucket->context.stop = stop;
    int r = sl_objects_get(&bucket->context, &bucket->client, key_of(bucket, entry->url), entry->etag, from,
                           len, to, err);
    bucket->context.stop = NULL;
    return r;
}

/* ---- before the first batch ---- */

static int probe(struct sl_bucket *base, bool lists, struct sl_buf *found, struct sl_error *err)
{
    struct bucket *bucket = own(base);
    char *directory = directory_of(bucket);
    int64_t retry_ms = bucket->context.retry_ms;
    if (!directory)
        return sl_error_nomem(err);
    bucket->context.retry_ms = 0;
    int r = lists ? sl_probe_objects(&bucket->context, &bucket->client, directory, key_of(bucket, directory),
                                     found, err)
                  : sl_probe_bucket(&bucket->context, &bucket->client, found, err);
    bucket->context.retry_ms = retry_ms;
    free(directory);
    return r;
}

static int abort_left(struct sl_bucket *base, const char *before, const char *after, struct sl_error *err)
{
    struct bucket *bucket = own(base);
    int64_t retry_ms = bucket->context.retry_ms;
    bucket->context.retry_ms = 0;
    int r = sl_leftover_abort(&bucket->context, &bucket->client, key_of(bucket, before), after, err);
    bucket->context.retry_ms = retry_ms;
    return r;
}

static void close_bucket(struct sl_bucket *base)
{
    struct bucket *bucket = own(base);
    sl_upload_free(bucket->upload);
    sl_s3_client_done(&bucket->client);
    sl_s3_config_done(&bucket->config);
    free(bucket->tried);
    free(bucket);
}

static const struct sl_bucket_ops ops = {
    .close = close_bucket,
    .probe = probe,
    .abort_left = abort_left,
    .begin = begin,
    .object_open = object_open,
    .object_write = object_write,
    .object_close = object_close,
    .complete = complete,
    .reveal = reveal,
    .end = end,
    .remove = remove_batch,
    .read = read_batch,
    .list = list,
    .look = look,
    .get = get,
};

int sl_bucket_open(const struct sl_services *services, const struct sl_bucket_settings *settings,
                   struct sl_bucket **ret, struct sl_error *err)
{
    const struct sl_curl *curl;
    struct bucket *bucket = calloc(1, sizeof *bucket);
    if (!bucket)
        return sl_error_nomem(err);
    bucket->base.ops = &ops;
    bucket->settings = *settings;
    int r = sl_s3_config_read(&bucket->config, settings, err);
    r = r < 0 ? r : sl_curl_load(&curl, err);
    if (r == 0) {
        bucket->client.curl = curl;
        bucket->context = (struct sl_s3_context){
            .services = services, .config = &bucket->config, .retry_ms = settings->retry_ms};
        r = sl_upload_new(&bucket->context, curl, &bucket->upload, err);
    }
    if (r < 0) {
        close_bucket(&bucket->base);
        return r;
    }
    *ret = &bucket->base;
    return 0;
}

#endif
