/* Lua functions as functions over records: what operators call (core/contract/function.h).
 *
 * A function is a number; the worker's own copy of it is found by task->worker. One protected call per record
 * holds everything that may raise: pushing the fields, the function, taking what it returned; lua/calls.h has one for many
 * records. A function that is a formula (lua/formula.h) is computed without a call wherever the formula suffices. */
#pragma once

#include "core/contract/function.h"

#include <lua.h>

/* The function at the index of the copy's stack, numbered in the order of these calls. Lives as long as the
 * copy. Raises Lua errors. */
struct sl_function *sl_function_take(lua_State *L, int index);
/* Its number; false: it is no function that sl_function_take has made. */
bool sl_function_number(const struct sl_function *fn, unsigned *ret);
/* The same for the query that the main copy is declaring (lua/rdd_query.h): it belongs to its context and is called
 * on the main thread. */
struct sl_function *sl_function_take_now(lua_State *L, int index);
