/* Names that do not exist are errors: a global that was never assigned, and a field or method that strings do not
 * have. Both would otherwise be nil, and a translated program would silently give nothing. The sum of two strings is one, too:
 * Lua would add what Python joins.
 *
 * Names by which scripts ask which Lua they run on (unpack, loadstring ...) stay nil. */
#pragma once

#include <lua.h>
#include <stdbool.h>

/* Once per state, after every library was opened. */
void sl_strict_open(lua_State *L);

/* Raises an error where a function inside the Lua function on top of the stack reads a global that nothing
 * assigns: one that is near to a name that exists, or any (`all`); others are errors when they are read. Call after
 * the script ran, so that what it defines is there. Leaves the stack as it was. */
void sl_strict_check(lua_State *L, bool all);

/* Of the table on top of the stack, in which code runs, names that it lacks are globals. What neither has is an error with
 * the nearest name of both. */
void sl_strict_scope(lua_State *L);
