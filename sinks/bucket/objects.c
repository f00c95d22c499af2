#ifdef SLUICE_HAS_S3

#include "sinks/bucket/objects.h"

#include "core/base/error.h"
#include "sinks/bucket/answer.h"
#include "sinks/bucket/element.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOKEN_SHOWN = 2048 };

/* ---- times ---- */

/* "2026-11-29T21:16:35.000Z" of a listing; fractions are left out, as headers have none. */
static bool read_listed_time(const char *text, int64_t *ret_s)
{
    struct tm tm = {0};
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec) != 6)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *ret_s = timegm(&tm);
    return true;
}

/* "Sun, 29 Nov 2026 21:16:35 GMT" of a header. */
static bool read_header_time(const char *text, int64_t *ret_s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    struct tm tm = {0};
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return false;
    const char *at = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!at || (at - months) % 3)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon = (int)(at - months) / 3;
    *ret_s = timegm(&tm);
    return true;
}

/* ---- listing ---- */

struct listing {
    struct sl_s3_context *context;
    sl_bucket_visit *visit;
    void *arg;
    bool is_encoded; /* keys are */
    struct sl_buf item, text, url;
    bool nomem;
};

static void listing_done(struct listing *listing)
{
    sl_buf_done(&listing->item);
    sl_buf_done(&listing->text);
    sl_buf_done(&listing->url);
}

static int malformed(const struct sl_s3_context *context, const char *what, struct sl_error *err)
{
    return sl_error_set(err, SL_EUNREACHABLE, "%s://%s: a listing of objects has %s: is %s an object store?",
                        context->config->scheme, context->config->bucket, what,
                        context->config->shown_endpoint);
}

/* The text of an element of the item; NULL: it has none. */
static const char *text_of(struct listing *listing, const char *name)
{
    bool has = sl_s3_element((const char *)listing->item.bytes, name, &listing->text, &listing->nomem);
    return has ? (const char *)listing->text.bytes : NULL;
}

/* Makes the url of the item's key. False: there is none, or it cannot be named here. */
static bool make_url(struct listing *listing)
{
    const struct sl_s3_config *config = listing->context->config;
    char *key = text_of(listing, "Key") ? (char *)listing->text.bytes : NULL;
    if (!key || (listing->is_encoded && !sl_s3_decode_url(key)))
        return false;
    sl_buf_clear(&listing->url);
    listing->nomem |= !sl_buf_printf(&listing->url, "%s://%s/%s", config->scheme, config->bucket, key) ||
                      !sl_buf_byte(&listing->url, 0);
    return true;
}

static int visit_item(struct listing *listing, struct sl_error *err)
{
    struct sl_bucket_entry entry = {0};
    long long size = -1;
    const char *text = text_of(listing, "ETag");
    if (text)
        snprintf(entry.etag, sizeof entry.etag, "%s", text);
    text = text_of(listing, "Size");
    if (text && sscanf(text, "%lld", &size) == 1)
        entry.size = size;
    text = text_of(listing, "LastModified");
    bool ok = entry.etag[0] && size >= 0 && text && read_listed_time(text, &entry.modified_s);
    if (ok && !make_url(listing))
        return 0; /* a key with a NUL */
    if (listing->nomem)
        return sl_error_nomem(err);
    entry.url = (const char *)listing->url.bytes;
    return ok ? listing->visit(listing->arg, &entry, err)
              : malformed(listing->context, "an object without ETag, Size or LastModified", err);
}

static int visit_page(struct listing *listing, const char *page, struct sl_error *err)
{
    int r = 0;
    listing->is_encoded = strstr(page, "<EncodingType>url</EncodingType>");
    while (r == 0 && (page = sl_s3_element_raw(page, "Contents", &listing->item, &listing->nomem)))
        r = visit_item(listing, err);
    return listing->nomem ? sl_error_nomem(err) : r;
}

