/* The methods that an rdd of foreachRDD shares with streams: they run at once (engine/batch/query.h).
 *
 * What gives a dataset in Spark gives another rdd; what gives a value gives a Lua value: a list (collect, top), a table
 * from keys (countByKey, collectAsMap), or the one result (sum, reduce). Lua functions are called on the main copy,
 * built-ins on all workers. */
#pragma once

#include <lua.h>

/* Adds the methods to the table on top of the stack. */
void sl_rdd_query_add_methods(lua_State *L);
