#include "text/unicode.h"

#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum {
    CODES_MAX = 3,
    SIGMA = 0x3a3,
    FINAL_SIGMA = 0x3c2,
    SMALL_SIGMA = 0x3c3,
    DOTTED_I = 0x130,
    DOT_ABOVE = 0x307
};

/* Letters whose upper case is several: SpecialCasing.txt without its conditions, sorted. utf8proc knows the others. */
static const struct special {
    uint16_t code, upper[CODES_MAX];
} special_upper[] = {
    {0xdf, {0x53, 0x53}},
    {0x149, {0x2bc, 0x4e}},
    {0x1f0, {0x4a, 0x30c}},
    {0x390, {0x399, 0x308, 0x301}},
    {0x3b0, {0x3a5, 0x308, 0x301}},
    {0x587, {0x535, 0x552}},
    {0x1e96, {0x48, 0x331}},
    {0x1e97, {0x54, 0x308}},
    {0x1e98, {0x57, 0x30a}},
    {0x1e99, {0x59, 0x30a}},
    {0x1e9a, {0x41, 0x2be}},
    {0x1f50, {0x3a5, 0x313}},
    {0x1f52, {0x3a5, 0x313, 0x300}},
    {0x1f54, {0x3a5, 0x313, 0x301}},
    {0x1f56, {0x3a5, 0x313, 0x342}},
    {0x1f80, {0x1f08, 0x399}},
    {0x1f81, {0x1f09, 0x399}},
    {0x1f82, {0x1f0a, 0x399}},
    {0x1f83, {0x1f0b, 0x399}},
    {0x1f84, {0x1f0c, 0x399}},
    {0x1f85, {0x1f0d, 0x399}},
    {0x1f86, {0x1f0e, 0x399}},
    {0x1f87, {0x1f0f, 0x399}},
    {0x1f88, {0x1f08, 0x399}},
    {0x1f89, {0x1f09, 0x399}},
    {0x1f8a, {0x1f0a, 0x399}},
    {0x1f8b, {0x1f0b, 0x399}},
    {0x1f8c, {0x1f0c, 0x399}},
    {0x1f8d, {0x1f0d, 0x399}},
    {0x1f8e, {0x1f0e, 0x399}},
    {0x1f8f, {0x1f0f, 0x399}},
    {0x1f90, {0x1f28, 0x399}},
    {0x1f91, {0x1f29, 0x399}},
    {0x1f92, {0x1f2a, 0x399}},
    {0x1f93, {0x1f2b, 0x399}},
    {0x1f94, {0x1f2c, 0x399}},
    {0x1f95, {0x1f2d, 0x399}},
    {0x1f96, {0x1f2e, 0x399}},
    {0x1f97, {0x1f2f, 0x399}},
    {0x1f98, {0x1f28, 0x399}},
    {0x1f99, {0x1f29, 0x399}},
    {0x1f9a, {0x1f2a, 0x399}},
    {0x1f9b, {0x1f2b, 0x399}},
    {0x1f9c, {0x1f2c, 0x399}},
    {0x1f9d, {0x1f2d, 0x399}},
    {0x1f9e, {0x1f2e, 0x399}},
    {0x1f9f, {0x1f2f, 0x399}},
    {0x1fa0, {0x1f68, 0x399}},
    {0x1fa1, {0x1f69, 0x399}},
    {0x1fa2, {0x1f6a, 0x399}},
    {0x1fa3, {0x1f6b, 0x399}},
    {0x1fa4, {0x1f6c, 0x399}},
    {0x1fa5, {0x1f6d, 0x399}},
    {0x1fa6, {0x1f6e, 0x399}},
    {0x1fa7, {0x1f6f, 0x399}},
    {0x1fa8, {0x1f68, 0x399}},
    {0x1fa9, {0x1f69, 0x399}},
    {0x1faa, {0x1f6a, 0x399}},
    {0x1fab, {0x1f6b, 0x399}},
    {0x1fac, {0x1f6c, 0x399}},
    {0x1fad, {0x1f6d, 0x399}},
    {0x1fae, {0x1f6e, 0x399}},
    {0x1faf, {0x1f6f, 0x399}},
    {0x1fb2, {0x1fba, 0x399}},
    {0x1fb3, {0x391, 0x399}},
    {0x1fb4, {0x386, 0x399}},
    {0x1fb6, {0x391, 0x342}},
    {0x1fb7, {0x391, 0x342, 0x399}},
    {0x1fbc, {0x391, 0x399}},
    {0x1fc2, {0x1fca, 0x399}},
    {0x1fc3, {0x397, 0x399}},
    {0x1fc4, {0x389, 0x399}},
    {0x1fc6, {0x397, 0x342}},
    {0x1fc7, {0x397, 0x342, 0x399}},
    {0x1fcc, {0x397, 0x399}},
    {0x1fd2, {0x399, 0x308, 0x300}},
    {0x1fd3, {0x399, 0x308, 0x301}},
    {0x1fd6, {0x399, 0x342}},
    {0x1fd7, {0x399, 0x308, 0x342}},
    {0x1fe2, {0x3a5, 0x308, 0x300}},
    {0x1fe3, {0x3a5, 0x308, 0x301}},
    {0x1fe4, {0x3a1, 0x313}},
    {0x1fe6, {0x3a5, 0x342}},
    {0x1fe7, {0x3a5, 0x308, 0x342}},
    {0x1ff2, {0x1ffa, 0x399}},
    {0x1ff3, {0x3a9, 0x399}},
    {0x1ff4, {0x38f, 0x399}},
    {0x1ff6, {0x3a9, 0x342}},
    {0x1ff7, {0x3a9, 0x342, 0x399}},
    {0x1ffc, {0x3a9, 0x399}},
    {0xfb00, {0x46, 0x46}},
    {0xfb01, {0x46, 0x49}},
    {0xfb02, {0x46, 0x4c}},
    {0xfb03, {0x46, 0x46, 0x49}},
    {0xfb04, {0x46, 0x46, 0x4c}},
    {0xfb05, {0x53, 0x54}},
    {0xfb06, {0x53, 0x54}},
    {0xfb13, {0x544, 0x546}},
    {0xfb14, {0x544, 0x535}},
    {0xfb15, {0x544, 0x53b}},
    {0xfb16, {0x54e, 0x546}},
    {0xfb17, {0x544, 0x53d}},
};

