#include "receive/log_dir.h"

#include <string.h>
#include <xxhash.h>

enum { NAME_MAX_BYTES = 255 };

static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool append_encoded(struct sl_buf *buf, const char *name)
{
    bool ok = true;
    for (size_t i = 0; ok && name[i]; i++)
        ok = is_plain(name[i]) && (i || name[0] != '.') ? sl_buf_byte(buf, (uint8_t)name[i])
                                                        : sl_buf_printf(buf, "%%%02X", (uint8_t)name[i]);
    return ok;
}

bool sl_received_dir(const char *checkpoint, const char *name, struct sl_buf *ret)
{
    if (!sl_buf_printf(ret, "%s/received/", checkpoint))
        return false;
    size_t before = ret->len;
    bool ok = append_encoded(ret, name);
    if (ok && ret->len - before > NAME_MAX_BYTES) {
        XXH128_hash_t hash = XXH3_128bits(name, strlen(name));
        ret->len = before;
        ok = sl_buf_printf(ret, "~%016llx%016llx", (unsigned long long)hash.high64,
                           (unsigned long long)hash.low64);
    }
    return ok && sl_buf_byte(ret, 0);
}
