/* The rows of a partition as a Lua iterator: `for word, count in rows do`. mapPartitions gives one to its
 * function.
 *
 * The rows are borrowed, so an iterator that outlives the call it was made for raises an error. A record
 * whose first field is nil gives sluice.null there: nil would end the loop. */
#pragma once

#include <lua.h>

struct sl_rows;

/* Pushes the iterator. It works until the copy's next call. */
void sl_iterator_push(lua_State *L, const struct sl_rows *rows);
