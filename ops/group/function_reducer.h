/* A reducer made of user functions: reduceByKey(f), combineByKey(create, merge, combine), foldByKey(zero, f)
 * ...
 *
 * The state is a field in the arena of the group's owner. It is never exact: only the user knows whether
 * f is commutative, so values merge in input order and splits in split order. */
#pragma once

#include "core/contract/function.h"
#include "core/contract/reducer.h"

struct sl_function_reducer {
    struct sl_reducer reducer;
    const struct sl_function *create;  /* of the first value; NULL: the value itself */
    const struct sl_function *merge;   /* (state, value) -> state */
    const struct sl_function *combine; /* (state, state) -> state */
    const struct sl_function *inverse; /* (state, state) -> state without the second; NULL: none */
    bool has_zero;                     /* the first value is merged into zero */
    bool over_batches;                 /* it combines batches of a window, whenever they are needed */
    struct sl_field zero;
    const char *what; /* the operator, for messages */
};

/* Fills reducer.ops from the rest. */
void sl_function_reducer_init(struct sl_function_reducer *reducer);
