#ifdef SLUICE_HAS_S3

#include "sinks/bucket/multipart.h"

#include "core/base/error.h"
#include "sinks/bucket/element.h"
#include "text/crc32c.h"
#include "text/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sl_multipart_whole(struct sl_multipart *multipart, struct sl_s3_context *context,
                       struct sl_s3_client *client, const void *bytes, size_t len, struct sl_error *err)
{
    const struct sl_s3_request request = {.method = "PUT", .key = multipart->key, .body = bytes, .len = len};
    struct sl_s3_answer answer = {0};
    int r = sl_s3_call(context, client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    return r;
}

static int malformed(const struct sl_s3_context *context, const char *key, const char *what,
                     struct sl_error *err)
{
    return sl_error_set(err, SL_EUNREACHABLE, "%s://%s/%s: the answer has no %s: is %s an object store?",
                        context->config->scheme, context->config->bucket, key, what,
                        context->config->shown_endpoint);
}

/* A server that does not take checksums says nothing of them, or refuses to be asked. OSS documents another digest. */
static int call_begin(const char *key, struct sl_s3_context *context, struct sl_s3_client *client,
                      struct sl_s3_answer *answer, struct sl_error *err)
{
    struct sl_s3_request request = {.method = "POST", .key = key, .query = "uploads="};
    request.is_checksummed = strcmp(context->config->scheme, "s3") == 0;
    if (request.is_checksummed)
        request.expected[0] = 400, request.expected[1] = 501;
    int r = sl_s3_call(context, client, &request, answer, err);
    if (r < 0 || answer->status < 300)
        return r;
    request.is_checksummed = false;
    request.expected[0] = request.expected[1] = 0;
    return sl_s3_call(context, client, &request, answer, err);
}

int sl_multipart_begin(struct sl_multipart *multipart, struct sl_s3_context *context,
                       struct sl_s3_client *client, struct sl_error *err)
{
    struct sl_s3_answer answer = {0};
    struct sl_buf id = {0};
    bool nomem = false;
    multipart->etag = calloc(SL_MULTIPART_PARTS_MAX, sizeof *multipart->etag);
    multipart->checksum = calloc(SL_MULTIPART_PARTS_MAX, sizeof *multipart->checksum);
    int r = multipart->etag && multipart->checksum ? call_begin(multipart->key, context, client, &answer, err)
                                                   : sl_error_nomem(err);
    multipart->is_doubtful |= answer.is_doubtful;
    multipart->has_checksums = r == 0 && answer.has_checksums;
    if (r == 0 && !sl_s3_element((const char *)answer.body.bytes, "UploadId", &id, &nomem))
        r = nomem ? sl_error_nomem(err) : malformed(context, multipart->key, "UploadId", err);
    sl_s3_answer_done(&answer);
    if (r < 0) {
        sl_buf_done(&id);
        free(multipart->etag);
        free(multipart->checksum);
        multipart->etag = NULL;
        multipart->checksum = NULL;
        return r;
    }
    multipart->upload_id = (char *)id.bytes;
    return 0;
}

/* "partNumber=7&uploadId=..."; number 0: without it. False: out of memory. */
static bool make_query(struct sl_buf *query, size_t number, const char *upload_id)
{
    if (number)
        sl_buf_printf(query, "partNumber=%zu&", number);
    sl_buf_text(query, "uploadId=");
    sl_s3_encode(query, upload_id, false);
    sl_buf_byte(query, 0);
    return !query->failed;
}

static bool make_checksum(const void *bytes, size_t len, char ret[SL_S3_CHECKSUM_MAX])
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    uint32_t crc = sl_crc32c(bytes, len);
    const uint8_t big_endian[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                                  (uint8_t)crc};
    if (!sl_buf_base64(&text, big_endian, sizeof big_endian))
        return false;
    sl_assert(text.len == SL_S3_CHECKSUM_MAX - 1);
    memcpy(ret, text.bytes, text.len);
    ret[text.len] = 0;
    return true;
}

