#include "receive/log_dir.h"

#include <string.h>
#include <xxhash.h>

enum { NAME_MAX_BYTES = 255 };

static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static void append_encoded(struct sl_buf *buf, const char *name)
{
    for (size_t i = 0; name[i]; i++)
        if (is_plain(name[i]) && (i || name[0] != '.'))
            sl_buf_byte(buf, (uint8_t)name[i]);
        else
            sl_buf_printf(buf, "%%%02X", (uint8_t)name[i]);
}

void sl_received_dir(const char *checkpoint, const char *name, struct sl_buf *ret)
{
    sl_buf_printf(ret, "%s/received/", checkpoint);
    size_t before = ret->len;
    append_encoded(ret, name);
    if (ret->len - before > NAME_MAX_BYTES) {
        XXH128_hash_t hash = XXH3_128bits(name, strlen(name));
        ret->len = before;
        sl_buf_printf(ret, "~%016llx%016llx", (unsigned long long)hash.high64,
                      (unsigned long long)hash.low64);
    }
    sl_buf_byte(ret, 0);
}
