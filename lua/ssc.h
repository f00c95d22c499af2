/* sluice.StreamingContext: makes the copy's context with the job's options, those of the command
 * line on top. */
#pragma once

#include "lua/copy.h"

/* Pushes what sluice.StreamingContext is: callable, with getOrCreate. */
void sl_ssc_push_constructor(lua_State *L);

/* Makes the context of a one-line job and pushes it: interval 1s, nothing kept, unless overridden. */
void sl_ssc_push_default(lua_State *L);

/* Sets an option at the script's current line; raises its error. */
void sl_ssc_set_option(lua_State *L, const char *name, struct sl_arg value);

/* Whether the command line sets the option. */
bool sl_ssc_is_overridden(const struct sl_copy *copy, const char *option);
