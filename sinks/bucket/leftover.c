#ifdef SLUICE_HAS_S3

#include "sinks/bucket/leftover.h"

#include "core/base/error.h"
#include "sinks/bucket/answer.h"
#include "sinks/bucket/element.h"
#include "sinks/bucket/multipart.h"

#include <stdlib.h>
#include <string.h>

enum { PAGES_MAX = 1000 };

/* "<before>-1000<after>/part-00000..." */
static bool is_ours(const char *key, const char *before, const char *after)
{
    size_t len = strlen(before);
    if (strncmp(key, before, len) != 0 || key[len] != '-')
        return false;
    key += len + 1;
    size_t digits = strspn(key, "0123456789");
    key += digits;
    len = strlen(after);
    return digits && strncmp(key, after, len) == 0 && strncmp(key + len, "/part-", 6) == 0 &&
           !strchr(key + len + 6, '/');
}

/* Which uploads are aborted: those of one key, or those that is_ours knows. */
struct wanted {
    const char *key;
    const char *before, *after;
};

static bool is_wanted(const struct wanted *wanted, const char *key)
{
    return wanted->key ? strcmp(key, wanted->key) == 0 : is_ours(key, wanted->before, wanted->after);
}

/* Where a page ends, the next one begins. */
struct page {
    struct sl_buf key_marker, id_marker;
    bool is_last;
};

static void make_query(struct sl_buf *query, const struct page *page, const struct wanted *wanted)
{
    if (page->key_marker.len > 1) {
        sl_buf_text(query, "key-marker=");
        sl_s3_encode(query, (const char *)page->key_marker.bytes, false);
        sl_buf_byte(query, '&');
    }
    sl_buf_text(query, "prefix=");
    sl_s3_encode(query, wanted->key ? wanted->key : wanted->before, false);
    sl_buf_text(query, wanted->key ? "&" : "-&");
    if (page->id_marker.len > 1) {
        sl_buf_text(query, "upload-id-marker=");
        sl_s3_encode(query, (const char *)page->id_marker.bytes, false);
        sl_buf_byte(query, '&');
    }
    sl_buf_text(query, "uploads=");
    sl_buf_byte(query, 0);
}

/* Aborts those of one answer that are wanted. */
static int abort_listed(struct sl_s3_context *context, struct sl_s3_client *client, const char *list,
                        const struct wanted *wanted, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf upload = {0}, key = {0}, id = {0};
    bool nomem = false;
    int r = 0;
    while (r == 0 && (list = sl_s3_element_raw(list, "Upload", &upload, &nomem))) {
        const char *text = (const char *)upload.bytes;
        if (!sl_s3_element(text, "Key", &key, &nomem) || !sl_s3_element(text, "UploadId", &id, &nomem))
            continue;
        if (is_wanted(wanted, (const char *)key.bytes))
            r = sl_multipart_abort_id(context, client, (const char *)key.bytes, (const char *)id.bytes, err);
    }
    return nomem ? sl_error_nomem(err) : r;
}

static int next_page(const char *list, struct page *page, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf more = {0};
    bool nomem = false;
    bool is_cut =
        sl_s3_element(list, "IsTruncated", &more, &nomem) && strcmp((const char *)more.bytes, "true") == 0;
    page->is_last = !is_cut || !sl_s3_element(list, "NextKeyMarker", &page->key_marker, &nomem) ||
                    !sl_s3_element(list, "NextUploadIdMarker", &page->id_marker, &nomem);
    return nomem ? sl_error_nomem(err) : 0;
}

static int abort_wanted(struct sl_s3_context *context, struct sl_s3_client *client,
                        const struct wanted *wanted, struct sl_error *err)
{
    struct page page = {0};
    int r = 0;
    for (int i = 0; r == 0 && i < PAGES_MAX && !page.is_last; i++) {
        SL_CLEANUP(sl_buf_done) struct sl_buf query = {0};
        struct sl_s3_answer answer = {0};
        make_query(&query, &page, wanted);
        if (query.failed) {
            r = sl_error_nomem(err);
            break;
        }
        const struct sl_s3_request request = {.method = "GET", .query = (const char *)query.bytes};
        r = sl_s3_call(context, client, &request, &answer, err);
        r = r < 0 ? r : abort_listed(context, client, (const char *)answer.body.bytes, wanted, err);
        r = r < 0 ? r : next_page((const char *)answer.body.bytes, &page, err);
        sl_s3_answer_done(&answer);
    }
    sl_buf_done(&page.key_marker);
    sl_buf_done(&page.id_marker);
    return r;
}

