/* The tables of a query in a script: {words = stream, users = other} becomes the streams and their names. */
#pragma once

#include "sluice/types.h"

#include <lua.h>

struct sl_stream;

/* Whether a call of this operator with its query at `index` names tables. */
bool sl_sql_tables_are_given(lua_State *L, const char *op, int index);

/* The query at `index`, the table after it. this_stream: the one that is the table `this`, or NULL; then *ret_first is one
 * of the others. Returns argv, the arguments of the operator sql. Raises what is wrong. */
const struct sl_arg *sl_sql_tables_take(lua_State *L, int index, struct sl_stream *this_stream,
                                        struct sl_stream **ret_first, struct sl_arg argv[3]);
