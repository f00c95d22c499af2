/* sluice.counter(name) and sc:accumulator(initial): engine/batch/counters.h in Lua.
 *
 * What a function counts is pending until its call is over: a call that fails within a run of calls is made again on
 * its own, and counts once. */
#pragma once

#include "core/contract/task.h"

#include <lua.h>

struct sl_copy;

/* Makes the metatables; once per state. */
void sl_counter_open(lua_State *L);
/* sluice.counter(name) */
int sl_counter_make(lua_State *L);
/* sc:accumulator(initial [, name]) */
int sl_counter_make_accumulator(lua_State *L);

/* What is pending counts, or, without `keep`, does not. Memory that is out is noticed by the next call. */
void sl_counter_settle_slow(struct sl_copy *copy, struct sl_task *task, bool keep);
#define sl_counter_settle(copy, task, keep)                                                                  \
    do {                                                                                                     \
        if ((copy)->pendings)                                                                                \
            sl_counter_settle_slow((copy), (task), (keep));                                                  \
    } while (0)
