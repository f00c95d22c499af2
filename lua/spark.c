#include "lua/spark.h"

#include "lua/copy.h"
#include "lua/counter.h"
#include "lua/method.h"
#include "lua/phrase.h"
#include "lua/spark_names.h"
#include "lua/ssc.h"
#include "lua/table.h"

#include <lauxlib.h>
#include <string.h>

static const char context_name[] = "sluice.spark", conf_name[] = "sluice.conf",
                  broadcast_name[] = "sluice.broadcast";
static const char context_key = 'c', partitions_key[] = "sluice.partitions";

static void check_self(lua_State *L, const char *name)
{
    if (!sl_spark_is_context(L, 1))
        sl_method_no_self(L, name, "sc");
}

bool sl_spark_is_context(lua_State *L, int index)
{
    return luaL_testudata(L, index, context_name) != NULL;
}

bool sl_spark_is_conf(lua_State *L, int index)
{
    return luaL_testudata(L, index, conf_name) != NULL;
}

void sl_spark_push_context(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &context_key);
}

/* ---- parallelize ---- */

static int no_method(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    return luaL_error(
        L,
        "what parallelize gives has no '%s': it is a list of records, for queueStream, initialRDD and "
        "the methods of rdds; ssc:queueStream({ list }) makes a stream of it",
        lua_tostring(L, 2));
}

/* parallelize(list [, numPartitions]): a copy of the list that knows into how many partitions it is cut. */
static int parallelize(lua_State *L)
{
    check_self(L, "parallelize");
    sl_method_check_count(L, "parallelize(list [, numPartitions])");
    if (!lua_istable(L, 2))
        return luaL_error(L, "parallelize takes a list of records, got %s", sl_phrase(L, 2));
    lua_Integer partitions = luaL_optinteger(L, 3, 0);
    luaL_argcheck(L, lua_isnoneornil(L, 3) || partitions >= 1, 3, "numPartitions must be at least 1");
    lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        lua_rawseti(L, -2, i);
    }
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, no_method);
    lua_setfield(L, -2, "__index");
    lua_pushinteger(L, partitions);
    lua_setfield(L, -2, partitions_key);
    lua_setmetatable(L, -2);
    return 1;
}

bool sl_spark_is_parallelized(lua_State *L, int index)
{
    if (luaL_getmetafield(L, index, partitions_key) == LUA_TNIL)
        return false;
    lua_pop(L, 1);
    return true;
}

lua_Integer sl_spark_partitions(lua_State *L, int index)
{
    if (!lua_istable(L, index) || luaL_getmetafield(L, index, partitions_key) == LUA_TNIL)
        return 0;
    lua_Integer partitions = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return partitions;
}

static int empty_rdd(lua_State *L)
{
    check_self(L, "emptyRDD");
    sl_method_check_count(L, "emptyRDD()");
    lua_settop(L, 1);
    lua_newtable(L);
    return parallelize(L);
}

/* textFile(path): a table of lines; the requested number of partitions makes no difference. */
static int text_file(lua_State *L)
{
    check_self(L, "textFile");
    sl_method_check_count(L, "textFile(path [, minPartitions [, useUnicode]])");
    lua_settop(L, 2);
    lua_remove(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "lines");
    lua_setfield(L, -2, "format");
    return sl_table_make(L);
}

/* ---- broadcast ---- */

/* Every copy of the job loads the script, so every copy has the value. */
static int broadcast(lua_State *L)
{
    check_self(L, "broadcast");
    sl_method_check_count(L, "broadcast(value)");
    luaL_checkany(L, 2);
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "value");
    luaL_setmetatable(L, broadcast_name);
    return 1;
}

/* unpersist, destroy */
static int accept(lua_State *L)
{
    lua_settop(L, 1);
    return 1;
}

static void open_broadcast(lua_State *L)
{
    static const luaL_Reg methods[] = {{"unpersist", accept}, {"destroy", accept}, {NULL, NULL}};
    luaL_newmetatable(L, broadcast_name);
    luaL_newlib(L, methods);
    sl_method_table(L, "what broadcast gives (its value is in .value)");
    lua_pop(L, 1);
}

/* ---- SparkConf ---- */

static int make_conf(lua_State *L)
{
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, conf_name);
    return 1;
}

static int conf_get(lua_State *L)
{
    lua_settop(L, 3); /* the default */
    return 1;
}

static void open_conf(lua_State *L)
{
    static const char *const setters[] = {"set",          "setAppName",     "setMaster",   "setAll",
                                          "setIfMissing", "setExecutorEnv", "setSparkHome"};
    luaL_newmetatable(L, conf_name);
    lua_newtable(L);
    for (size_t i = 0; i < sizeof setters / sizeof *setters; i++) {
        lua_pushcfunction(L, accept);
        lua_setfield(L, -2, setters[i]);
    }
    lua_pushcfunction(L, conf_get);
    lua_setfield(L, -2, "get");
    sl_method_table(L, "a SparkConf");
    lua_pop(L, 1);
}

/* ---- the SparkContext ---- */

/* SparkContext(master, appName, ...), SparkContext(conf), SparkContext { ... }; and ssc:sparkContext(). */
static int give_context(lua_State *L)
{
    sl_spark_push_context(L);
    return 1;
}

static int default_parallelism(lua_State *L)
{
    lua_pushinteger(L, 1);
    return 1;
}

static void open_context(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"parallelize", parallelize},
        {"emptyRDD", empty_rdd},
        {"broadcast", broadcast},
        {"accumulator", sl_counter_make_accumulator},
        {"textFile", text_file},
        {"getConf", make_conf},
        {"getOrCreate", give_context},
        {"defaultParallelism", default_parallelism},
        {NULL, NULL},
    };
    luaL_newmetatable(L, context_name);
    lua_pushcfunction(L, give_context);
    lua_setfield(L, -2, "__call");
    luaL_newlib(L, methods);
    sl_spark_names_add(L, SL_SPARK_CONTEXT);
    sl_method_table(L, "a SparkContext");
    lua_pop(L, 1);
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, context_name);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &context_key);
}

void sl_spark_open(lua_State *L)
{
    sl_counter_open(L);
    open_context(L);
    open_conf(L);
    open_broadcast(L);
}

/* ---- in the module ---- */

/* SparkContext(...) and SparkContext.getOrCreate(...), which the object itself is for. */
static void add_storage_levels(lua_State *L)
{
    static const char *const names[] = {"NONE",
                                        "DISK_ONLY",
                                        "DISK_ONLY_2",
                                        "DISK_ONLY_3",
                                        "MEMORY_ONLY",
                                        "MEMORY_ONLY_2",
                                        "MEMORY_ONLY_SER",
                                        "MEMORY_ONLY_SER_2",
                                        "MEMORY_AND_DISK",
                                        "MEMORY_AND_DISK_2",
                                        "MEMORY_AND_DISK_SER",
                                        "MEMORY_AND_DISK_SER_2",
                                        "MEMORY_AND_DISK_DESER",
                                        "OFF_HEAP"};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_pushstring(L, names[i]);
        lua_setfield(L, -2, names[i]);
    }
    lua_setfield(L, -2, "StorageLevel");
}

void sl_spark_add(lua_State *L)
{
    sl_spark_push_context(L);
    lua_setfield(L, -2, "SparkContext");
    lua_pushcfunction(L, make_conf);
    lua_setfield(L, -2, "SparkConf");
    add_storage_levels(L);
}
