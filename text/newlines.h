/* Where the newlines are: the inner loop of reading. Two ways with one result, of which the CPU decides. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Writes the positions of the newlines in p[0..len), in order and at most `most` of them, to at[]; returns
 * their number. at[] has room for most + 31 entries: the vector code writes ahead of what it counts. */
enum { SL_NEWLINES_SLACK = 31 };
typedef uint32_t sl_newlines_fn(const uint8_t *p, uint32_t len, uint32_t *at, uint32_t most);

uint32_t sl_newlines_portable(const uint8_t *p, uint32_t len, uint32_t *at, uint32_t most);

/* The fastest this CPU can do. */
sl_newlines_fn *sl_newlines_fastest(void);

static inline size_t sl_newlines_count(const uint8_t *bytes, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += bytes[i] == '\n';
    return count;
}

/* The length of the first n lines, their newlines included; there are at least n. */
static inline size_t sl_newlines_length(const uint8_t *bytes, size_t len, size_t n)
{
    const uint8_t *at = bytes, *end = bytes + len;
    for (; n; n--)
        at = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
    return (size_t)(at - bytes);
}
