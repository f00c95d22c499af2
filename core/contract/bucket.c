#include "core/contract/bucket.h"

#include "core/base/buf.h"
#include "core/base/error.h"

#include <string.h>

enum { BUCKET_MIN = 3, BUCKET_MAX = 63, KEY_MAX = 900 /* and the names of parts: 1024 bytes are allowed */ };

static bool begins(const struct sl_field *text, const char *with)
{
    size_t len = strlen(with);
    return text->tag == SL_STR && text->len >= len && memcmp(text->str, with, len) == 0;
}

bool sl_bucket_is_url(const struct sl_field *text)
{
    return begins(text, "s3://") || begins(text, "oss://");
}

size_t sl_bucket_url_len(const char *url, size_t len)
{
    while (len && url[len - 1] == '/')
        len--;
    return len;
}

const char *sl_bucket_name_below(const char *path, const char *url)
{
    size_t len = sl_bucket_url_len(url, strlen(url));
    return strncmp(path, url, len) == 0 && path[len] == '/' && path[len + 1] ? path + len + 1 : NULL;
}

static bool is_bucket_name(const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = name[i];
        bool is_inner = byte == '.' || byte == '-' || byte == '_';
        bool is_letter =
            (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        if (!is_letter && !(is_inner && i > 0 && i + 1 < len))
            return false;
    }
    return len >= BUCKET_MIN && len <= BUCKET_MAX;
}

/* Names of directories in the key that some servers, and people, take for others. */
static bool has_dots(const uint8_t *key, size_t len)
{
    for (size_t at = 0; at < len;) {
        const uint8_t *slash = memchr(key + at, '/', len - at);
        size_t end = slash ? (size_t)(slash - key) : len;
        size_t part = end - at;
        if ((part == 1 || part == 2) && slash && memcmp(key + at, "..", part) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

static int check_url(const struct sl_field *url, struct sl_error *err)
{
    size_t scheme = begins(url, "oss://") ? 6 : 5;
    const uint8_t *bucket = url->str + scheme, *end = url->str + url->len;
    const uint8_t *slash = memchr(bucket, '/', (size_t)(end - bucket));
    if (!slash)
        return sl_error_set(err, SL_EUSAGE, "the prefix has no key: write %.*s://bucket/prefix",
                            (int)scheme - 3, (const char *)url->str);
    if (!is_bucket_name(bucket, (size_t)(slash - bucket)))
        return sl_error_set(
            err, SL_EUSAGE,
            "\"%.*s\" is no name of a bucket: 3 to 63 letters, digits, dots and hyphens; credentials "
            "are never part of the prefix",
            memchr(bucket, '@', (size_t)(slash - bucket)) ? 0 : (int)(slash - bucket), (const char *)bucket);
    if (memchr(slash, 0, (size_t)(end - slash)) || has_dots(slash + 1, (size_t)(end - slash - 1)))
        return sl_error_set(err, SL_EUSAGE, "the prefix has a NUL, or a part . or .. in its key");
    if (end - slash > KEY_MAX)
        return sl_error_set(err, SL_EUSAGE, "the prefix is too long: a key has at most %d bytes", KEY_MAX);
    return 0;
}

static int check_endpoint(const struct sl_field *endpoint, struct sl_error *err)
{
    if (endpoint->tag != SL_STR)
        return 0;
    size_t scheme = begins(endpoint, "https://") ? 8 : begins(endpoint, "http://") ? 7 : 0;
    if (!scheme || endpoint->len == scheme)
        return sl_error_set(err, SL_EUSAGE, "endpoint must begin with https:// or http://, and name a host");
    for (size_t i = scheme; i < endpoint->len; i++) {
        if (endpoint->str[i] == '@')
            return sl_error_set(err, SL_EUSAGE, "endpoint must not have credentials in it");
        if (endpoint->str[i] <= ' ' || endpoint->str[i] == 0x7f || strchr("?#", endpoint->str[i]))
            return sl_error_set(err, SL_EUSAGE,
                                "endpoint must be a scheme, a host and a port, such as https://host:9000");
    }
    return 0;
}

int sl_bucket_settings_check(const struct sl_bucket_settings *settings, struct sl_error *err)
{
    int r = check_url(&settings->url, err);
    r = r < 0 ? r : check_endpoint(&settings->endpoint, err);
    if (r == 0 && settings->addressing.tag == SL_STR && !sl_field_is_text(&settings->addressing, "path") &&
        !sl_field_is_text(&settings->addressing, "virtual")) {
        sl_error_set(err, SL_EUSAGE, "addressing must be \"path\" or \"virtual\"");
        r = sl_error_got(err, &settings->addressing);
    }
    return r;
}

int sl_bucket_check(const struct sl_services *services, const struct sl_bucket_settings *settings, bool lists,
                    struct sl_buf *found, struct sl_error *err)
{
    struct sl_bucket *bucket = NULL;
    int r = services->open_bucket(services, settings, &bucket, err);
    r = r < 0 ? r : bucket->ops->probe(bucket, lists, found, err);
    if (bucket)
        bucket->ops->close(bucket);
    if (r != SL_EUNREACHABLE && r != SL_EUSAGE)
        return r;
    return sl_buf_printf(found, "%s\n", err->text) ? 0 : sl_error_nomem(err);
}

const char *const sl_bucket_option_names[] = {"endpoint", "region", "profile", "addressing",
                                              "caFile",   "retry",  NULL};

struct sl_bucket_settings sl_bucket_settings_of(const struct sl_node *node, struct sl_field url)
{
    struct sl_field retry = sl_node_option_value(node, "retry");
    return (struct sl_bucket_settings){
        .url = url,
        .endpoint = sl_node_option_value(node, "endpoint"),
        .region = sl_node_option_value(node, "region"),
        .profile = sl_node_option_value(node, "profile"),
        .addressing = sl_node_option_value(node, "addressing"),
        .ca_file = sl_node_option_value(node, "caFile"),
        .retry_ms = retry.tag == SL_INT ? retry.integer : SL_BUCKET_RETRY_MS,
    };
}
