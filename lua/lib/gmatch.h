/* string.gmatch at less cost for the patterns that split text, one class and a plus: "[^ ]+", "%a+", "%d+".
 *
 * What they find are the runs of the class's bytes. Which bytes these are is asked of string.find once, when
 * a pattern is first seen; then a run is two loops over a table. Every other pattern is Lua's business. */
#pragma once

#include <lua.h>

/* Puts it in the place of string.gmatch. */
void sl_gmatch_open(lua_State *L);
