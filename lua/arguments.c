#include "lua/arguments.h"

#include "engine/batch/query.h"
#include "lua/builtin.h"
#include "lua/copy.h"
#include "lua/function.h"
#include "lua/phrase.h"
#include "lua/rdd.h"
#include "lua/schema.h"
#include "lua/spark.h"
#include "lua/stream.h"
#include "lua/table.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(lua_State *L, size_t count, size_t size)
{
    void *memory = sl_arena_calloc(&sl_copy_of(L)->arena, count ? count : 1, size);
    if (!memory)
        sl_value_nomem(L);
    return memory;
}

static bool is_list_of_streams(lua_State *L, int index)
{
    bool is_stream = lua_rawgeti(L, index, 1) == LUA_TUSERDATA && sl_stream_test(L, -1);
    lua_pop(L, 1);
    return is_stream;
}

static struct sl_arg take_streams(lua_State *L, int index)
{
    size_t count = (size_t)lua_rawlen(L, index);
    struct sl_stream **streams = allocate(L, count, sizeof(struct sl_stream *));
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        streams[i] = sl_stream_test(L, -1);
        if (!streams[i])
            luaL_error(L, "item %d of the list is %s, not a stream", (int)i + 1, sl_phrase(L, -1));
        lua_pop(L, 1);
    }
    return sl_streams_arg(streams, count);
}

static struct sl_arg take_value(lua_State *L, int index)
{
    return sl_value_arg(sl_value_take(L, index, &sl_copy_of(L)->arena));
}

/* A batch's dataset can be given to methods of another. */
static struct sl_arg take_rdd(lua_State *L, int index)
{
    struct sl_copy *copy = sl_copy_of(L);
    if (!copy->query)
        luaL_error(L, "an rdd of foreachRDD is there for the methods of other rdds only");
    struct sl_stream *stream = sl_query_dataset(copy->query, sl_rdd_test(L, index));
    if (!stream)
        sl_copy_raise(L);
    return SL_STREAM_ARG(stream);
}

/* A table of the job, also for the methods of an rdd. */
static struct sl_arg take_table(lua_State *L, int index)
{
    struct sl_copy *copy = sl_copy_of(L);
    struct sl_stream *table = sl_table_test(L, index);
    struct sl_stream *stream = copy->query ? sl_query_table(copy->query, table) : table;
    if (!stream)
        sl_copy_raise(L);
    return SL_STREAM_ARG(stream);
}

/* What sc:parallelize made, given to a method of an rdd. */
static struct sl_arg take_parallelized(lua_State *L, int index)
{
    struct sl_copy *copy = sl_copy_of(L);
    struct sl_dataset *dataset = sl_rdd_of_list(L, index);
    struct sl_stream *stream = sl_query_dataset(copy->query, dataset);
    sl_dataset_unref(dataset);
    if (!stream)
        sl_copy_raise(L);
    return SL_STREAM_ARG(stream);
}

struct sl_arg sl_argument_take(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    switch (lua_type(L, index)) {
    case LUA_TFUNCTION:
        return SL_FN_ARG(sl_copy_of(L)->query ? sl_function_take_now(L, index) : sl_function_take(L, index));
    case LUA_TUSERDATA:
        if (sl_rdd_test(L, index))
            return take_rdd(L, index);
        if (sl_stream_test(L, index))
            return SL_STREAM_ARG(sl_stream_test(L, index));
        if (sl_table_test(L, index))
            return take_table(L, index);
        if (sl_builtin_test(L, index))
            return SL_FN_ARG(sl_builtin_take(L, index));
        break;
    case LUA_TTABLE:
        if (sl_copy_of(L)->query && sl_spark_is_parallelized(L, index))
            return take_parallelized(L, index);
        if (is_list_of_streams(L, index))
            return take_streams(L, index);
        break;
    default:
        break;
    }
    return take_value(L, index);
}

/* Options have names; a value made by sluice.map{} or row() is meant as a value. */
static bool is_options(lua_State *L, int index)
{
    if (!lua_istable(L, index) || sl_value_is_marked(L, index))
        return false;
    lua_pushnil(L);
    if (!lua_next(L, index))
        return false;
    bool has_names = lua_type(L, -2) == LUA_TSTRING;
    lua_pop(L, 2);
    return has_names;
}

static size_t count_options(lua_State *L, int index)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), count++)
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "options have names: a table like { name = value }, without items");
    return count;
}

static void take_names(lua_State *L, int index, struct sl_option *option)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), option++) {
        size_t len;
        const char *name = lua_tolstring(L, -2, &len);
        option->name = sl_arena_text(&sl_copy_of(L)->arena, name, len);
        if (!option->name)
            sl_value_nomem(L);
    }
}

static int compare_options(const void *left, const void *right)
{
    const struct sl_option *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* By name: every copy must number functions alike, and Lua's own order differs from state to state. */
struct sl_arg sl_options_take(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    size_t count = count_options(L, index);
    struct sl_option *option = allocate(L, count, sizeof *option);
    take_names(L, index, option);
    qsort(option, count, sizeof *option, compare_options);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, option[i].name);
        lua_rawget(L, index);
        if (strcmp(option[i].name, "schema") == 0)
            sl_schema_spread(L);
        option[i].arg = sl_argument_take(L, -1);
        lua_pop(L, 1);
    }
    return sl_options_arg(option, count);
}

/* A map of properties has names, too: it is no table of options. */
static bool is_settings(const struct sl_param *params, size_t position)
{
    for (size_t i = 0; params && params[i].name; i++)
        if (i == position)
            return params[i].want & SL_WANT_SETTINGS;
    return false;
}

size_t sl_arguments_take(lua_State *L, int first, const struct sl_param *params,
                         const struct sl_param *options, const struct sl_arg **ret)
{
    int top = lua_gettop(L);
    size_t count = top < first ? 0 : (size_t)(top - first + 1);
    luaL_checkstack(L, 16, "too many arguments");
    struct sl_arg *arg = allocate(L, count, sizeof *arg);
    for (int i = first; i <= top; i++) {
        bool may_be_options = i == top && options && !is_settings(params, (size_t)(i - first));
        arg[i - first] = may_be_options && is_options(L, i) ? sl_options_take(L, i) : sl_argument_take(L, i);
    }
    *ret = arg;
    return count;
}
