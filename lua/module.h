/* What `require "sluice"` gives: StreamingContext, the built-ins, row, map, null. */
#pragma once

#include <lua.h>

/* Makes the module known to `require`; once per state, after the libraries were opened. */
void sl_module_open(lua_State *L);

/* Pushes the environment of a one-line job: its context's sources, the built-ins, `ssc` and `sluice`, then
 * the globals. Makes the context. */
void sl_module_push_scope(lua_State *L);