bool sl_utf8_is_valid(const void *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = at + len;
    while (at < end) {
        uint64_t word;
        if (end - at >= 8 && (memcpy(&word, at, 8), sl_word_is_ascii(word))) {
            at += 8;
            continue;
        }
        uint32_t code;
        at += sl_utf8_sequence(at, (size_t)(end - at), &code);
        if (code == SL_UTF8_INVALID)
            return false;
    }
    return true;
}

size_t sl_utf8_length(const void *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = at + len;
    size_t count = 0;
    for (uint32_t code; at < end; count++)
        at += sl_utf8_sequence(at, (size_t)(end - at), &code);
    return count;
}

size_t sl_utf8_offset(const void *bytes, size_t len, size_t characters)
{
    const uint8_t *at = bytes, *end = at + len;
    for (uint32_t code; at < end && characters; characters--)
        at += sl_utf8_sequence(at, (size_t)(end - at), &code);
    return (size_t)(at - (const uint8_t *)bytes);
}

bool sl_unicode_is_space(uint32_t code)
{
    switch (code) {
    case 0x85:
    case 0xa0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202f:
    case 0x205f:
    case 0x3000:
        return true;
    default:
        return sl_ascii_is_space(code) || (code >= 0x2000 && code <= 0x200a);
    }
}

/* ---- case ---- */

static int compare_special(const void *key, const void *item)
{
    uint32_t code = *(const uint32_t *)key;
    const struct special *special = item;
    return code < special->code ? -1 : code > special->code;
}

