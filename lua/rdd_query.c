#include "lua/rdd_query.h"

#include "engine/batch/query.h"
#include "engine/graph/graph.h"
#include "lua/arguments.h"
#include "lua/copy.h"
#include "lua/method.h"
#include "lua/rdd.h"
#include "lua/rdd_walk.h"
#include "lua/registry.h"
#include "lua/sql_tables.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <string.h>

/* ---- what a method gives ---- */

enum shape {
    SHAPE_RDD,
    SHAPE_VALUE, /* of the only record; nothing is an error: "the rdd is empty" */
    SHAPE_LIST,
    SHAPE_TABLE, /* from the first field of each record to its second */
    SHAPE_ROW,   /* the fields of the only record, several values */
};

static enum shape shape_of(const char *name)
{
    static const struct {
        const char *name;
        enum shape shape;
    } shapes[] = {
        {"aggregate", SHAPE_VALUE},     {"count", SHAPE_VALUE},        {"countApproxDistinct", SHAPE_VALUE},
        {"countByKey", SHAPE_TABLE},    {"countByValue", SHAPE_TABLE}, {"fold", SHAPE_VALUE},
        {"histogram", SHAPE_ROW},       {"max", SHAPE_VALUE},          {"mean", SHAPE_VALUE},
        {"min", SHAPE_VALUE},           {"reduce", SHAPE_VALUE},       {"reduceByKeyLocally", SHAPE_TABLE},
        {"stats", SHAPE_VALUE},         {"stdev", SHAPE_VALUE},        {"sum", SHAPE_VALUE},
        {"take", SHAPE_LIST},           {"takeOrdered", SHAPE_LIST},   {"top", SHAPE_LIST},
        {"treeAggregate", SHAPE_VALUE}, {"treeReduce", SHAPE_VALUE},   {"variance", SHAPE_VALUE},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].name, name) == 0)
            return shapes[i].shape;
    return SHAPE_RDD;
}

static int give_value(lua_State *L, const char *name, const struct sl_dataset *dataset)
{
    if (!dataset->count)
        return luaL_error(L, "%s: the rdd is empty; ask rdd:isEmpty() before", name);
    sl_rdd_push_records(L, dataset, 1);
    lua_rawgeti(L, -1, 1);
    return 1;
}

static int give_row(lua_State *L, const char *name, const struct sl_dataset *dataset)
{
    int list = lua_gettop(L) + 2;
    (void)give_value(L, name, dataset);
    int count = (int)lua_rawlen(L, list);
    luaL_checkstack(L, count, "a wide record");
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, list, i);
    return count;
}

static int give(lua_State *L, const char *name, struct sl_dataset *dataset,
                const struct sl_services *services)
{
    switch (shape_of(name)) {
    case SHAPE_RDD:
        sl_rdd_push(L, dataset, services);
        return 1;
    case SHAPE_VALUE:
        return give_value(L, name, dataset);
    case SHAPE_LIST:
        sl_rdd_push_records(L, dataset, dataset->count);
        return 1;
    case SHAPE_TABLE:
        sl_rdd_push_table(L, dataset);
        return 1;
    case SHAPE_ROW:
        return give_row(L, name, dataset);
    }
    return 0;
}

/* ---- declaring ---- */

/* A query with the memory of its arguments; it is freed with the userdata. */
struct handle {
    struct sl_query *query;
    struct sl_arena arena;
};

static const char handle_name[] = "sluice.query";

static int release(lua_State *L)
{
    struct handle *handle = lua_touserdata(L, 1);
    sl_query_free(handle->query);
    handle->query = NULL;
    sl_arena_done(&handle->arena);
    return 0;
}

static struct handle *push_handle(lua_State *L, const struct sl_services *services)
{
    struct sl_error err;
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = (struct handle){0};
    luaL_setmetatable(L, handle_name);
    if (sl_query_new(services, &handle->query, &err) < 0)
        sl_value_nomem(L);
    return handle;
}

