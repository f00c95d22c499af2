/* string.find, match, gmatch and gsub over lua/lib/pattern.h: as Lua's own, but functionTimeout and a second
 * signal end them. */
#pragma once

#include <lua.h>

void sl_find_open(lua_State *L);
