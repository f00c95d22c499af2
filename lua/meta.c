#include "lua/meta.h"

#include "lua/copy.h"
#include "lua/method.h"
#include "lua/phrase.h"
#include "lua/stream.h"

#include <lauxlib.h>
#include <string.h>

void sl_meta_check_function(lua_State *L, int index, const char *what, int parameters_max, const char *gets)
{
    if (!lua_isfunction(L, index))
        luaL_error(L, "%s: its function must be a Lua function, got %s", what, sl_phrase(L, index));
    lua_Debug info;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">u", &info);
    if (info.nparams > parameters_max)
        luaL_error(
            L,
            "%s: a function of %d parameters is refused: it gets %s; there is no batch time to give, because "
            "%s is evaluated once, when the graph is built: leave the time out",
            what, (int)info.nparams, gets, what);
}

void sl_meta_evaluate(lua_State *L, const char *what, int count)
{
    lua_call(L, count, 1);
    if (!sl_stream_test(L, -1))
        luaL_error(L, "%s: the function must return a stream (an rdd), got %s; is a `return` missing?", what,
                   sl_phrase(L, -1));
}

static void check_self(lua_State *L, const char *name)
{
    if (!sl_stream_test(L, 1))
        sl_method_no_self(L, name, "stream");
}

static int transform(lua_State *L)
{
    check_self(L, "transform");
    sl_method_check_count(L, "transform(f)");
    sl_meta_check_function(L, 2, "transform", 1, "the rdd");
    sl_copy_declare(L, "transform");
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 1);
    sl_meta_evaluate(L, "transform", 1);
    return 1;
}

static int transform_with(lua_State *L)
{
    check_self(L, "transformWith");
    sl_method_check_count(L, "transformWith(f, other)");
    sl_meta_check_function(L, 2, "transformWith", 2, "two rdds");
    if (!sl_stream_test(L, 3))
        return luaL_error(L, "transformWith: other must be a stream, got %s", sl_phrase(L, 3));
    sl_copy_declare(L, "transformWith");
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 3);
    sl_meta_evaluate(L, "transformWith", 2);
    return 1;
}

static int name_stream(lua_State *L)
{
    check_self(L, "name");
    sl_method_check_count(L, "name(name)");
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "name: the name must be a string, got %s", sl_phrase(L, 2));
    if (strlen(lua_tostring(L, 2)) != lua_rawlen(L, 2))
        return luaL_error(L, "name: the name must not hold U+0000");
    sl_copy_declare(L, "name");
    if (!sl_name(sl_stream_test(L, 1), lua_tostring(L, 2)))
        sl_copy_raise(L);
    lua_settop(L, 1);
    return 1;
}

/* cache, persist, checkpoint: a stream that is used twice is computed once anyway. */
static int accept(lua_State *L)
{
    check_self(L, lua_tostring(L, lua_upvalueindex(1)));
    lua_settop(L, 1);
    return 1;
}

static const struct sl_param transform_params[] = {
    {"f", SL_WANT_FUNCTION, false, "function(rdd) that returns an rdd, called once when the graph is built"},
    {0},
};
static const struct sl_op transform_op = {
    .name = "transform",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "What a function makes of the stream, which it gets as an rdd with every method of streams.",
    .example = "s:transform(function(rdd) return rdd:map(sluice.upper) end)",
    .params = transform_params,
};

static const struct sl_param transform_with_params[] = {
    {"f", SL_WANT_FUNCTION, false,
     "function(rdd, other) that returns an rdd, called once when the graph is built"},
    {"other", SL_WANT_STREAM, false, "the second stream"},
    {0},
};
static const struct sl_op transform_with_op = {
    .name = "transformWith",
    .kind = SL_OP_META,
    .family = "two streams",
    .summary = "What a function makes of the stream and another.",
    .example = "s:transformWith(function(a, b) return a:union(b) end, s2)",
    .params = transform_with_params,
};

static const struct sl_param name_params[] = {
    {"name", SL_WANT_STRING, false, "of the operator, unique in the job"},
    {0},
};
static const struct sl_op name_op = {
    .name = "name",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "Names the stream's operator, so that its state survives changes of the job around it.",
    .example = "s:count():name(\"lines\")",
    .params = name_params,
};

static const struct sl_param level_params[] = {
    {"level", SL_WANT_VALUE, true, "ignored"},
    {0},
};
static const struct sl_op cache_op = {
    .name = "cache",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "Accepted for ported jobs: a stream used twice is computed once anyway.",
    .example = "s:cache()",
};
static const struct sl_op persist_op = {
    .name = "persist",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "Accepted for ported jobs, like cache.",
    .example = "s:persist()",
    .params = level_params,
};
static const struct sl_op checkpoint_op = {
    .name = "checkpoint",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "Accepted for ported jobs: state is kept in every batch.",
    .example = "s:checkpoint(\"10s\")",
    .params = level_params,
};

const struct sl_op *const sl_meta_ops[] = {
    &transform_op, &transform_with_op, &name_op, &cache_op, &persist_op, &checkpoint_op, NULL,
};

void sl_meta_add_all(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"transform", transform},
        {"transformWith", transform_with},
        {"name", name_stream},
        {NULL, NULL},
    };
    static const char *const accepted[] = {"cache", "persist", "checkpoint"};
    luaL_setfuncs(L, methods, 0);
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        lua_pushstring(L, accepted[i]);
        lua_pushcclosure(L, accept, 1);
        lua_setfield(L, -2, accepted[i]);
    }
}