static unsigned upper_codes(uint32_t code, uint32_t ret[CODES_MAX])
{
    const struct special *special =
        bsearch(&code, special_upper, sizeof special_upper / sizeof *special_upper, sizeof *special_upper,
                compare_special);
    ret[0] = special ? 0 : (uint32_t)utf8proc_toupper((utf8proc_int32_t)code);
    unsigned count = special ? 0 : 1;
    while (special && count < CODES_MAX && special->upper[count]) {
        ret[count] = special->upper[count];
        count++;
    }
    return count;
}

/* Letters, and marks and signs that words contain. */
static bool is_cased(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT;
}

static bool is_ignorable(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK || code == '\'' || code == '.' || code == ':' || code == 0xb7 ||
           code == 0x2019;
}

/* Text on its way through a conversion. */
struct text {
    const uint8_t *from, *at, *end;
    bool after_cased; /* the last letter, marks apart, has a case */
};

/* A capital sigma that ends a word becomes the final one. */
static bool is_followed_by_cased(const struct text *text)
{
    for (const uint8_t *at = text->at; at < text->end;) {
        uint32_t code;
        at += sl_utf8_sequence(at, (size_t)(text->end - at), &code);
        if (!is_ignorable(code))
            return is_cased(code);
    }
    return false;
}

static unsigned lower_codes(const struct text *text, uint32_t code, uint32_t ret[CODES_MAX])
{
    if (code == DOTTED_I) {
        ret[0] = 'i';
        ret[1] = DOT_ABOVE;
        return 2;
    }
    ret[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    if (code == SIGMA)
        ret[0] = text->after_cased && !is_followed_by_cased(text) ? FINAL_SIGMA : SMALL_SIGMA;
    return 1;
}

/* At most three letters of at most three bytes for one of two bytes; the table's largest growth. */
enum { GROWTH = 3 };

bool sl_unicode_change_case(struct sl_arena *arena, const void *bytes, size_t len, bool is_upper,
                            struct sl_field *ret)
{
    if (len > UINT32_MAX / GROWTH)
        return false;
    uint8_t *made = sl_arena_alloc(arena, len * GROWTH + 4), *to = made;
    struct text text = {bytes, bytes, (const uint8_t *)bytes + len, false};
    if (!made)
        return false;
    while (text.at < text.end) {
        uint32_t code, codes[CODES_MAX];
        text.at += sl_utf8_sequence(text.at, (size_t)(text.end - text.at), &code);
        unsigned count = is_upper ? upper_codes(code, codes) : lower_codes(&text, code, codes);
        for (unsigned i = 0; i < count; i++)
            to += sl_utf8_encode(codes[i], to);
        if (!is_ignorable(code))
            text.after_cased = is_cased(code);
    }
    *ret = sl_string(made, (size_t)(to - made));
    return true;
}

/* ---- utf8proc's own conversions ---- */

static bool convert(struct sl_arena *arena, const void *bytes, size_t len, utf8proc_option_t options,
                    struct sl_field *ret)
{
    utf8proc_uint8_t *made;
    utf8proc_ssize_t size = utf8proc_map(bytes, (utf8proc_ssize_t)len, &made, options);
    if (size < 0)
        return false;
    uint8_t *kept = sl_arena_copy(arena, made, (size_t)size);
    free(made);
    if (kept)
        *ret = sl_string(kept, (size_t)size);
    return kept != NULL;
}

bool sl_unicode_casefold(struct sl_arena *arena, const void *bytes, size_t len, struct sl_field *ret)
{
    return convert(arena, bytes, len, UTF8PROC_CASEFOLD, ret);
}

bool sl_unicode_normalize(struct sl_arena *arena, const void *bytes, size_t len, enum sl_normal_form form,
                          struct sl_field *ret)
{
    static const int options[] = {
        [SL_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [SL_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [SL_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [SL_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    return convert(arena, bytes, len, (utf8proc_option_t)options[form], ret);
}
