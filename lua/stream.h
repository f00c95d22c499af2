/* Streams in jobs: userdata whose methods are the transformations and outputs of the registries, by name. */
#pragma once

#include <lua.h>

struct sl_stream;

/* Makes their metatable; once per state. */
void sl_stream_open(lua_State *L);

void sl_stream_push(lua_State *L, struct sl_stream *stream);

/* The stream at the index, or NULL if the value is none. */
struct sl_stream *sl_stream_test(lua_State *L, int index);
