/* What keeps record functions pure (docs/manual.md, "Functions"): while one runs, os, io, print and
 * loading code raise errors that name the remedy; `pairs`, `next` and math.random give the same for
 * the same arguments everywhere.
 *
 * At the top level of the job, in transform and in foreachRDD all of them work; but copies for workers do not
 * print what the main copy has printed already. */
#pragma once

#include <lua.h>

/* Once per state, after the libraries were opened. */
void sl_pure_open(lua_State *L);
