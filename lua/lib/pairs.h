/* `pairs` and `next` in a fixed order: keys 1..#t first, then the others in the order of docs/manual.md,
 * "Records". Lua's own order differs from process to process, and results must not. Keys that have no order
 * (tables, functions) come last, as Lua has them. */
#pragma once

#include <lua.h>

/* Replaces the globals `pairs` and `next`. */
void sl_pairs_open(lua_State *L);
