/* Native functions called from Lua: what a built-in gives for values instead of for a record. */
#pragma once

#include "core/contract/function.h"

#include <lua.h>

struct sl_copy;

/* Calls fn with the values at index 2 and on; returns how many it left on the stack. A record error is a Lua error
 * with its place; no match gives nil. */
int sl_callable_call(lua_State *L, const struct sl_function *fn);

/* What calls outside of functions over records work with; freed with the copy. */
struct sl_outside;
void sl_outside_free(struct sl_outside *outside);
