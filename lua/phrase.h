/* What a value is, for messages: with its article, in the words of the manual. */
#pragma once

#include <lua.h>

/* "nothing", "nil", "a number", "a stream", "a built-in": a constant. */
const char *sl_phrase(lua_State *L, int index);
