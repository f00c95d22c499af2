/* stream:slice(from, to): in a function of foreachRDD, the rdds of the batches of another stream whose times are
 * between two times in ms, both included.
 *
 * Which streams can be asked for is decided when foreachRDD is declared: those that its function can reach through
 * upvalues, tables and globals, if it or a function that it can reach mentions slice. Of each, a hidden branch keeps
 * what ssc:remember(d) says, as a window does; without remember, the batch alone. */
#pragma once

#include <lua.h>

/* The table of a stream's methods is on top of the stack: adds slice, and wraps foreachRDD. */
void sl_slice_wrap(lua_State *L);

/* ssc:remember(d): seconds, or a duration as text. A lua_CFunction; index 1 is the context, checked before. */
int sl_slice_remember(lua_State *L);
