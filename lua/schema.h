/* The option schema as people write it. */
#pragma once

#include <lua.h>

/* The value on the top of the stack becomes one that is made of lists and maps: of a column
 * { "id", "int", required = true }, which is neither, what has a name becomes a map after the items. Anything
 * else is left as it is; what is wrong with it is found by the check of the option. */
void sl_schema_spread(lua_State *L);
