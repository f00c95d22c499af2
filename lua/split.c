#include "lua/split.h"

#include "lua/method.h"

#include <lauxlib.h>

/* local a, b = s:randomSplit(...) leaves b nil and the list in a: its use as a stream says what to write. */
static int no_field(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TSTRING)
        return luaL_error(L, "randomSplit gives a list; write local a, b = table.unpack(s:randomSplit(...))");
    return 0;
}

static int split(lua_State *L)
{
    sl_method_check_count(L, "randomSplit(weights [, seed])");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 3);
    lua_Integer parts = (lua_Integer)lua_rawlen(L, 2);
    lua_createtable(L, (int)parts, 0);
    for (lua_Integer part = 1; part <= parts; part++) {
        lua_pushvalue(L, lua_upvalueindex(1));
        for (int i = 1; i <= 3; i++)
            lua_pushvalue(L, i);
        lua_pushinteger(L, part);
        lua_call(L, 4, 1);
        lua_rawseti(L, 4, part);
    }
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, no_field);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, 4);
    return 1;
}

void sl_split_wrap(lua_State *L)
{
    lua_getfield(L, -1, "randomSplit");
    lua_pushcclosure(L, split, 1);
    lua_setfield(L, -2, "randomSplit");
}
