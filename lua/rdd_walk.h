/* Reading the records of an rdd one after the other, as Lua values. A walk is userdata, so that nothing is lost where
 * something raises in between. */
#pragma once

#include "core/rows/dataset.h"

#include <lua.h>

/* Walks `left` records from where the cursor is; what comes from disk is there for one record. The rdd must
 * stay. */
struct sl_rdd_walk {
    struct sl_cursor cursor;
    struct sl_arena block;
    uint64_t left;
};

/* Makes the metatable; once per state. */
void sl_rdd_walk_open(lua_State *L);

/* Pushes a walk over records [from, from + count). */
struct sl_rdd_walk *sl_rdd_walk_push(lua_State *L, const struct sl_dataset *dataset, uint64_t from,
                                     uint64_t count);
bool sl_rdd_walk_next(struct sl_rdd_walk *walk, struct sl_field *fields, uint32_t *ret_width);
/* It gives nothing any more. */
void sl_rdd_walk_end(struct sl_rdd_walk *walk);

/* Pushes a record as a value: its only field, or the list of its fields; sluice.null for nil. */
void sl_rdd_push_record(lua_State *L, const struct sl_field *fields, uint32_t width);

/* Pushes a table from the first field of each record to its value: the second, or the list of the others. */
void sl_rdd_push_table(lua_State *L, const struct sl_dataset *dataset);
