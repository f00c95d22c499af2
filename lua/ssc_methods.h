/* What jobs do with a StreamingContext: sources by name, union, transform, and the calls of ported jobs
 * (start, awaitTermination, stop, remember, checkpoint), which declare nothing. */
#pragma once

#include <lua.h>
#include <stdbool.h>

/* Makes the metatable; once per state. */
void sl_ssc_open(lua_State *L);

/* Pushes the handle of the copy's context. */
void sl_ssc_push(lua_State *L);
bool sl_ssc_test(lua_State *L, int index);

/* Pops the handle of a context and adds its sources, as functions without a self, to the table below it. */
void sl_ssc_add_sources(lua_State *L);

/* Adds FlumeUtils and KafkaUtils to the module on top of the stack: PySpark's name for a source that is a method of the context. */
void sl_ssc_add_utils(lua_State *L);