static bool make_query(struct sl_buf *query, const char *token, const char *prefix)
{
    if (*token) {
        sl_buf_text(query, "continuation-token=");
        sl_s3_encode(query, token, false);
        sl_buf_byte(query, '&');
    }
    sl_buf_text(query, "encoding-type=url&list-type=2&prefix=");
    sl_s3_encode(query, prefix, false);
    sl_buf_byte(query, 0);
    return !query->failed;
}

/* One page; `token` is that of the next one, empty after the last. */
static int list_page(struct listing *listing, struct sl_s3_client *client, const char *prefix,
                     struct sl_buf *token, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf query = {0};
    struct sl_s3_answer answer = {0};
    if (!make_query(&query, token->len ? (const char *)token->bytes : "", prefix))
        return sl_error_nomem(err);
    const struct sl_s3_request request = {.method = "GET", .query = (const char *)query.bytes};
    int r = sl_s3_call(listing->context, client, &request, &answer, err);
    const char *page = (const char *)answer.body.bytes;
    if (r == 0 && !sl_s3_is_list(&answer))
        r = malformed(listing->context, "no whole ListBucketResult", err);
    r = r < 0 ? r : visit_page(listing, page, err);
    if (r == 0 && !sl_s3_element(page, "NextContinuationToken", token, &listing->nomem))
        sl_buf_clear(token);
    sl_s3_answer_done(&answer);
    return r == 0 && listing->nomem ? sl_error_nomem(err) : r;
}

int sl_objects_list(struct sl_s3_context *context, struct sl_s3_client *client, const char *prefix,
                    sl_bucket_visit *visit, void *arg, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf token = {0};
    struct listing listing = {.context = context, .visit = visit, .arg = arg};
    char last[TOKEN_SHOWN] = "";
    int r;
    do {
        r = list_page(&listing, client, prefix, &token, err);
        if (r == 0 && token.len && strncmp(last, (const char *)token.bytes, sizeof last - 1) == 0)
            r = malformed(context, "a page that follows itself", err);
        snprintf(last, sizeof last, "%s", token.len ? (const char *)token.bytes : "");
    } while (r == 0 && token.len);
    listing_done(&listing);
    return r;
}

/* ---- one object ---- */

int sl_objects_look(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                    struct sl_bucket_entry *ret, struct sl_error *err)
{
    const struct sl_s3_request request = {.method = "HEAD", .key = key, .expected = {404}};
    struct sl_s3_answer answer = {0};
    *ret = (struct sl_bucket_entry){0};
    int r = sl_s3_call(context, client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    if (r < 0 || answer.status == 404)
        return r;
    memcpy(ret->etag, answer.etag, sizeof ret->etag);
    ret->size = answer.length;
    if (!ret->etag[0] || ret->size < 0 || !read_header_time(answer.modified, &ret->modified_s))
        return sl_error_set(
            err, SL_EUNREACHABLE,
            "%s://%s/%s: the answer has no ETag, Content-Length or Last-Modified: is %s an object "
            "store?",
            context->config->scheme, context->config->bucket, key, context->config->shown_endpoint);
    return 1;
}

int sl_objects_get(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                   const char *etag, int64_t from, size_t len, struct sl_buf *to, struct sl_error *err)
{
    const struct sl_s3_request request = {.method = "GET",
                                          .key = key,
                                          .if_match = etag,
                                          .from = from,
                                          .range_len = len,
                                          .expected = {404, 412}};
    struct sl_s3_answer answer = {0};
    sl_assert(len > 0 && len <= SL_BUCKET_GET_MAX);
    int r = sl_s3_call(context, client, &request, &answer, err);
    bool is_there = r == 0 && answer.status < 300;
    if (is_there && (answer.status != 206 || answer.body.len != len))
        r = sl_error_set(err, SL_EUNREACHABLE, "%s://%s/%s: %zu bytes from %lld on were asked for, %s came",
                         context->config->scheme, context->config->bucket, key, len, (long long)from,
                         answer.status == 206 ? "another number" : "the whole object");
    else if (is_there && !sl_buf_append(to, answer.body.bytes, len))
        r = sl_error_nomem(err);
    sl_s3_answer_done(&answer);
    return r < 0 ? r : is_there;
}

#endif
