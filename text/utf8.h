/* UTF-8 in bytes that may be anything. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks at the bytes at p (len at least 1). Valid: the length of the sequence and its code point in
 * *ret_code. Otherwise *ret_code is SL_UTF8_INVALID and the length is that of what one U+FFFD replaces: the
 * longest beginning of a sequence, at least one byte (as the Unicode standard and Python do it). */
#define SL_UTF8_INVALID UINT32_MAX
size_t sl_utf8_sequence(const uint8_t *p, size_t len, uint32_t *ret_code);

/* Whether all of it is UTF-8 without control characters. */
bool sl_utf8_is_plain(const uint8_t *bytes, size_t len);

/* Writes the code point (below 0x110000) to at most four bytes; returns their number. */
size_t sl_utf8_encode(uint32_t code, uint8_t *bytes);

/* Whether any of the eight bytes is below `limit` (at most 0x80) or equals `byte` (below 0x80): exact for the
 * word as a whole. Bytes from 0x80 count as neither. */
static inline bool sl_word_has_below(uint64_t word, uint8_t limit)
{
    const uint64_t ones = UINT64_MAX / 255, tops = ones * 0x80;
    return ((word - ones * limit) & ~word & tops) != 0;
}
static inline bool sl_word_has(uint64_t word, uint8_t byte)
{
    return sl_word_has_below(word ^ (UINT64_MAX / 255 * byte), 1);
}
static inline bool sl_word_is_ascii(uint64_t word)
{
    return (word & (UINT64_MAX / 255 * 0x80)) == 0;
}
