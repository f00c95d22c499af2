#include "fs/tree/keyname.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <xxhash.h>

static bool is_plain(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '.' || byte == '_' || byte == '-';
}

static size_t hashed_name(const void *text, size_t len, char *name)
{
    XXH128_hash_t hash = XXH3_128bits(text, len);
    return (size_t)snprintf(name, SL_KEY_NAME_MAX + 1, "~%016llx%016llx", (unsigned long long)hash.high64,
                            (unsigned long long)hash.low64);
}

size_t sl_key_name(const void *text, size_t len, char *name)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *byte = text;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        bool plain = is_plain(byte[i]) && !(i == 0 && byte[i] == '.');
        if (at + (plain ? 1 : 3) > SL_KEY_NAME_MAX)
            return hashed_name(text, len, name);
        if (plain) {
            name[at++] = (char)byte[i];
        } else {
            name[at++] = '%';
            name[at++] = digits[byte[i] >> 4];
            name[at++] = digits[byte[i] & 15];
        }
    }
    if (len == 0)
        name[at++] = '%';
    name[at] = 0;
    return at;
}
