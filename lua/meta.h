/* Methods of streams that are evaluated while the graph is built and leave no operator: transform,
 * transformWith, name, and what ported jobs call (cache, persist, checkpoint). */
#pragma once

#include "core/contract/operator.h"

#include <lua.h>

extern const struct sl_op *const sl_meta_ops[]; /* for help; ends with NULL */

/* Adds them to the table of stream methods on top of the stack. */
void sl_meta_add_all(lua_State *L);

/* Refuses a function of more than `parameters_max` parameters at the index: the call `what` has no time. `gets` are its
 * arguments, for the message. */
void sl_meta_check_function(lua_State *L, int index, const char *what, int parameters_max, const char *gets);

/* Calls the function below its `count` arguments and checks that it returned a stream, which it leaves on the
 * stack. */
void sl_meta_evaluate(lua_State *L, const char *what, int count);
