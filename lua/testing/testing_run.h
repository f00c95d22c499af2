/* test.run(job, { inputs = ... }): a whole job on the virtual clock, with given inputs, and what
 * came of it. */
#pragma once

#include <lua.h>

/* Makes the metatable of what a run holds; once per state. */
void sl_testing_run_open(lua_State *L);

/* The function of the module. */
int sl_testing_run_job(lua_State *L);
