/* Native built-ins in jobs: sluice.split(" "), sluice.sum. They are recipes, made before there may be a
 * context; the function is made through the context when one is given to an operator, once per recipe. */
#pragma once

#include <lua.h>
#include <stdbool.h>

struct sl_function;

/* Makes their metatable; once per state. */
void sl_builtin_open(lua_State *L);

/* Adds all built-ins by name to the table on top of the stack. */
void sl_builtin_add_all(lua_State *L);

/* Whether the value at the index is a built-in; the function it denotes (raises its argument errors). */
bool sl_builtin_test(lua_State *L, int index);
struct sl_function *sl_builtin_take(lua_State *L, int index);
