#include "lua/method.h"

#include "core/base/nearest.h"

#include <lauxlib.h>
#include <string.h>

enum { NAMES_MAX = 512 };

/* The nearest key of the table at the index; NULL if none is near. */
static const char *nearest_key(lua_State *L, int table, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        if (count < NAMES_MAX)
            names[count++] = lua_tostring(L, -2);
    return sl_name_nearest(name, names, count);
}

static int find_method(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    const char *what = lua_tostring(L, lua_upvalueindex(2));
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "%s has methods, but nothing to be indexed by a %s", what, luaL_typename(L, 2));
    const char *name = lua_tostring(L, 2), *nearest = nearest_key(L, lua_upvalueindex(1), name);
    if (nearest)
        return luaL_error(L, "%s has no method '%s'; did you mean '%s'?", what, name, nearest);
    return luaL_error(L, "%s has no method '%s'; `sluice help%s` lists them", what, name,
                      strcmp(what, "an rdd") == 0 ? " rdd" : "");
}

void sl_method_table(lua_State *L, const char *what)
{
    lua_pushstring(L, what);
    lua_pushcclosure(L, find_method, 2);
    lua_setfield(L, -2, "__index");
}

static int arguments_of(const char *usage)
{
    const char *at = strchr(usage, '(') + 1;
    int count = *at != ')';
    for (; *at; at++)
        count += *at == ',';
    return count;
}

void sl_method_check_count(lua_State *L, const char *usage)
{
    if (lua_gettop(L) <= 1 + arguments_of(usage))
        return;
    lua_pushlstring(L, usage, strcspn(usage, "("));
    luaL_error(L, "%s: too many arguments; it is called as %s", lua_tostring(L, -1), usage);
}

int sl_method_no_self(lua_State *L, const char *name, const char *variable)
{
    return luaL_error(L, "%s is a method: write %s:%s(...) with a colon, not a dot", name, variable, name);
}
