/* Built-in predicates on one field: such a predicate is a function `judge` over a field; calling it per row
 * and over a column is done here, once. */
#pragma once

#include "ops/builtin/function.h"

struct sl_predicate;

/* 0 and *ret, or SL_EREJECT with a message. */
typedef int sl_judge(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field,
                     bool *ret);

struct sl_predicate {
    struct sl_builtin_function function;
    sl_judge *judge;
    uint32_t field;        /* its number, from 1; 0: the record's only field */
    struct sl_field value; /* what it is compared with */
};

/* Says which records it can judge, when `field` is set. */
void sl_predicate_set_fields(struct sl_predicate *predicate);

/* The field number is argv[i] where given. 0 and *ret, or an error. */
int sl_predicate_new(const struct sl_builtin *builtin, sl_judge *judge, const struct sl_arg *field,
                     const struct sl_arg *value, struct sl_predicate **ret, struct sl_error *err);

/* For predicates with resources of their own. */
extern const struct sl_function_ops sl_predicate_ops;
int sl_predicate_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret);
int sl_predicate_filter(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                        uint8_t *keep);
