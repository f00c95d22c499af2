/* A growing byte buffer with a sticky error: an append that finds no memory returns false, leaves the bytes as they are
 * and sets `failed`, which stays. Functions that append much ignore what each append returns; their caller checks
 * `failed` once, at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_buf {
    uint8_t *bytes;
    size_t len, capacity;
    bool failed; /* an append found no memory: what was appended since is worthless */
};

void sl_buf_init(struct sl_buf *buf);
void sl_buf_done(struct sl_buf *buf);
/* Empty, for use again, and not failed; keeps its memory. */
static inline void sl_buf_clear(struct sl_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

/* Room for `more` bytes after len. */
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
/* Marks `buf` as failed where `part`, from which it is made, failed. */
static inline void sl_buf_depends(struct sl_buf *buf, const struct sl_buf *part)
{
    buf->failed = buf->failed || part->failed;
}
/* Marks `buf` as failed; false. For appends that find no memory elsewhere than in the buffer. */
static inline bool sl_buf_fail(struct sl_buf *buf)
{
    buf->failed = true;
    return false;
}
bool sl_buf_printf(struct sl_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool sl_buf_integer(struct sl_buf *buf, int64_t integer); /* decimal */
/* Replaces what `buf` holds by a text that ends with NUL, such as a path for a system call. NULL: no memory. */
const char *sl_buf_path(struct sl_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes of data or file names made safe for a terminal or a log line: printable ASCII and valid UTF-8 stay;
 * everything else, and characters that are not seen and change what is (U+202E), becomes \xNN. */
bool sl_buf_safe(struct sl_buf *buf, const void *bytes, size_t len);
