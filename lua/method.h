/* Methods by name on userdata: lookups that suggest the name that was meant, and calls with a dot in place of
 * the colon that say so. */
#pragma once

#include <lua.h>

/* Pops a table of methods and makes it the __index of the metatable below it. `what` begins the error about
 * names that are not in it ("a stream"); it must be a constant. */
void sl_method_table(lua_State *L, const char *what);

/* Raises the error of a method called without its object: `variable` is how one would write it ("stream"). */
int sl_method_no_self(lua_State *L, const char *name, const char *variable);

/* Raises an error where the call has more arguments after the object than `usage` has: "take(n)", "show([n [, truncate]])". */
void sl_method_check_count(lua_State *L, const char *usage);
