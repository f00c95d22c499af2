/* math.random for record functions: the same numbers for the same batch, split and function, whichever worker
 * calls it and whatever it called before (docs/manual.md, "Functions").
 *
 * Each function has a generator (xoshiro256**) of its own that is seeded when it enters another batch or
 * split. Outside record functions math.random and math.randomseed are Lua's. */
#pragma once

#include <lua.h>

/* Replaces math.random and math.randomseed of the state. */
void sl_random_open(lua_State *L);
