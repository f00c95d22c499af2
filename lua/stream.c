#include "lua/stream.h"

#include "lua/arguments.h"
#include "lua/copy.h"
#include "lua/meta.h"
#include "lua/method.h"
#include "lua/registry.h"
#include "lua/slice.h"
#include "lua/spark_names.h"
#include "lua/split.h"
#include "lua/sql_tables.h"
#include "lua/ssc_methods.h"

#include <lauxlib.h>

static const char type_name[] = "sluice.stream";

struct handle {
    struct sl_stream *stream;
};

void sl_stream_push(lua_State *L, struct sl_stream *stream)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    handle->stream = stream;
    luaL_setmetatable(L, type_name);
}

struct sl_stream *sl_stream_test(lua_State *L, int index)
{
    struct handle *handle = luaL_testudata(L, index, type_name);
    return handle ? handle->stream : NULL;
}

/* Any operator: its descriptor is the closure's upvalue. */
static int apply(lua_State *L)
{
    const struct sl_op *op = lua_touserdata(L, lua_upvalueindex(1));
    struct sl_stream *stream = sl_stream_test(L, 1);
    if (!stream)
        return sl_method_no_self(L, op->name, "stream");
    sl_copy_declare(L, op->name);
    const struct sl_arg *argv;
    struct sl_arg tables[3];
    size_t argc = 3;
    if (sl_sql_tables_are_given(L, op->name, 2))
        argv = sl_sql_tables_take(L, 2, stream, &stream, tables);
    else
        argc = sl_arguments_take(L, 2, op->params, op->options, &argv);
    if (op->kind == SL_OP_OUTPUT) {
        if (sl_output_args(stream, op->name, argv, argc) < 0)
            sl_copy_raise(L);
        return 0;
    }
    struct sl_stream *result = sl_apply_args(stream, op->name, argv, argc);
    if (!result)
        sl_copy_raise(L);
    sl_stream_push(L, result);
    return 1;
}

static int give_context(lua_State *L)
{
    if (!sl_stream_test(L, 1))
        return sl_method_no_self(L, "context", "stream");
    sl_ssc_push(L);
    return 1;
}

static int to_text(lua_State *L)
{
    lua_pushfstring(L, "stream: %p", (void *)sl_stream_test(L, 1));
    return 1;
}

void sl_stream_open(lua_State *L)
{
    luaL_newmetatable(L, type_name);
    lua_pushcfunction(L, to_text);
    lua_setfield(L, -2, "__tostring");
    lua_newtable(L);
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_registry_at(i)); i++) {
        if (op->kind == SL_OP_SOURCE)
            continue;
        lua_pushlightuserdata(L, (void *)op);
        lua_pushcclosure(L, apply, 1);
        lua_setfield(L, -2, op->name);
    }
    sl_meta_add_all(L);
    lua_pushcfunction(L, give_context);
    lua_setfield(L, -2, "context");
    sl_split_wrap(L);
    sl_slice_wrap(L);
    sl_spark_names_add(L, SL_SPARK_DSTREAM);
    sl_method_table(L, "a stream");
    lua_pop(L, 1);
}
