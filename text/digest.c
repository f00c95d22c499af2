#include "text/digest.h"

#include "core/base/error.h"

#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

/* ---- bytes as text ---- */

bool sl_buf_hex(struct sl_buf *buf, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;
    if (!sl_buf_reserve(buf, len > SIZE_MAX / 2 ? SIZE_MAX : 2 * len))
        return false;
    for (size_t i = 0; i < len; i++) {
        buf->bytes[buf->len++] = (uint8_t)digits[at[i] >> 4];
        buf->bytes[buf->len++] = (uint8_t)digits[at[i] & 15];
    }
    return true;
}

bool sl_buf_base64(struct sl_buf *buf, const void *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        char out[4] = {digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=',
                       n > 2 ? digits[bits & 63] : '='};
        if (!sl_buf_append(buf, out, 4))
            return false;
    }
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sl_buf_url_decode(struct sl_buf *buf, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i++) {
        bool is_escape = p[i] == '%' && len - i > 2 && hex_digit(p[i + 1]) >= 0 && hex_digit(p[i + 2]) >= 0;
        uint8_t byte = is_escape ? (uint8_t)(hex_digit(p[i + 1]) << 4 | hex_digit(p[i + 2])) : p[i];
        if (!sl_buf_byte(buf, byte))
            return false;
        i += is_escape ? 2 : 0;
    }
    return true;
}

/* ---- digests ---- */

static size_t digest_sha256(const void *bytes, size_t len, uint8_t *ret)
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, len, bytes);
    sha256_digest(&context, SHA256_DIGEST_SIZE, ret);
    return SHA256_DIGEST_SIZE;
}

static size_t digest_sha1(const void *bytes, size_t len, uint8_t *ret)
{
    struct sha1_ctx context;
    sha1_init(&context);
    sha1_update(&context, len, bytes);
    sha1_digest(&context, SHA1_DIGEST_SIZE, ret);
    return SHA1_DIGEST_SIZE;
}

static size_t digest_md5(const void *bytes, size_t len, uint8_t *ret)
{
    struct md5_ctx context;
    md5_init(&context);
    md5_update(&context, len, bytes);
    md5_digest(&context, MD5_DIGEST_SIZE, ret);
    return MD5_DIGEST_SIZE;
}

static size_t put_big_endian(uint64_t number, size_t size, uint8_t *ret)
{
    for (size_t i = 0; i < size; i++)
        ret[i] = (uint8_t)(number >> 8 * (size - 1 - i));
    return size;
}

static size_t digest_xxh3(const void *bytes, size_t len, uint8_t *ret)
{
    return put_big_endian(XXH3_64bits(bytes, len), 8, ret);
}

static size_t digest_crc32(const void *bytes, size_t len, uint8_t *ret)
{
    return put_big_endian(crc32_z(0, bytes, len), 4, ret);
}

static const struct {
    const char *name;
    size_t (*make)(const void *bytes, size_t len, uint8_t *ret);
} digests[] = {
    {"sha256", digest_sha256}, {"sha1", digest_sha1},   {"md5", digest_md5},
    {"xxh3", digest_xxh3},     {"crc32", digest_crc32},
};

int sl_buf_digest(struct sl_buf *buf, const char *name, const void *bytes, size_t len)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        if (strcmp(digests[i].name, name) == 0)
            return sl_buf_hex(buf, digest, digests[i].make(len ? bytes : "", len, digest)) ? 1 : SL_ENOMEM;
    return 0;
}

/* ---- UUIDs ---- */

bool sl_uuid_parse(const char *text, size_t len, uint8_t ret[16])
{
    size_t digits = 0;
    memset(ret, 0, 16);
    for (size_t i = 0; i < len; i++) {
        int digit = hex_digit((uint8_t)text[i]);
        if (text[i] == '-' && digits % 2 == 0)
            continue;
        if (digit < 0 || digits == 32)
            return false;
        ret[digits / 2] = (uint8_t)(ret[digits / 2] << 4 | digit);
        digits++;
    }
    return digits == 32;
}

bool sl_buf_uuid5(struct sl_buf *buf, const uint8_t space[16], const void *name, size_t len)
{
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    uint8_t digest[SHA1_DIGEST_SIZE], *at = digest;
    struct sha1_ctx context;
    sha1_init(&context);
    sha1_update(&context, 16, space);
    sha1_update(&context, len, name);
    sha1_digest(&context, sizeof digest, digest);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof groups; at += groups[i++])
        ok = (i == 0 || sl_buf_byte(buf, '-')) && sl_buf_hex(buf, at, groups[i]);
    return ok;
}
