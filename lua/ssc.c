#include "lua/ssc.h"

#include "lua/arguments.h"
#include "lua/job_internal.h"
#include "lua/phrase.h"
#include "lua/spark.h"
#include "lua/ssc_methods.h"
#include "lua/table.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <string.h>

bool sl_ssc_is_overridden(const struct sl_copy *copy, const char *option)
{
    const struct sl_job_options *options = copy->job->options;
    for (size_t i = 0; i < options->override_count; i++)
        if (strcmp(options->overrides[i].name, option) == 0)
            return true;
    return false;
}

void sl_ssc_set_option(lua_State *L, const char *name, struct sl_arg value)
{
    struct sl_copy *copy = sl_copy_of(L);
    copy->checkpoint_said |= strcmp(name, "checkpoint") == 0;
    if (sl_context_set(copy->context, name, value) < 0)
        sl_copy_raise(L);
}

static void set_overrides(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    const struct sl_job_options *options = copy->job->options;
    sl_context_at(copy->context, "command line", 0);
    for (size_t i = 0; i < options->override_count; i++) {
        copy->checkpoint_said |= strcmp(options->overrides[i].name, "checkpoint") == 0;
        if (sl_context_set(copy->context, options->overrides[i].name, options->overrides[i].arg) == 0)
            continue;
        if (sl_context_status(copy->context) == SL_ENOMEM)
            sl_copy_raise(L);
        lua_pushfstring(L, SL_COMMAND_LINE "%s", sl_context_error(copy->context));
        lua_error(L);
    }
}

static void set_options(lua_State *L, struct sl_arg options)
{
    sl_copy_declare(L, "StreamingContext");
    for (size_t i = 0; i < options.count; i++)
        sl_ssc_set_option(L, options.options[i].name, options.options[i].arg);
    set_overrides(L);
}

static void make_context(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    if (copy->context)
        luaL_error(L, "a second StreamingContext; a job has one, and this one's was made at line %d",
                   copy->context_line);
    copy->context = sl_context_new(copy->job->name, copy->job->dir);
    if (!copy->context)
        sl_value_nomem(L);
    sl_context_on_log(copy->context, copy->job->options->on_log, copy->job->options->log_arg);
    const char *file;
    sl_copy_where(L, &file, &copy->context_line);
}

static void check_interval(lua_State *L, struct sl_arg options)
{
    for (size_t i = 0; i < options.count; i++)
        if (strcmp(options.options[i].name, "interval") == 0)
            return;
    if (!sl_ssc_is_overridden(sl_copy_of(L), "interval"))
        luaL_error(L, "StreamingContext: the interval is missing; write StreamingContext { interval = "
                      "\"1s\" }, or give --interval");
}

/* StreamingContext(sc, seconds [, options]), or of a SparkConf as in Scala: as if it were StreamingContext { interval = seconds, ... }. */
static void arrange_spark(lua_State *L)
{
    if (!sl_spark_is_context(L, 2) && !sl_spark_is_conf(L, 2))
        return;
    bool has_options = lua_istable(L, 4);
    if (!has_options)
        lua_newtable(L);
    else
        lua_pushvalue(L, 4);
    if (!lua_isnoneornil(L, 3)) {
        lua_pushvalue(L, 3);
        lua_setfield(L, -2, "interval");
    }
    lua_replace(L, 2);
    lua_settop(L, 2);
}

/* StreamingContext { ... } */
static int construct(lua_State *L)
{
    arrange_spark(L);
    if (!lua_istable(L, 2))
        return luaL_error(L,
                          "StreamingContext takes a table of options, got %s; write "
                          "StreamingContext { interval = \"1s\" }",
                          lua_isnone(L, 2) ? "a call without any" : sl_phrase(L, 2));
    if (!lua_isnoneornil(L, 3)) /* sluice:StreamingContext { ... } gives the module, too */
        return luaL_error(L, "StreamingContext takes one table; it is called with a dot, not a colon: "
                             "sluice.StreamingContext { interval = \"1s\" }");
    make_context(L);
    struct sl_arg options = sl_options_take(L, 2);
    set_options(L, options); /* first: an unknown name may be the interval's, misspelt */
    check_interval(L, options);
    sl_table_declare_pending(L);
    sl_ssc_push(L);
    return 1;
}

/* StreamingContext.getOrCreate(dir, f): the checkpoint is found again by itself, so f is always called. */
static int get_or_create(lua_State *L)
{
    bool has_dir = lua_type(L, 1) == LUA_TSTRING;
    bool may_lack_dir = lua_toboolean(L, lua_upvalueindex(1)) && lua_isnoneornil(L, 1);
    if ((!has_dir && !may_lack_dir) || !lua_isfunction(L, 2))
        return luaL_error(L, "getOrCreate takes a checkpoint directory and a function: "
                             "StreamingContext.getOrCreate(\"dir\", function() ... return ssc end)");
    lua_settop(L, 2);
    lua_call(L, 0, 1);
    if (!sl_ssc_test(L, 2))
        return luaL_error(L, "getOrCreate: the function must return a StreamingContext, got %s",
                          sl_phrase(L, 2));
    sl_copy_declare(L, "getOrCreate");
    if (has_dir && !sl_copy_of(L)->checkpoint_said)
        sl_ssc_set_option(L, "checkpoint", sl_argument_take(L, 1));
    return 1;
}

/* StreamingContext.getActive(): the job's, or nil. */
static int get_active(lua_State *L)
{
    if (sl_copy_of(L)->context)
        sl_ssc_push(L);
    else
        lua_pushnil(L);
    return 1;
}

void sl_ssc_push_constructor(lua_State *L)
{
    lua_createtable(L, 0, 3);
    lua_pushboolean(L, false);
    lua_pushcclosure(L, get_or_create, 1);
    lua_setfield(L, -2, "getOrCreate");
    lua_pushboolean(L, true); /* the directory may be nil */
    lua_pushcclosure(L, get_or_create, 1);
    lua_setfield(L, -2, "getActiveOrCreate");
    lua_pushcfunction(L, get_active);
    lua_setfield(L, -2, "getActive");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, construct);
    lua_setfield(L, -2, "__call");
    lua_setmetatable(L, -2);
}

void sl_ssc_push_default(lua_State *L)
{
    make_context(L);
    const struct sl_option options[] = {{"checkpoint", SL_BOOL_ARG(false)}, {"interval", SL_STR_ARG("1s")}};
    set_options(L, sl_options_arg(options, 2));
    sl_ssc_push(L);
}
