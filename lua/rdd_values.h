/* Methods of an rdd of foreachRDD that Spark's RDD has and streams have not, because they give Lua values or call
 * functions for their effect: foreach, lookup, collectAsMap, takeSample, randomSplit, and names that are accepted. */
#pragma once

#include <lua.h>

/* Adds the methods to the table on top of the stack. */
void sl_rdd_values_add_methods(lua_State *L);
