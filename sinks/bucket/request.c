#ifdef SLUICE_HAS_S3

#include "sinks/bucket/request.h"

#include "core/base/error.h"
#include "sinks/bucket/answer.h"
#include "text/digest.h"

#include <nettle/md5.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum {
    BODY_MAX = 4 << 20,
    SILENCE_S = 10, /* without a byte */
    CODE_MAX = 64,
    CONTINUE_MS = 200,
};

/* ---- text ---- */

void sl_s3_encode(struct sl_buf *buf, const char *text, bool is_path)
{
    for (; *text; text++) {
        uint8_t byte = (uint8_t)*text;
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || strchr("-_.~", byte) || (is_path && byte == '/');
        if (is_plain)
            sl_buf_byte(buf, byte);
        else
            sl_buf_printf(buf, "%%%02X", byte);
    }
}

/* ---- what libcurl calls ---- */

struct exchange {
    struct sl_s3_context *context;
    const struct sl_s3_request *request;
    struct sl_s3_answer *answer;
    size_t sent;
    long status;   /* of the answer whose body comes */
    bool has_head; /* whole: libcurl takes a connection that ends within it for its end */
    bool nomem, has_given;
    int refused; /* what request->take failed with */
};

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    struct sl_buf *body = &exchange->answer->body;
    size_t len = size * count;
    if (exchange->request->take && exchange->status == 200) {
        exchange->has_given = true;
        exchange->refused = exchange->request->take(exchange->request->take_arg, bytes, len);
        return exchange->refused < 0 ? 0 : len;
    }
    exchange->answer->is_cut |= body->len + len >= BODY_MAX;
    if (!exchange->answer->is_cut)
        exchange->nomem |= !sl_buf_append(body, bytes, len);
    return exchange->nomem ? 0 : len;
}

static size_t give_body(char *to, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    size_t left = exchange->request->len - exchange->sent, len = size * count < left ? size * count : left;
    if (len)
        memcpy(to, (const uint8_t *)exchange->request->body + exchange->sent, len);
    exchange->sent += len;
    return len;
}

/* A connection that turned out closed: the body is sent from the beginning. */
static int seek_body(void *arg, curl_off_t offset, int origin)
{
    struct exchange *exchange = arg;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > exchange->request->len)
        return CURL_SEEKFUNC_FAIL;
    exchange->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void take_value(const char *line, size_t len, const char *name, char *to, size_t size)
{
    size_t skip = strlen(name);
    if (len <= skip || strncasecmp(line, name, skip) != 0)
        return;
    while (skip < len && line[skip] == ' ')
        skip++;
    while (len > skip && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    snprintf(to, size, "%.*s", (int)(len - skip), line + skip);
}

/* "HTTP/1.1 200 OK": the first line of a head, which may be that of an interim answer. */
static void take_status(struct exchange *exchange, const char *line, size_t len)
{
    const char *blank = len > 5 && strncmp(line, "HTTP/", 5) == 0 ? memchr(line, ' ', len) : NULL;
    char status[8] = "";
    if (!blank)
        return;
    snprintf(status, sizeof status, "%.*s", len - (size_t)(blank + 1 - line) < 3 ? 0 : 3, blank + 1);
    exchange->status = strtol(status, NULL, 10);
    exchange->has_head = false;
}

static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    struct sl_s3_answer *answer = exchange->answer;
    size_t len = size * count;
    char length[32] = "", algorithm[16] = "";
    take_status(exchange, line, len);
    exchange->has_head |= len > 0 && (line[0] == '\r' || line[0] == '\n'); /* the blank line at its end */
    take_value(line, len, "etag:", answer->etag, sizeof answer->etag);
    take_value(line, len, "x-amz-meta-sluice:", answer->mark, sizeof answer->mark);
    take_value(line, len, "date:", answer->date, sizeof answer->date);
    take_value(line, len, "last-modified:", answer->modified, sizeof answer->modified);
    take_value(line, len, "content-length:", length, sizeof length);
    take_value(line, len, "x-amz-checksum-algorithm:", algorithm, sizeof algorithm);
    answer->has_checksums |= strcasecmp(algorithm, "CRC32C") == 0;
    if (length[0] && sscanf(length, "%lld", (long long *)&answer->length) != 1)
        answer->length = -1;
    return len;
}

