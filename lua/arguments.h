/* Arguments of a call in a job as operators, built-ins and options take them (struct sl_arg). What is
 * accepted is the descriptor's business; here only the shape counts: a function, a built-in, a stream, a list
 * of streams, a value; and a last table with names where the callee has options. Raises Lua errors. */
#pragma once

#include "core/contract/descriptor.h"

#include <lua.h>

/* One argument. */
struct sl_arg sl_argument_take(lua_State *L, int index);

/* All from index `first` to the top of the stack, in memory that lives as long as the copy. `options` are
 * those of the callee, or NULL. Returns the count. */
size_t sl_arguments_take(lua_State *L, int first, const struct sl_param *params,
                         const struct sl_param *options, const struct sl_arg **ret);

/* A table of options: names and values, sorted by name. */
struct sl_arg sl_options_take(lua_State *L, int index);
