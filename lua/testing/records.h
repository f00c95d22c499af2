/* Lists of records in tests of jobs: a record of one field may be written bare or as { x }. What a run gives is marked,
 * so that a comparison knows it. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

#include <lua.h>

/* Once per state. */
void sl_testing_records_open(lua_State *L);

/* Marks the table on top of the stack: a list of records; a list of such lists. */
void sl_testing_mark_records(lua_State *L);
void sl_testing_mark_batches(lua_State *L);

/* How deeply nested the records of the value at the index are: 1, 2; 0: it is not marked. */
int sl_testing_records_depth(lua_State *L, int index);

/* The list, at that depth, with records of one field as the bare field. False: out of memory. */
bool sl_testing_bare(struct sl_arena *arena, struct sl_field *list, int depth);