static bool is_abandoned(const struct sl_s3_context *context)
{
    return context->stop && atomic_load_explicit(context->stop, memory_order_relaxed);
}

static int look_at_stop(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct exchange *exchange = arg;
    (void)down_total, (void)down, (void)up_total, (void)up; /* only whether to continue */
    return is_abandoned(exchange->context);
}

/* ---- one try ---- */

static bool add_header(const struct sl_curl *curl, struct curl_slist **list, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool add_header(const struct sl_curl *curl, struct curl_slist **list, const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        return false;
    struct curl_slist *longer = curl->curl_slist_append(*list, text);
    *list = longer ? longer : *list;
    explicit_bzero(text, sizeof text); /* a session token may have been in it */
    return longer;
}

static bool add_digest(const struct sl_curl *curl, struct curl_slist **list,
                       const struct sl_s3_request *request)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    uint8_t digest[MD5_DIGEST_SIZE];
    struct md5_ctx md5;
    md5_init(&md5);
    md5_update(&md5, request->len, request->body);
    md5_digest(&md5, sizeof digest, digest);
    return sl_buf_base64(&text, digest, sizeof digest) && sl_buf_byte(&text, 0) &&
           add_header(curl, list, "Content-MD5: %s", (const char *)text.bytes);
}

static bool make_headers(const struct sl_curl *curl, const struct sl_s3_config *config,
                         const struct sl_s3_request *request, struct curl_slist **list)
{
    bool ok =
        add_header(curl, list, "x-amz-content-sha256: %s", request->len ? "UNSIGNED-PAYLOAD" : EMPTY_SHA256);
    if (ok && request->checksum)
        ok = add_header(curl, list, "x-amz-checksum-crc32c: %s", request->checksum);
    else if (ok && request->len)
        ok = add_digest(curl, list, request);
    if (ok && request->is_checksummed)
        ok = add_header(curl, list, "x-amz-checksum-algorithm: CRC32C");
    if (ok && (request->method[0] == 'P'))
        ok = add_header(curl, list, "Content-Type: %s",
                        request->method[1] == 'O' ? "application/xml" : "application/octet-stream");
    if (ok && config->token)
        ok = add_header(curl, list, "x-amz-security-token: %s", config->token);
    if (ok && request->mark)
        ok = add_header(curl, list, "x-amz-meta-sluice: %s", request->mark);
    if (ok && request->if_match)
        ok = add_header(curl, list, "If-Match: %s", request->if_match);
    if (ok && request->range_len)
        ok = add_header(curl, list, "Range: bytes=%lld-%lld", (long long)request->from,
                        (long long)request->from + (long long)request->range_len - 1);
    return ok && request->if_absent ? add_header(curl, list, "If-None-Match: *") : ok;
}

static bool make_url(const struct sl_s3_config *config, const struct sl_s3_request *request,
                     struct sl_buf *url)
{
    sl_buf_text(url, config->base);
    sl_buf_byte(url, '/');
    if (request->key)
        sl_s3_encode(url, request->key, true);
    if (request->query)
        sl_buf_printf(url, "?%s", request->query);
    sl_buf_byte(url, 0);
    return !url->failed;
}

static void set_method(const struct sl_curl *curl, CURL *handle, const struct sl_s3_request *request)
{
    if (strcmp(request->method, "PUT") == 0) {
        curl->curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl->curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->len);
    } else if (strcmp(request->method, "POST") == 0) {
        curl->curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl->curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
        curl->curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->len ? request->body : "");
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl->curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (strcmp(request->method, "DELETE") == 0) {
        curl->curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
    }
}

