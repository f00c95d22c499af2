/* Functions over values for jobs' functions: text of values, rounding, JSON, the batch's time. Each is pure. */
#pragma once

#include <lua.h>

int sl_values_str(lua_State *L);        /* str(v): as Python's str */
int sl_values_format(lua_State *L);     /* format(text, ...): string.format with "," for thousands */
int sl_values_round(lua_State *L);      /* round(x [, n]): half to even, as Python's round */
int sl_values_to_json(lua_State *L);    /* toJson(v) */
int sl_values_parse_json(lua_State *L); /* parseJson(text) */
int sl_values_is_null(lua_State *L);    /* isNull(v): nil or sluice.null */
int sl_values_batch_time(lua_State *L); /* batchTime(): ms */
int sl_values_event_time(lua_State *L); /* eventTime(): ms, nil where the record has none */
