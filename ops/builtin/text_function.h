/* Built-ins from one value to one value (lower, trim, length ...): such a built-in is a function `apply` over
 * one field; calling it per row and over a column is done here, once. */
#pragma once

#include "ops/builtin/function.h"

struct sl_text_function;

/* 0 and *ret, made in task->scratch or sharing with `value`; or SL_EREJECT with a message. */
typedef int sl_apply_text(const struct sl_text_function *fn, struct sl_task *task,
                          const struct sl_field *value, struct sl_field *ret);

struct sl_text_function {
    struct sl_builtin_function function;
    sl_apply_text *apply;
    struct sl_field from, to; /* parameters, by the built-in's own meaning */
    int64_t start, length;
};

/* NULL: out of memory. Texts given as arguments must be copied into function.arena. */
struct sl_text_function *sl_text_function_new(sl_apply_text *apply);

/* SL_EREJECT unless the value is a string. */
int sl_require_text(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value);
