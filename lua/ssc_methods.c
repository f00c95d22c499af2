#include "lua/ssc_methods.h"

#include "engine/graph/graph.h"
#include "lua/arguments.h"
#include "lua/meta.h"
#include "lua/method.h"
#include "lua/phrase.h"
#include "lua/registry.h"
#include "lua/slice.h"
#include "lua/spark.h"
#include "lua/spark_names.h"
#include "lua/sql_tables.h"
#include "lua/ssc.h"
#include "lua/stream.h"
#include "lua/table.h"

#include <lauxlib.h>
#include <string.h>

static const char type_name[] = "sluice.context";

/* The context is the copy's, so the userdata holds nothing. */
void sl_ssc_push(lua_State *L)
{
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, type_name);
}

bool sl_ssc_test(lua_State *L, int index)
{
    return luaL_testudata(L, index, type_name) != NULL;
}

static void check_self(lua_State *L, const char *name)
{
    if (!sl_ssc_test(L, 1))
        sl_method_no_self(L, name, "ssc");
}

/* queueStream of lists that sc:parallelize made: the number of partitions is passed as an argument of its own
 * (sources/queue.c), unless options are given by name. */
static void add_partitions(lua_State *L)
{
    lua_Integer partitions = 0;
    if (!lua_istable(L, 2) || lua_istable(L, 3))
        return;
    for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, 2); i <= count && !partitions; i++) {
        lua_rawgeti(L, 2, i);
        partitions = sl_spark_partitions(L, -1);
        lua_pop(L, 1);
    }
    if (!partitions || lua_gettop(L) > 4)
        return;
    lua_settop(L, 4);
    lua_pushinteger(L, partitions);
}

/* Any source: its descriptor is the closure's upvalue; with a second upvalue, that is the self. */
static int open_source(lua_State *L)
{
    const struct sl_op *op = lua_touserdata(L, lua_upvalueindex(1));
    check_self(L, op->name);
    sl_copy_declare(L, op->name);
    if (strcmp(op->name, "queueStream") == 0)
        add_partitions(L);
    const struct sl_arg *argv;
    size_t argc = sl_arguments_take(L, 2, op->params, op->options, &argv);
    struct sl_stream *stream = sl_source_args(sl_copy_of(L)->context, op->name, argv, argc);
    if (!stream)
        sl_copy_raise(L);
    if (op->is_table)
        sl_table_push(L, stream);
    else
        sl_stream_push(L, stream);
    return 1;
}

/* A source as a function of its own: textFileStream("in"). */
static int open_source_without_self(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    return open_source(L);
}

static struct sl_stream *check_stream(lua_State *L, int index, const char *what)
{
    struct sl_stream *stream = sl_stream_test(L, index);
    if (!stream)
        luaL_error(L, "%s takes streams, or a list of streams; got %s", what, sl_phrase(L, index));
    return stream;
}

/* A list in place of several arguments is spread over the stack. */
static void spread_list(lua_State *L)
{
    if (lua_gettop(L) != 2 || !lua_istable(L, 2))
        return;
    int count = (int)lua_rawlen(L, 2);
    luaL_checkstack(L, count + 4, "too many streams");
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, 2, i);
    lua_remove(L, 2);
}

static int unite(lua_State *L)
{
    check_self(L, "union");
    spread_list(L);
    struct sl_stream *united = check_stream(L, 2, "union");
    sl_copy_declare(L, "union");
    for (int i = 3; i <= lua_gettop(L); i++) {
        struct sl_arg argument = SL_STREAM_ARG(check_stream(L, i, "union"));
        united = sl_apply_args(united, "union", &argument, 1);
        if (!united)
            sl_copy_raise(L);
    }
    sl_stream_push(L, united);
    return 1;
}

/* sql(query, {words = stream, users = other}) */
static int ask(lua_State *L)
{
    struct sl_arg argv[3];
    struct sl_stream *first;
    check_self(L, "sql");
    sl_copy_declare(L, "sql");
    sl_sql_tables_take(L, 2, NULL, &first, argv);
    struct sl_stream *result = sl_apply_args(first, "sql", argv, 3);
    if (!result)
        sl_copy_raise(L);
    sl_stream_push(L, result);
    return 1;
}

static int transform(lua_State *L)
{
    check_self(L, "transform");
    if (!lua_istable(L, 2))
        return luaL_error(L, "transform: the first argument must be a list of streams, got %s",
                          sl_phrase(L, 2));
    sl_meta_check_function(L, 3, "transform", 1, "one list of rdds");
    sl_copy_declare(L, "transform");
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 2);
    sl_meta_evaluate(L, "transform", 1);
    return 1;
}

static int set_checkpoint(lua_State *L)
{
    check_self(L, "checkpoint");
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    struct sl_arg dir = sl_argument_take(L, 2);
    sl_copy_declare(L, "checkpoint");
    if (!sl_ssc_is_overridden(sl_copy_of(L), "checkpoint"))
        sl_ssc_set_option(L, "checkpoint", dir);
    return 0;
}

/* ---- how long the run is: it begins when the script has ended ---- */