int sl_multipart_part(struct sl_multipart *multipart, struct sl_s3_context *context,
                      struct sl_s3_client *client, size_t number, const void *bytes, size_t len,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf query = {0};
    struct sl_s3_answer answer = {0};
    char *checksum = multipart->has_checksums ? multipart->checksum[number - 1] : NULL;
    if (!make_query(&query, number, multipart->upload_id) ||
        (checksum && !make_checksum(bytes, len, checksum)))
        return sl_error_nomem(err);
    const struct sl_s3_request request = {.method = "PUT",
                                          .checksum = checksum,
                                          .key = multipart->key,
                                          .query = (const char *)query.bytes,
                                          .body = bytes,
                                          .len = len};
    int r = sl_s3_call(context, client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    if (r == 0 && (!answer.etag[0] || strpbrk(answer.etag, "<>&")))
        r = malformed(context, multipart->key, "ETag", err);
    if (r == 0)
        memcpy(multipart->etag[number - 1], answer.etag, sizeof answer.etag);
    return r;
}

/* ---- completing ---- */

static bool make_list(const struct sl_multipart *multipart, struct sl_buf *list)
{
    sl_buf_text(list, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < multipart->parts; i++) {
        sl_buf_printf(list, "<Part><PartNumber>%zu</PartNumber><ETag>%s</ETag>", i + 1, multipart->etag[i]);
        if (multipart->has_checksums)
            sl_buf_printf(list, "<ChecksumCRC32C>%s</ChecksumCRC32C>", multipart->checksum[i]);
        sl_buf_text(list, "</Part>");
    }
    sl_buf_text(list, "</CompleteMultipartUpload>");
    return !list->failed;
}

/* An upload that is not known any more was completed by a request whose answer was lost: then the object is there. Else it
 * was aborted from outside, and all parts are lost. */
static int look_for_object(const struct sl_multipart *multipart, struct sl_s3_context *context,
                           struct sl_s3_client *client, struct sl_error *err)
{
    const struct sl_s3_request request = {.method = "HEAD", .key = multipart->key, .expected = {404}};
    struct sl_s3_answer answer = {0};
    int r = sl_s3_call(context, client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    if (r < 0 || (answer.status < 300 && answer.length == (int64_t)multipart->bytes))
        return r;
    sl_error_set(err, SL_EUNREACHABLE, "%s://%s/%s: the upload was aborted by someone else; it is done again",
                 context->config->scheme, context->config->bucket, multipart->key);
    return sl_error_redo(err, context->retry_ms);
}

int sl_multipart_complete(struct sl_multipart *multipart, struct sl_s3_context *context,
                          struct sl_s3_client *client, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf query = {0}, list = {0};
    struct sl_s3_answer answer = {0};
    if (!make_query(&query, 0, multipart->upload_id) || !make_list(multipart, &list))
        return sl_error_nomem(err);
    const struct sl_s3_request request = {.method = "POST",
                                          .key = multipart->key,
                                          .query = (const char *)query.bytes,
                                          .body = list.bytes,
                                          .len = list.len,
                                          .expected = {404}};
    int r = sl_s3_call(context, client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    if (r == 0 && answer.status == 404)
        r = look_for_object(multipart, context, client, err);
    multipart->is_complete = r == 0;
    return r;
}

/* ---- giving up ---- */

int sl_multipart_abort_id(struct sl_s3_context *context, struct sl_s3_client *client, const char *key,
                          const char *upload_id, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf query = {0};
    struct sl_s3_answer answer = {0};
    if (!make_query(&query, 0, upload_id))
        return sl_error_nomem(err);
    const struct sl_s3_request request = {
        .method = "DELETE", .key = key, .query = (const char *)query.bytes, .expected = {404}};
    int r = sl_s3_call(context, client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    return r;
}

void sl_multipart_abort(struct sl_multipart *multipart, struct sl_s3_context *context,
                        struct sl_s3_client *client)
{
    struct sl_error ignored;
    int64_t retry_ms = context->retry_ms;
    context->retry_ms = 0;
    if (multipart->upload_id && !multipart->is_complete)
        (void)sl_multipart_abort_id(context, client, multipart->key, multipart->upload_id,
                                    &ignored); /* see the header */
    context->retry_ms = retry_ms;
}

void sl_multipart_done(struct sl_multipart *multipart)
{
    free(multipart->key);
    free(multipart->upload_id);
    free(multipart->etag);
    free(multipart->checksum);
    *multipart = (struct sl_multipart){0};
}

#endif