/* (op, rdd, arguments ...) -> the stream as light userdata. Protected: the copy is the query's for that long. */
static int declare(lua_State *L)
{
    const struct sl_op *op = lua_touserdata(L, 1);
    struct sl_copy *copy = sl_copy_of(L);
    const struct sl_arg *argv;
    sl_copy_declare(L, op->name);
    struct sl_stream *stream = sl_query_dataset(copy->query, sl_rdd_test(L, 2));
    struct sl_arg tables[3];
    size_t argc = 3;
    if (stream && sl_sql_tables_are_given(L, op->name, 3))
        argv = sl_sql_tables_take(L, 3, stream, &stream, tables);
    else
        argc = sl_arguments_take(L, 3, op->params, op->options, &argv);
    if (stream)
        stream = sl_apply_args(stream, op->name, argv, argc);
    if (!stream)
        sl_copy_raise(L);
    lua_pushlightuserdata(L, stream);
    return 1;
}

/* What of the copy a declaration changes. */
struct declaration {
    struct sl_context *context;
    struct sl_query *query;
    struct sl_arena arena;
    bool is_sealed;
};

static struct declaration begin_declaration(struct sl_copy *copy, struct handle *handle)
{
    struct declaration before = {copy->context, copy->query, copy->arena, copy->is_sealed};
    copy->context = sl_query_context(handle->query);
    copy->query = handle->query;
    copy->arena = handle->arena;
    copy->is_sealed = false;
    copy->query_has_function = false;
    return before;
}

static void end_declaration(struct sl_copy *copy, struct handle *handle, const struct declaration *before)
{
    handle->arena = copy->arena;
    copy->context = before->context;
    copy->query = before->query;
    copy->arena = before->arena;
    copy->is_sealed = before->is_sealed;
}

/* The stack holds the handle, the rdd and its arguments. */
static struct sl_stream *declare_query(lua_State *L, const struct sl_op *op, struct handle *handle,
                                       bool *ret_alone)
{
    struct sl_copy *copy = sl_copy_of(L);
    int arguments = lua_gettop(L) - 1;
    lua_pushcfunction(L, declare);
    lua_pushlightuserdata(L, (void *)op);
    lua_rotate(L, 2, 2);
    struct declaration before = begin_declaration(copy, handle);
    int status = lua_pcall(L, arguments + 1, 1, 0);
    end_declaration(copy, handle, &before);
    *ret_alone = copy->query_has_function;
    if (status != LUA_OK)
        lua_error(L);
    return lua_touserdata(L, -1);
}

static int raise(lua_State *L, const struct sl_error *err)
{
    if (err->code == SL_ENOMEM)
        sl_value_nomem(L);
    if (err->code == SL_EFULL)
        sl_copy_of(L)->found_no_room = true;
    lua_pushstring(L, err->text);
    return lua_error(L);
}

/* Any operator: its descriptor is the closure's upvalue. */
static int apply(lua_State *L)
{
    const struct sl_op *op = lua_touserdata(L, lua_upvalueindex(1));
    const struct sl_services *services;
    struct sl_dataset *result;
    struct sl_error err = {0};
    bool alone;
    if (!sl_rdd_test(L, 1))
        return sl_method_no_self(L, op->name, "rdd");
    services = sl_rdd_services(L, 1);
    struct handle *handle = push_handle(L, services);
    lua_insert(L, 1);
    struct sl_stream *stream = declare_query(L, op, handle, &alone);
    int r = sl_query_run(handle->query, stream, alone, &result, &err);
    if (r == 0)
        sl_rdd_push(L, result, services); /* holds it, whatever is raised from here on */
    sl_dataset_unref(result);
    sl_query_free(handle->query);
    handle->query = NULL;
    return r < 0 ? raise(L, &err) : give(L, op->name, result, services);
}

/* Windows, state and event time are of streams, and so are outputs: an rdd is one batch, and its records have no times. */
static bool is_method(const struct sl_op *op)
{
    if (op->kind == SL_OP_META)
        return op->compose != NULL;
    bool remembers = op->wide && op->wide->memory_size;
    bool needs_times = op->one_process == SL_ONE_PROCESS_EVENT_TIME;
    return (op->kind == SL_OP_NARROW || op->kind == SL_OP_WIDE) && !remembers && !needs_times;
}

void sl_rdd_query_add_methods(lua_State *L)
{
    const struct sl_op *op;
    luaL_newmetatable(L, handle_name);
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    for (size_t i = 0; (op = sl_registry_at(i)); i++) {
        if (!is_method(op))
            continue;
        lua_pushlightuserdata(L, (void *)op);
        lua_pushcclosure(L, apply, 1);
        lua_setfield(L, -2, op->name);
    }
}