/* awaitTerminationOrTimeout(seconds): stop() then ends the run after that time. The answer, whether it has ended, is
 * no: a loop around it would not end either. */
static int await_timeout(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    const char *file;
    int line;
    check_self(L, "awaitTerminationOrTimeout");
    double seconds = luaL_checknumber(L, 2);
    if (!(seconds >= 0 && seconds < 1e9))
        return luaL_error(L, "awaitTerminationOrTimeout: the time-out must be a number of seconds from 0");
    sl_copy_where(L, &file, &line);
    if (copy->await_line && line == copy->await_line)
        return luaL_error(
            L, "awaitTerminationOrTimeout in a loop: the run begins when the script has ended; write "
               "ssc:awaitTermination()");
    copy->await_line = line;
    copy->await_ms += (int64_t)(seconds * 1000);
    lua_pushboolean(L, copy->is_sealed && atomic_load(&copy->context->stopped));
    return 1;
}

/* remember(d): for slice. */
static int remember(lua_State *L)
{
    check_self(L, "remember");
    return sl_slice_remember(L);
}

/* start: the run begins when the script has ended. */
static int accept(lua_State *L)
{
    check_self(L, lua_tostring(L, lua_upvalueindex(1)));
    return 0;
}

/* awaitTermination(): until it is stopped from outside. */
static int await(lua_State *L)
{
    check_self(L, "awaitTermination");
    if (!lua_isnoneornil(L, 2))
        return await_timeout(L);
    sl_copy_of(L)->awaits_end = true;
    return 0;
}

/* stop([stopSparkContext [, stopGracefully]]): after a time-out that ended; at the top of the job without one, after
 * one batch; in a function of foreachRDD, after this batch. */
static int stop(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    check_self(L, "stop");
    if (copy->task)
        return luaL_error(L,
                          "stop: a function over records cannot stop the run; a function of foreachRDD can");
    if (copy->is_sealed)
        atomic_store(&copy->context->stopped, 1);
    else if (!copy->awaits_end)
        copy->context->options.run_ms = copy->await_ms;
    return 0;
}

static void add_accepted(lua_State *L)
{
    static const char *const names[] = {"start"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_pushstring(L, names[i]);
        lua_pushcclosure(L, accept, 1);
        lua_setfield(L, -2, names[i]);
    }
}

static void add_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"awaitTermination", await},
        {"awaitTerminationOrTimeout", await_timeout},
        {"remember", remember},
        {"sql", ask},
        {"stop", stop},
        {"union", unite},
        {"transform", transform},
        {"checkpoint", set_checkpoint},
        {NULL, NULL},
    };
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_registry_at(i)); i++) {
        if (op->kind != SL_OP_SOURCE)
            continue;
        lua_pushlightuserdata(L, (void *)op);
        lua_pushcclosure(L, open_source, 1);
        lua_setfield(L, -2, op->name);
    }
    luaL_setfuncs(L, methods, 0);
    add_accepted(L);
    sl_spark_push_context(L); /* ssc.sparkContext and, as it can be called, ssc:sparkContext() */
    lua_setfield(L, -2, "sparkContext");
    sl_spark_names_add(L, SL_SPARK_STREAMING_CONTEXT);
}

void sl_ssc_open(lua_State *L)
{
    luaL_newmetatable(L, type_name);
    lua_newtable(L);
    add_methods(L);
    sl_method_table(L, "a StreamingContext");
    lua_pop(L, 1);
}

void sl_ssc_add_sources(lua_State *L)
{
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_registry_at(i)); i++) {
        if (op->kind != SL_OP_SOURCE || op->is_table) /* it would hide Lua's own `table` */
            continue;
        lua_pushlightuserdata(L, (void *)op);
        lua_pushvalue(L, -2);
        lua_pushcclosure(L, open_source_without_self, 2);
        lua_setfield(L, -3, op->name);
    }
    lua_pop(L, 1);
}

/* utils.createStream(ssc, ...) is ssc:source(...). */
static void add_util(lua_State *L, const char *utils, const char *function, const char *source)
{
    lua_newtable(L);
    lua_pushlightuserdata(L, (void *)sl_op_find(source));
    lua_pushcclosure(L, open_source, 1);
    lua_setfield(L, -2, function);
    lua_setfield(L, -2, utils);
}

/* KafkaUtils.createStream(ssc, zkQuorum, groupId, topics) */
static int refuse_zookeeper(lua_State *L)
{
    return luaL_error(L,
                      "KafkaUtils.createStream reads through ZooKeeper, which Kafka does not have any more; "
                      "use KafkaUtils.createDirectStream(ssc, { \"topic\" }, { [\"bootstrap.servers\"] = "
                      "\"host:9092\", [\"group.id\"] = \"...\" })");
}

void sl_ssc_add_utils(lua_State *L)
{
    add_util(L, "FlumeUtils", "createStream", "flumeStream");
    add_util(L, "KafkaUtils", "createDirectStream", "kafkaStream");
    lua_getfield(L, -1, "KafkaUtils");
    lua_pushcfunction(L, refuse_zookeeper);
    lua_setfield(L, -2, "createStream");
    lua_pop(L, 1);
}