int sl_leftover_abort(struct sl_s3_context *context, struct sl_s3_client *client, const char *before,
                      const char *after, struct sl_error *err)
{
    return abort_wanted(context, client, &(struct wanted){.before = before, .after = after}, err);
}

int sl_leftover_abort_key(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                          struct sl_error *err)
{
    return abort_wanted(context, client, &(struct wanted){.key = key}, err);
}

/* ---- objects ---- */

static bool is_part(const char *name)
{
    size_t digits = strncmp(name, "part-", 5) == 0 ? strspn(name + 5, "0123456789") : 0;
    return digits && (!name[5 + digits] || name[5 + digits] == '.') && !strchr(name, '/');
}

static int visit_listed(const char *list, const char *directory, sl_leftover_visit *visit, void *arg,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf key = {0};
    size_t len = strlen(directory);
    bool nomem = false;
    int r = 0;
    while (r == 0 && (list = sl_s3_element(list, "Key", &key, &nomem))) {
        const char *text = (const char *)key.bytes;
        if (strncmp(text, directory, len) == 0 && text[len] == '/' && is_part(text + len + 1))
            r = visit(arg, text, text + len + 1, err);
    }
    return nomem ? sl_error_nomem(err) : r;
}

static void make_list_query(struct sl_buf *query, const char *token, const char *directory)
{
    if (*token) {
        sl_buf_text(query, "continuation-token=");
        sl_s3_encode(query, token, false);
        sl_buf_byte(query, '&');
    }
    sl_buf_text(query, "list-type=2&prefix=");
    sl_s3_encode(query, directory, false);
    sl_buf_text(query, "%2Fpart-");
    sl_buf_byte(query, 0);
}

int sl_leftover_each_part(struct sl_s3_context *context, struct sl_s3_client *client, const char *directory,
                          sl_leftover_visit *visit, void *arg, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf token = {0};
    bool nomem = false, is_last = false;
    int r = 0;
    for (int i = 0; r == 0 && i < PAGES_MAX && !is_last; i++) {
        SL_CLEANUP(sl_buf_done) struct sl_buf query = {0};
        struct sl_s3_answer answer = {0};
        make_list_query(&query, token.len ? (const char *)token.bytes : "", directory);
        if (query.failed)
            return sl_error_nomem(err);
        const struct sl_s3_request request = {.method = "GET", .query = (const char *)query.bytes};
        r = sl_s3_call(context, client, &request, &answer, err);
        const char *list = (const char *)answer.body.bytes;
        if (r == 0 && !sl_s3_is_list(&answer))
            r = sl_error_set(err, SL_EUNREACHABLE,
                             "%s://%s/%s: the listing of its parts is not whole: is %s an object store?",
                             context->config->scheme, context->config->bucket, directory,
                             context->config->shown_endpoint);
        r = r < 0 ? r : visit_listed(list, directory, visit, arg, err);
        is_last = r < 0 || !sl_s3_element(list, "NextContinuationToken", &token, &nomem);
        sl_s3_answer_done(&answer);
    }
    return nomem ? sl_error_nomem(err) : r;
}

struct removing {
    struct sl_s3_context *context;
    struct sl_s3_client *client;
    const struct sl_manifest *manifest;
};

static int remove_unnamed(void *arg, const char *key, const char *name, struct sl_error *err)
{
    const struct removing *removing = arg;
    if (sl_manifest_find(removing->manifest, name))
        return 0;
    const struct sl_s3_request request = {.method = "DELETE", .key = key, .expected = {404}};
    struct sl_s3_answer answer = {0};
    int r = sl_s3_call(removing->context, removing->client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    return r;
}

int sl_leftover_remove_parts(struct sl_s3_context *context, struct sl_s3_client *client,
                             const char *directory, const struct sl_manifest *manifest, struct sl_error *err)
{
    struct removing removing = {context, client, manifest};
    return sl_leftover_each_part(context, client, directory, remove_unnamed, &removing, err);
}

#endif