static void set_options(const struct sl_curl *curl, CURL *handle, struct exchange *exchange, const char *url,
                        struct curl_slist *headers, char *why)
{
    const struct sl_s3_config *config = exchange->context->config;
    char signature[128];
    snprintf(signature, sizeof signature, "aws:amz:%.64s:s3", config->region);
    curl->curl_easy_setopt(handle, CURLOPT_URL, url);
    curl->curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, signature);
    curl->curl_easy_setopt(handle, CURLOPT_USERNAME, config->id);
    curl->curl_easy_setopt(handle, CURLOPT_PASSWORD, config->secret);
    curl->curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl->curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl->curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl->curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl->curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why);
    curl->curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, (long)SILENCE_S);
    curl->curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl->curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
    curl->curl_easy_setopt(handle, CURLOPT_EXPECT_100_TIMEOUT_MS, (long)CONTINUE_MS);
    curl->curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl->curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl->curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    curl->curl_easy_setopt(handle, CURLOPT_READFUNCTION, give_body);
    curl->curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
    curl->curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, seek_body);
    curl->curl_easy_setopt(handle, CURLOPT_SEEKDATA, exchange);
    curl->curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
    curl->curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
    curl->curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl->curl_easy_setopt(handle, CURLOPT_XFERINFODATA, exchange);
    curl->curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    if (config->ca_file)
        curl->curl_easy_setopt(handle, CURLOPT_CAINFO, config->ca_file);
    set_method(curl, handle, exchange->request);
}

static void answer_reset(struct sl_s3_answer *answer)
{
    answer->status = 0;
    sl_buf_clear(&answer->body);
    answer->etag[0] = answer->mark[0] = answer->date[0] = answer->modified[0] = 0;
    answer->length = -1;
    answer->has_checksums = answer->is_cut = false;
}

/* What libcurl says of a request that had no answer; *ret_passes: it may pass. */
static int no_answer(const struct exchange *exchange, const struct sl_curl *curl, CURLcode code,
                     const char *why, bool *ret_passes, struct sl_error *err)
{
    const struct sl_s3_config *config = exchange->context->config;
    if (exchange->nomem || code == CURLE_OUT_OF_MEMORY)
        return sl_error_nomem(err);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return sl_error_set(err, SL_ESTOP, "stopped while it spoke to %s", config->shown_endpoint);
    *ret_passes = code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_SSL_CACERT_BADFILE &&
                  code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL;
    sl_error_set(err, SL_EUNREACHABLE, "%s://%s/%s: %s %s: %s", config->scheme, config->bucket,
                 exchange->request->key ? exchange->request->key : "", exchange->request->method,
                 config->shown_endpoint, why[0] ? why : curl->curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        sl_error_hint(err,
                      "the certificate is not trusted: name the authority's with caFile, or AWS_CA_BUNDLE");
    return SL_EUNREACHABLE;
}

static int perform(struct sl_s3_client *client, struct exchange *exchange, const char *url,
                   struct curl_slist *headers, bool *ret_passes, struct sl_error *err)
{
    const struct sl_curl *curl = client->curl;
    char why[CURL_ERROR_SIZE] = "";
    if (!client->handle && !(client->handle = curl->curl_easy_init()))
        return sl_error_nomem(err);
    curl->curl_easy_reset(client->handle);
    set_options(curl, client->handle, exchange, url, headers, why);
    CURLcode code = curl->curl_easy_perform(client->handle);
    curl->curl_easy_setopt(client->handle, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK && !exchange->has_head) {
        code = CURLE_PARTIAL_FILE;
        snprintf(why, sizeof why, "the connection ended within the headers of the answer");
    }
    if (code != CURLE_OK)
        return no_answer(exchange, curl, code, why, ret_passes, err);
    curl->curl_easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, &exchange->answer->status);
    if (!sl_buf_byte(&exchange->answer->body, 0))
        return sl_error_nomem(err);
    exchange->answer->body.len--;
    return 0;
}

