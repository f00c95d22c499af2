/* A batch's dataset in foreachRDD: userdata with collect, take, first, count, isEmpty, records,
 * foreachPartition, saveAsTextFile, saveAsSequenceFile.
 *
 * As a value a record of one field is that field, a wider one the list of its fields (sluice.null for nil);
 * records() and foreachPartition's iterator give the fields as several values, as functions over records get
 * them. */
#pragma once

#include <lua.h>
#include <stdint.h>

struct sl_dataset;
struct sl_services;

/* Makes the metatable; once per state. */
void sl_rdd_open(lua_State *L);

/* A dataset of the records in the list at the index, as queueStream reads them. The caller unrefs. */
struct sl_dataset *sl_rdd_of_list(lua_State *L, int index);

/* The dataset of the rdd at the index; NULL where it is none. Borrowed. */
struct sl_dataset *sl_rdd_test(lua_State *L, int index);

/* That at index 1, of a method that is called as in `usage` (lua/method.h): raises an error where there is none, or where there are
 * more arguments. */
struct sl_dataset *sl_rdd_check_call(lua_State *L, const char *usage);

/* Of an rdd at the index. */
const struct sl_services *sl_rdd_services(lua_State *L, int index);

/* Pushes the list of the first `count` records, as collect gives them. */
void sl_rdd_push_records(lua_State *L, const struct sl_dataset *dataset, uint64_t count);

/* Pushes an rdd with a reference of its own. The services outlive the run. */
void sl_rdd_push(lua_State *L, struct sl_dataset *dataset, const struct sl_services *services);
