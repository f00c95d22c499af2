#include "lua/schema.h"

#include "lua/value.h"

#include <lauxlib.h>

/* Pushes a map of what has a name; false where nothing has, and pushes nothing. */
static bool push_names(lua_State *L, int index)
{
    bool any = false;
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
        any = true;
    }
    if (any)
        sl_value_mark_map(L);
    else
        lua_pop(L, 1);
    return any;
}

/* The column on the top of the stack. */
static void spread_column(lua_State *L)
{
    int index = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    if (!count || !push_names(L, index))
        return;
    lua_createtable(L, (int)count + 1, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        lua_rawseti(L, -2, i);
    }
    lua_pushvalue(L, index + 1);
    lua_rawseti(L, -2, count + 1);
    lua_replace(L, index);
    lua_settop(L, index);
}

void sl_schema_spread(lua_State *L)
{
    if (!lua_istable(L, -1) || sl_value_is_marked(L, -1))
        return;
    int index = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    luaL_checkstack(L, 16, "a schema");
    if (!count)
        return;
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        if (lua_istable(L, -1))
            spread_column(L);
        lua_rawseti(L, index + 1, i);
    }
    lua_replace(L, index);
}
