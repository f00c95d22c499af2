/* Unicode in UTF-8: case, normal forms, white space, characters. Callers keep ASCII away: it needs none of this.
 *
 * What converts takes valid UTF-8 (sl_utf8_is_valid), and gives text in the arena; false: out of memory. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

bool sl_utf8_is_valid(const void *bytes, size_t len);
/* Characters: code points, and one for what a U+FFFD would replace. */
size_t sl_utf8_length(const void *bytes, size_t len);
/* Where the character with this number, from 0, begins; len where there are fewer. */
size_t sl_utf8_offset(const void *bytes, size_t len, size_t characters);

/* White space as Python's str.isspace(): tab to carriage return, the four separators from 0x1c, the space. */
static inline bool sl_ascii_is_space(uint32_t code)
{
    return code <= ' ' && (UINT64_C(0x1f0003e00) >> code & 1);
}
bool sl_unicode_is_space(uint32_t code);

bool sl_unicode_change_case(struct sl_arena *arena, const void *bytes, size_t len, bool is_upper,
                            struct sl_field *ret);
bool sl_unicode_casefold(struct sl_arena *arena, const void *bytes, size_t len, struct sl_field *ret);

enum sl_normal_form { SL_NFC, SL_NFD, SL_NFKC, SL_NFKD };
bool sl_unicode_normalize(struct sl_arena *arena, const void *bytes, size_t len, enum sl_normal_form form,
                          struct sl_field *ret);
