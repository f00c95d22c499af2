/* sluice.table(path [, options]): sources/table/table.c in Lua. A table may be made before the StreamingContext; then it is
 * declared as soon as that is there. */
#pragma once

#include <lua.h>

struct sl_stream;

/* Makes the metatable; once per state. */
void sl_table_open(lua_State *L);
/* sluice.table */
int sl_table_make(lua_State *L);
/* Pushes the handle of a table that is declared. */
void sl_table_push(lua_State *L, struct sl_stream *stream);
/* The table at the index as a stream of the graph; NULL: it is none. Raises where it is not declared yet. */
struct sl_stream *sl_table_test(lua_State *L, int index);
/* The context was made: tables from before it are declared. */
void sl_table_declare_pending(lua_State *L);
