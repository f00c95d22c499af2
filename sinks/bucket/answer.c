#ifdef SLUICE_HAS_S3

#include "sinks/bucket/answer.h"

#include "sinks/bucket/element.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CODE_MAX = 64, SHOWN_MAX = 300 };

bool sl_s3_may_pass(long status, const char *code)
{
    static const char *const passing[] = {"BadDigest",
                                          "RequestTimeout",
                                          "SlowDown",
                                          "InternalError",
                                          "XAmzContentChecksumMismatch",
                                          "ConditionalRequestConflict",
                                          "OperationAborted"};
    if (status == 429 || (status >= 500 && status != 501))
        return true;
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strcmp(passing[i], code) == 0)
            return true;
    return false;
}

bool sl_s3_is_list(const struct sl_s3_answer *answer)
{
    const char *text = answer->body.len && !answer->is_cut ? (const char *)answer->body.bytes : "";
    const char *begin = strstr(text, "<ListBucketResult");
    return begin && strstr(begin, "</ListBucketResult>");
}

/* An element, safe to be shown, "" where there is none. */
static void element(const struct sl_s3_answer *answer, const char *name, char *to, size_t size)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0}, safe = {0};
    bool nomem = false;
    *to = 0;
    if (!answer->body.len || !sl_s3_element((const char *)answer->body.bytes, name, &text, &nomem) || nomem)
        return;
    size_t len = strlen((const char *)text.bytes);
    if (sl_buf_safe(&safe, text.bytes, len < SHOWN_MAX ? len : SHOWN_MAX) && sl_buf_byte(&safe, 0))
        snprintf(to, size, "%s", (const char *)safe.bytes);
}

void sl_s3_code(const struct sl_s3_answer *answer, char *code, size_t size)
{
    element(answer, "Code", code, size);
}

static int hint_skew(const struct sl_s3_answer *answer, struct sl_error *err)
{
    char here[64];
    time_t now = (time_t)(sl_clock_real.now_ms(&sl_clock_real) / 1000);
    struct tm utc;
    strftime(here, sizeof here, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    return sl_error_hint(
        err, "the clock of this machine says %s, the server's %s: correct it (timedatectl, chrony)", here,
        answer->date[0] ? answer->date : "something else");
}

/* Servers of others have a code of their own. */
static bool is_unknown_key(const char *code)
{
    return strcmp(code, "InvalidAccessKeyId") == 0 || strcmp(code, "XAdminUserNotFound") == 0;
}

static int hint_forbidden(const struct sl_s3_context *context, const char *code, struct sl_error *err)
{
    if (strcmp(code, "SignatureDoesNotMatch") == 0)
        return sl_error_hint(
            err, "the secret key does not belong to the access key, or the region \"%s\" is not the bucket's",
            context->config->region);
    if (is_unknown_key(code))
        return sl_error_hint(err, "%s does not know the access key: check credentials, profile and endpoint",
                             context->config->shown_endpoint);
    if (strcmp(code, "ExpiredToken") == 0 || strcmp(code, "InvalidToken") == 0)
        return sl_error_hint(err,
                             "get a new session token; the files of ~/.aws are read again with each batch");
    return sl_error_hint(
        err,
        "the access key needs the permissions PutObject, GetObject, ListBucket, AbortMultipartUpload and, for "
        "keep, DeleteObject on bucket %s and what lies in it",
        context->config->bucket);
}

static int hint(const struct sl_s3_context *context, const struct sl_s3_request *request,
                const struct sl_s3_answer *answer, const char *code, struct sl_error *err)
{
    const struct sl_s3_config *config = context->config;
    bool is_head = strcmp(request->method, "HEAD") == 0; /* it has no text that tells */
    if (strcmp(code, "RequestTimeTooSkewed") == 0)
        return hint_skew(answer, err);
    if (strcmp(code, "AuthorizationHeaderMalformed") == 0 || answer->status / 100 == 3)
        return sl_error_hint(
            err,
            "the bucket is in another region than \"%s\", or at another endpoint than %s: set region or endpoint",
            config->region, config->shown_endpoint);
    if (answer->status == 401 || answer->status == 403 || is_unknown_key(code) ||
        strcmp(code, "ExpiredToken") == 0 || strcmp(code, "InvalidToken") == 0)
        return hint_forbidden(context, code, err);
    if (strcmp(code, "NoSuchBucket") == 0 || (answer->status == 404 && (is_head || !code[0])))
        return sl_error_hint(
            err,
            "make the bucket %s at %s, or correct its name, the endpoint or the addressing (\"path\" or \"virtual\")",
            config->bucket, config->shown_endpoint);
    return err->code;
}

int sl_s3_refused(const struct sl_s3_context *context, const struct sl_s3_request *request,
                  const struct sl_s3_answer *answer, struct sl_error *err)
{
    char code[CODE_MAX], message[SHOWN_MAX + 1];
    const struct sl_s3_config *config = context->config;
    element(answer, "Code", code, sizeof code);
    element(answer, "Message", message, sizeof message);
    sl_error_set(err, SL_EUNREACHABLE, "%s://%s/%s: %s: status %ld%s%s%s%s", config->scheme, config->bucket,
                 request->key ? request->key : "", request->method, answer->status, code[0] ? " " : "", code,
                 message[0] ? ": " : "", message);
    return hint(context, request, answer, code, err);
}

#endif
