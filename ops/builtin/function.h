/* What the functions of all built-ins have in common: they own an arena for their constants. For the
 * built-ins' files and builtin.c only. */
#pragma once

#include "core/base/arena.h"
#include "ops/builtin/builtin.h"

struct sl_builtin_function {
    struct sl_function base;
    struct sl_arena arena; /* constants and the name; freed with the function */
};

/* A cleared function of `size` bytes (struct sl_builtin_function is its first member). NULL:
 * out of memory. */
void *sl_builtin_new(size_t size, const struct sl_function_ops *ops, enum sl_gives gives);
/* For ops->free of every built-in without resources of its own. */
void sl_builtin_free(struct sl_function *fn);

/* A function that is nothing but a reducer. 0 and *ret, or SL_ENOMEM. */
int sl_builtin_reducer(const struct sl_reducer *reducer, struct sl_function **ret, struct sl_error *err);

/* The same for a reducer with parameters: a cleared struct of `size` bytes, which has a struct
 * sl_builtin_reducer as its first member. NULL: out of memory. */
struct sl_builtin_reducer {
    struct sl_builtin_function function;
    struct sl_reducer reducer;
};
void *sl_builtin_reducer_new(size_t size, const struct sl_reducer_ops *ops);
static inline const struct sl_builtin_reducer *sl_builtin_of_reducer(const struct sl_reducer *reducer)
{
    return (const struct sl_builtin_reducer *)((const char *)reducer -
                                               offsetof(struct sl_builtin_reducer, reducer));
}

/* The one field of a record, which must be a string; SL_EREJECT with a message otherwise. */
int sl_builtin_text(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                    uint32_t argc);

/* Says that a built-in cannot work on a field: "upper: wants a string, got nil". Returns SL_EREJECT. */
int sl_builtin_wants(const struct sl_function *fn, struct sl_task *task, const char *wanted,
                     const struct sl_field *got);

/* Field number i (from 1) of the record; SL_EREJECT where there is none. */
int sl_builtin_field(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                     uint32_t argc, uint32_t i, struct sl_field *ret);

/* Numbers given as arguments: field numbers and the like. */
struct sl_numbers {
    uint32_t count; /* at most SL_WIDTH_MAX */
    uint32_t *number;
};

/* The numbers among argv (those not given are passed over), each from 1 to number_max; in fn->arena. */
int sl_builtin_numbers(const struct sl_builtin *builtin, struct sl_builtin_function *fn,
                       const struct sl_arg *argv, size_t argc, uint32_t number_max, struct sl_numbers *ret,
                       struct sl_error *err);

/* It works on records of one field, and makes some of `width` (0: not known). */
static inline void sl_builtin_takes_one(struct sl_function *fn, uint32_t width)
{
    fn->width = width;
    fn->fields_min = fn->fields_max = 1;
}

/* Returns one value. */
static inline int sl_builtin_give(struct sl_returned *ret, struct sl_field value)
{
    ret->count = 1;
    ret->values[0] = value;
    return 0;
}

/* Replaces *fn, a function of one field, by one that works on field `number` of a record: it owns *fn then. On
 * failure *fn stays. */
int sl_builtin_at_field(const struct sl_builtin *builtin, int64_t number, struct sl_function **fn,
                        struct sl_error *err);
