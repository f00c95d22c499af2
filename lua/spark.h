/* SparkContext, SparkConf and StorageLevel, for programs that are written for PySpark: what they declare is the
 * StreamingContext's here, so a SparkContext makes values (parallelize, broadcast) and accepts the rest. */
#pragma once

#include <lua.h>
#include <stdbool.h>

/* Makes the metatables; once per state. */
void sl_spark_open(lua_State *L);
/* Sets SparkContext, SparkConf and StorageLevel in the table on top of the stack. */
void sl_spark_add(lua_State *L);
/* Pushes the SparkContext: one value per state. */
void sl_spark_push_context(lua_State *L);
bool sl_spark_is_context(lua_State *L, int index);
bool sl_spark_is_conf(lua_State *L, int index);
/* Whether the value at the index was made by parallelize. */
bool sl_spark_is_parallelized(lua_State *L, int index);
/* numPartitions given to parallelize for the list at the index; 0: none was, or it is another value. */
lua_Integer sl_spark_partitions(lua_State *L, int index);
