/* randomSplit of streams and rdds: in Lua it gives all parts, in a list. */
#pragma once

#include <lua.h>

/* The table on top of the stack has the operator's method randomSplit(weights, seed, part); afterwards it has
 * randomSplit(weights [, seed]). */
void sl_split_wrap(lua_State *L);
