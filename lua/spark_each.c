/* Which names of PySpark's classes the bindings have: read from the method tables themselves, in a state of their own. */
#include "lua/module.h"
#include "lua/spark_names.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

static const char *const type_names[SL_SPARK_OWNERS] = {"sluice.stream", "sluice.rdd", "sluice.context",
                                                        "sluice.spark"};

static const struct sl_spark_name *find_entry(enum sl_spark_owner owner, const char *name)
{
    for (const struct sl_spark_name *entry = sl_spark_names; entry->name; entry++)
        if (entry->owner == owner && strcmp(entry->name, name) == 0)
            return entry;
    return NULL;
}

/* The names in the table on top of the stack. */
static bool visit_table(lua_State *L, enum sl_spark_owner owner, sl_spark_visit *visit, void *arg)
{
    bool ok = true;
    for (lua_pushnil(L); ok && lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            ok = visit(arg, owner, lua_tostring(L, -2), find_entry(owner, lua_tostring(L, -2)));
    return ok;
}

/* Methods are the first upvalue of __index (lua/method.h). */
static bool visit_methods(lua_State *L, enum sl_spark_owner owner, sl_spark_visit *visit, void *arg)
{
    luaL_getmetatable(L, type_names[owner]);
    lua_getfield(L, -1, "__index");
    return lua_getupvalue(L, -1, 1) && visit_table(L, owner, visit, arg);
}

/* StreamingContext.getOrCreate and the like. */
static bool visit_constructor(lua_State *L, sl_spark_visit *visit, void *arg)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "sluice");
    lua_getfield(L, -1, "StreamingContext");
    return visit_table(L, SL_SPARK_STREAMING_CONTEXT, visit, arg);
}

bool sl_spark_each(sl_spark_visit *visit, void *arg)
{
    lua_State *L = luaL_newstate();
    if (!L)
        return false;
    luaL_openlibs(L);
    sl_module_open(L);
    bool ok = visit_constructor(L, visit, arg);
    for (int owner = 0; ok && owner < SL_SPARK_OWNERS; owner++) {
        lua_settop(L, 0);
        ok = visit_methods(L, (enum sl_spark_owner)owner, visit, arg);
    }
    lua_close(L);
    return ok;
}
