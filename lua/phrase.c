#include "lua/phrase.h"

#include <lauxlib.h>
#include <string.h>

struct named {
    const char *name, *phrase;
};

/* By the names of their metatables. */
static const struct named objects[] = {
    {"sluice.stream", "a stream"},
    {"sluice.rdd", "an rdd"},
    {"sluice.builtin", "a built-in"},
    {"sluice.state", "a state"},
    {"sluice.table", "a table beside the stream"},
    {"sluice.context", "a StreamingContext"},
    {"sluice.spark", "a SparkContext"},
    {"sluice.conf", "a SparkConf"},
    {"sluice.broadcast", "a broadcast variable"},
    {"sluice.counter", "a counter"},
    {"sluice.accumulator", "an accumulator"},
    {0},
};

/* By Lua's types. The only light userdata that jobs see is sluice.null. */
static const char *const types[LUA_NUMTYPES] = {
    [LUA_TNIL] = "nil",
    [LUA_TBOOLEAN] = "a boolean",
    [LUA_TLIGHTUSERDATA] = "sluice.null",
    [LUA_TNUMBER] = "a number",
    [LUA_TSTRING] = "a string",
    [LUA_TTABLE] = "a table",
    [LUA_TFUNCTION] = "a function",
    [LUA_TUSERDATA] = "a userdata",
    [LUA_TTHREAD] = "a coroutine",
};

static const char *object_phrase(lua_State *L, int index)
{
    const char *phrase = NULL;
    if (luaL_getmetafield(L, index, "__name") == LUA_TNIL)
        return NULL;
    for (const struct named *row = objects; row->name && lua_type(L, -1) == LUA_TSTRING; row++)
        if (strcmp(lua_tostring(L, -1), row->name) == 0)
            phrase = row->phrase;
    lua_pop(L, 1);
    return phrase;
}

const char *sl_phrase(lua_State *L, int index)
{
    if (lua_isnone(L, index))
        return "nothing";
    const char *phrase = object_phrase(L, index);
    return phrase ? phrase : types[lua_type(L, index)];
}
