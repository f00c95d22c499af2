/* What a script loads is code as it is itself: where we are root, `require`, loadfile and dofile refuse what others
 * could have written (core/base/trust.h). */
#pragma once

#include <lua.h>

void sl_modules_open(lua_State *L);
