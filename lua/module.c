#include "lua/module.h"

#include "lua/builtin.h"
#include "lua/functions.h"
#include "lua/lib/strict.h"
#include "lua/rdd.h"
#include "lua/spark.h"
#include "lua/ssc.h"
#include "lua/ssc_methods.h"
#include "lua/state.h"
#include "lua/stream.h"
#include "lua/table.h"
#include "lua/value.h"

#include "core/base/nearest.h"

#include <lauxlib.h>
#include <string.h>

/* What PySpark's programs import besides streams: the remedy. */
static const char *spark_remedy(const char *name)
{
    static const char sql[] =
        "SQL is asked of a stream: s:columns(\"word\"):sql(\"SELECT ...\"); see sluice help sql";
    static const struct {
        const char *name, *remedy;
    } known[] = {
        {"SparkSession", sql},
        {"SQLContext", sql},
        {"Row", "a record has fields, which s:columns(\"word\", ...) names; sluice.row(...) makes one"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].remedy;
    return NULL;
}

static int no_such_name(lua_State *L)
{
    enum { NAMES_MAX = 256 };
    const char *names[NAMES_MAX], *name = luaL_tolstring(L, 2, NULL);
    const char *remedy = spark_remedy(name);
    size_t count = 0;
    if (remedy)
        return luaL_error(L, "there is no sluice.%s; %s", name, remedy);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        if (count < NAMES_MAX && lua_type(L, -2) == LUA_TSTRING)
            names[count++] = lua_tostring(L, -2);
    const char *nearest = sl_name_nearest(name, names, count);
    if (nearest)
        return luaL_error(L, "there is no sluice.%s; did you mean sluice.%s?", name, nearest);
    return luaL_error(L, "there is no sluice.%s; `sluice help` lists what there is", name);
}

static int push_module(lua_State *L)
{
    lua_newtable(L);
    sl_builtin_add_all(L);
    sl_ssc_push_constructor(L);
    lua_setfield(L, -2, "StreamingContext");
    sl_ssc_add_utils(L);
    sl_functions_add_all(L);
    sl_spark_add(L);
    sl_value_push_null(L);
    lua_setfield(L, -2, "null");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, no_such_name);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    return 1;
}

void sl_module_open(lua_State *L)
{
    sl_value_open(L);
    sl_builtin_open(L);
    sl_stream_open(L);
    sl_spark_open(L);
    sl_ssc_open(L);
    sl_rdd_open(L);
    sl_state_open(L);
    sl_table_open(L);
    luaL_requiref(L, "sluice", push_module, false);
    lua_pop(L, 1);
}

/* In the scope of -e, select is the built-in, and Lua's for what only that takes: "#", or values that are no numbers of
 * fields. Upvalues: both. */
static int select_either(lua_State *L)
{
    int args = lua_gettop(L);
    bool is_built_in = args > 0;
    for (int i = 1; i <= args; i++)
        is_built_in = is_built_in && lua_isinteger(L, i) && lua_tointeger(L, i) > 0;
    lua_pushvalue(L, lua_upvalueindex(is_built_in ? 1 : 2));
    lua_insert(L, 1);
    lua_call(L, args, LUA_MULTRET);
    return lua_gettop(L);
}

static void share_select(lua_State *L)
{
    lua_getfield(L, -1, "select");
    lua_getglobal(L, "select");
    lua_pushcclosure(L, select_either, 2);
    lua_setfield(L, -2, "select");
}

void sl_module_push_scope(lua_State *L)
{
    lua_newtable(L);
    sl_builtin_add_all(L);
    share_select(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "sluice");
    lua_setfield(L, -3, "sluice");
    lua_pop(L, 1);
    sl_ssc_push_default(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "ssc");
    sl_ssc_add_sources(L);
    sl_strict_scope(L);
}
