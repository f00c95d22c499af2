/* Built-ins from one value to one value (lower, trim, length ...): such a built-in is a function `apply` over
 * one field; calling it per row and over a column is done here, once. */
#pragma once

#include "ops/builtin/function.h"
#include "text/unicode.h"

struct sl_text_function;

/* 0 and *ret, made in task->scratch or sharing with `value`; or SL_EREJECT with a message. */
typedef int sl_apply_text(const struct sl_text_function *fn, struct sl_task *task,
                          const struct sl_field *value, struct sl_field *ret);

struct sl_text_function {
    struct sl_builtin_function function;
    sl_apply_text *apply;
    struct sl_field from, to; /* parameters, by the built-in's own meaning */
    int64_t start, length;
    bool by_character;
};

/* NULL: out of memory. Texts given as arguments must be copied into function.arena. */
struct sl_text_function *sl_text_function_new(sl_apply_text *apply);

/* SL_EREJECT unless the value is a string. */
int sl_require_text(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value);

/* White space in one text. Beyond ASCII it counts only where the text is valid UTF-8, which is looked at once. */
struct sl_spaces {
    const struct sl_field *text;
    signed char is_valid; /* -1: not known yet */
};

static inline struct sl_spaces sl_spaces_of(const struct sl_field *text)
{
    return (struct sl_spaces){text, -1};
}

size_t sl_space_at_slow(struct sl_spaces *spaces, const uint8_t *at, const uint8_t *end);

/* Bytes of the white space that begins at `at` (before end); 0: none does. */
static inline size_t sl_space_at(struct sl_spaces *spaces, const uint8_t *at, const uint8_t *end)
{
    if (*at < 0xc2)
        return sl_ascii_is_space(*at);
    return *at > 0xe3 ? 0 : sl_space_at_slow(spaces, at, end);
}

/* Bytes of the white space that ends at `end` (after from); 0: none does. */
size_t sl_space_before(struct sl_spaces *spaces, const uint8_t *from, const uint8_t *end);
