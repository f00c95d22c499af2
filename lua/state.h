/* The state of one key in mapWithState: userdata with get, exists, update, remove, isTimingOut.
 *
 * It denotes the cell of one call: a function that keeps it finds that it raises an error afterwards. get
 * gives a value of one's own, so that changing it in place changes nothing until update. */
#pragma once

#include <lua.h>

struct sl_state_cell;

/* Makes the metatable; once per state. */
void sl_state_open(lua_State *L);

/* Pushes the state. It works until the copy's next call. */
void sl_state_push(lua_State *L, struct sl_state_cell *cell);
