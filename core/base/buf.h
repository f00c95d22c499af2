/* A growing byte buffer. Appends return false when memory is out; the buffer then keeps what it had. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_buf {
    uint8_t *bytes;
    size_t len, capacity;
};

void sl_buf_init(struct sl_buf *buf);
void sl_buf_done(struct sl_buf *buf);

/* Room for `more` bytes behind len. */
bool sl_buf_reserve_slow(struct sl_buf *buf, size_t more);
static inline bool sl_buf_reserve(struct sl_buf *buf, size_t more)
{
    return buf->capacity - buf->len >= more || sl_buf_reserve_slow(buf, more);
}

static inline bool sl_buf_byte(struct sl_buf *buf, uint8_t byte)
{
    if (!sl_buf_reserve(buf, 1))
        return false;
    buf->bytes[buf->len++] = byte;
    return true;
}
bool sl_buf_append(struct sl_buf *buf, const void *bytes, size_t len);
bool sl_buf_text(struct sl_buf *buf, const char *text);
bool sl_buf_printf(struct sl_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool sl_buf_integer(struct sl_buf *buf, int64_t integer); /* decimal */

/* Bytes of data or file names made safe for a terminal or a log line: printable ASCII and valid UTF-8 stay;
 * everything else, and characters that are not seen and change what is (U+202E), becomes \xNN. */
bool sl_buf_safe(struct sl_buf *buf, const void *bytes, size_t len);
