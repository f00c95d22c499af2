/* os.time and os.date where results must depend on arguments only: a table of a date is UTC, and a date is asked for
 * with its time and in UTC ("!"). */
#pragma once

#include <lua.h>

/* Replaces os.time and os.date; before they are guarded otherwise. */
void sl_calendar_open(lua_State *L);
