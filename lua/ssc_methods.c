#include "lua/ssc_methods.h"

#include "lua/arguments.h"
#include "lua/meta.h"
#include "lua/method.h"
#include "lua/registry.h"
#include "lua/ssc.h"
#include "lua/stream.h"

#include <lauxlib.h>

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

/* Any source: its descriptor is the closure's upvalue; with a second upvalue, that is the self. */
static int open_source(lua_State *L)
{
    const struct sl_op *op = lua_touserdata(L, lua_upvalueindex(1));
    check_self(L, op->name);
    sl_copy_declare(L, op->name);
    const struct sl_arg *argv;
    size_t argc = sl_arguments_take(L, 2, op->options, &argv);
    struct sl_stream *stream = sl_source_args(sl_copy_of(L)->context, op->name, argv, argc);
    if (!stream)
        sl_copy_raise(L);
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
        luaL_error(L, "%s takes streams, or a list of streams; got a %s", what, luaL_typename(L, index));
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

static int transform(lua_State *L)
{
    check_self(L, "transform");
    if (!lua_istable(L, 2))
        return luaL_error(L, "transform: the first argument must be a list of streams, got a %s",
                          luaL_typename(L, 2));
    sl_meta_check_function(L, 3, "transform", 1);
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

/* start, awaitTermination, stop, remember: the run begins when the script has ended. */
static int accept(lua_State *L)
{
    check_self(L, lua_tostring(L, lua_upvalueindex(1)));
    return 0;
}

static void add_accepted(lua_State *L)
{
    static const char *const names[] = {"start", "awaitTermination", "awaitTerminationOrTimeout", "stop",
                                        "remember"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_pushstring(L, names[i]);
        lua_pushcclosure(L, accept, 1);
        lua_setfield(L, -2, names[i]);
    }
}

static void add_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
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
        if (op->kind != SL_OP_SOURCE)
            continue;
        lua_pushlightuserdata(L, (void *)op);
        lua_pushvalue(L, -2);
        lua_pushcclosure(L, open_source_without_self, 2);
        lua_setfield(L, -3, op->name);
    }
    lua_pop(L, 1);
}