static bool is_expected(const struct sl_s3_request *request, long status)
{
    return (status >= 200 && status < 300) || status == request->expected[0] ||
           status == request->expected[1];
}

/* Sends it; 0: there is an answer, whatever its status. */
static int exchange_once(struct sl_s3_context *context, struct sl_s3_client *client,
                         const struct sl_s3_request *request, struct sl_s3_answer *answer, bool *ret_passes,
                         struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf url = {0};
    struct exchange exchange = {.context = context, .request = request, .answer = answer};
    struct curl_slist *headers = NULL;
    *ret_passes = false;
    answer_reset(answer);
    bool ok = make_url(context->config, request, &url) &&
              make_headers(client->curl, context->config, request, &headers);
    int r = ok ? perform(client, &exchange, (const char *)url.bytes, headers, ret_passes, err)
               : sl_error_nomem(err);
    client->curl->curl_slist_free_all(headers);
    *ret_passes = *ret_passes && !exchange.has_given;
    return exchange.refused < 0 ? exchange.refused : r;
}

/* The answer to a HEAD has no text that tells why it was refused: that to a GET of the same key has. Where that is not
 * refused, too, the answer is the one that there was. */
static void ask_why(struct sl_s3_context *context, struct sl_s3_client *client,
                    const struct sl_s3_request *request, struct sl_s3_answer *answer)
{
    const struct sl_s3_request get = {.method = "GET", .key = request->key, .query = request->query};
    struct sl_s3_answer why = {0};
    struct sl_error ignored;
    bool passes;
    if (exchange_once(context, client, &get, &why, &passes, &ignored) == 0 && why.status >= 300) {
        sl_s3_answer_done(answer);
        *answer = why;
        return;
    }
    sl_s3_answer_done(&why);
}

/* *ret_passes: after a failure, it may pass. */
static int try_once(struct sl_s3_context *context, struct sl_s3_client *client,
                    const struct sl_s3_request *request, struct sl_s3_answer *answer, bool *ret_passes,
                    struct sl_error *err)
{
    char code[CODE_MAX];
    int r = exchange_once(context, client, request, answer, ret_passes, err);
    if (r < 0)
        return r;
    if (strcmp(request->method, "HEAD") == 0 && !is_expected(request, answer->status) &&
        !sl_s3_may_pass(answer->status, ""))
        ask_why(context, client, request, answer);
    sl_s3_code(answer, code, sizeof code);
    bool is_late_error =
        answer->status == 200 && request->method[0] == 'P' && code[0]; /* completing reports it in its body */
    if (is_expected(request, answer->status) && !is_late_error)
        return 0;
    *ret_passes = is_late_error || sl_s3_may_pass(answer->status, code);
    return sl_s3_refused(context, request, answer, err);
}

/* ---- again ---- */

int sl_s3_call(struct sl_s3_context *context, struct sl_s3_client *client,
               const struct sl_s3_request *request, struct sl_s3_answer *answer, struct sl_error *err)
{
    struct sl_retry retry;
    bool passes;
    int r;
    sl_retry_begin(&retry, &context->retry_log, context->services, context->stop, context->retry_ms);
    do {
        r = try_once(context, client, request, answer, &passes, err);
        answer->is_doubtful |= r == SL_EUNREACHABLE;
    } while (r == SL_EUNREACHABLE && passes && sl_retry_again(&retry, "", err));
    return r;
}

void sl_s3_answer_done(struct sl_s3_answer *answer)
{
    sl_buf_done(&answer->body);
}

void sl_s3_client_done(struct sl_s3_client *client)
{
    if (client->handle)
        client->curl->curl_easy_cleanup(client->handle);
    client->handle = NULL;
}

#endif
