#include "lua/function.h"

#include "core/base/array.h"
#include "core/contract/services.h"
#include "engine/graph/graph.h"
#include "lua/calls.h"
#include "lua/counter.h"
#include "lua/formula.h"
#include "lua/formula_calls.h"
#include "lua/iterator.h"
#include "lua/job_internal.h"
#include "lua/lib/hints.h"
#include "lua/lib/text.h"
#include "lua/phrase.h"
#include "lua/rdd.h"
#include "lua/state.h"
#include "lua/value.h"
#include "lua/watchdog.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

struct lua_function {
    struct sl_function base;
    struct sl_job *job;
    unsigned number;
    /* An argument beyond them is not made a value of Lua: that costs as much as a short function does. */
    uint32_t parameters;
    const struct sl_formula *formula; /* not NULL: tried before Lua is called */
};

/* One call on its way through the protected call. */
struct call {
    struct sl_copy *copy;
    int ref; /* of the function */
    struct sl_task *task;
    const struct sl_field *argv;
    uint32_t argc;
    const struct sl_rows *rows; /* not NULL: a partition is the last argument */
    struct sl_state_cell *cell; /* not NULL: a state and the time are the last arguments */
    int64_t time_ms;
    struct sl_returned *ret;
    bool has_returned; /* what fails from here on is the value, not the function */
};

struct dataset_call {
    unsigned number;
    int64_t time_ms;
    struct sl_dataset *dataset;
    const struct sl_services *services;
};

/* Runs protected: everything in here may raise. */
static int call_protected(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->ref);
    for (uint32_t i = 0; i < call->argc; i++)
        sl_value_push(L, &call->argv[i]);
    if (call->rows)
        sl_iterator_push(L, call->rows);
    if (call->cell) {
        sl_state_push(L, call->cell);
        lua_pushinteger(L, call->time_ms);
    }
    lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
    call->has_returned = true;
    int count = lua_gettop(L) - 1;
    if (count > SL_WIDTH_MAX)
        return luaL_error(L, "%d values; a record has at most %d fields", count, SL_WIDTH_MAX);
    for (int i = 0; i < count; i++)
        call->ret->values[i] = sl_value_take_returned(L, 2 + i, call->argv, call->argc, call->task->scratch);
    call->ret->count = (uint32_t)count;
    return 0;
}

/* The error on top of the stack becomes the record's message; memory that is out ends the batch. */
static int explain(lua_State *L, const struct call *call, int status)
{
    if (status == LUA_ERRMEM || sl_value_is_nomem(L, -1))
        return sl_error_nomem(call->task->err);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (!text)
        return sl_task_explain(call->task, "the function raised %s as its error", sl_phrase(L, -1));
    const char *hint = sl_hint_of_error(text);
    return sl_task_explain(call->task, "%s%s%s%s", call->has_returned ? "the function returned " : "", text,
                           hint ? "; " : "", hint ? hint : "");
}

static int run(const struct sl_function *fn, struct call *call)
{
    const struct lua_function *function = (const struct lua_function *)fn;
    sl_assert(call->task->worker < function->job->workers && call->argc <= SL_WIDTH_MAX);
    struct sl_copy *copy = function->job->worker[call->task->worker];
    call->copy = copy;
    copy->task = call->task;
    copy->running = function->number;
    call->ref = copy->function[function->number];
    lua_pushcfunction(copy->L, call_protected);
    lua_pushlightuserdata(copy->L, call);
    sl_watchdog_enter(copy);
    int status = lua_pcall(copy->L, 1, 0, 0);
    bool is_late = sl_watchdog_leave(copy);
    sl_counter_settle(copy, call->task, true);
    copy->task = NULL;
    if (status == LUA_OK && !is_late)
        return 0;
    int r = is_late ? sl_watchdog_explain(copy, call->task->err) : explain(copy->L, call, status);
    lua_settop(copy->L, 0);
    return r;
}

static int function_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                         uint32_t argc, struct sl_returned *ret)
{
    const struct lua_function *function = (const struct lua_function *)fn;
    uint32_t parameters = function->parameters;
    if (function->formula && sl_formula_run(function->formula, argv, argc, ret->values, &ret->count))
        return 0;
    struct call call = {
        .task = task, .argv = argv, .argc = argc < parameters ? argc : parameters, .ret = ret};
    return run(fn, &call);
}

static int function_call_partition(const struct sl_function *fn, struct sl_task *task, uint32_t index,
                                   const struct sl_rows *rows, struct sl_returned *ret)
{
    struct sl_field number = sl_integer(index);
    struct call call = {
        .task = task, .argv = &number, .argc = index != SL_NO_INDEX, .rows = rows, .ret = ret};
    return run(fn, &call);
}

static int function_call_state(const struct sl_function *fn, struct sl_task *task, const struct sl_field *key,
                               const struct sl_field *value, struct sl_state_cell *cell, int64_t time_ms,
                               struct sl_returned *ret)
{
    struct sl_field argv[2] = {*key, *value};
    struct call call = {.task = task, .argv = argv, .argc = 2, .cell = cell, .time_ms = time_ms, .ret = ret};
    return run(fn, &call);
}

static struct sl_copy *copy_of(const struct lua_function *function, const struct sl_task *task)
{
    sl_assert(task->worker < function->job->workers);
    return function->job->worker[task->worker];
}

static int function_call_rows(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                              uint32_t from, struct sl_called *ret)
{
    const struct lua_function *function = (const struct lua_function *)fn;
    if (function->formula) {
        int r = sl_formula_rows(function->formula, task, in, from, ret);
        if (r < 0 || ret->rows)
            return r;
    }
    return sl_calls_rows(copy_of(function, task), function->number, function->parameters, task, in, from,
                         ret);
}

static int function_map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                        struct sl_chunk *out)
{
    const struct lua_function *function = (const struct lua_function *)fn;
    return function->formula ? sl_formula_map(function->formula, task, in, out) : SL_EREJECT;
}

static uint32_t function_fold_rows(const struct sl_function *fn, struct sl_task *task, struct sl_arena *keep,
                                   struct sl_field *const *cells, const struct sl_field *values,
                                   const uint16_t *row, uint32_t count)
{
    const struct lua_function *function = (const struct lua_function *)fn;
    uint32_t done = 0;
    if (function->formula)
        done = sl_formula_fold(function->formula, task, keep, cells, values, row, count);
    if (done == count)
        return done;
    return done + sl_calls_fold(copy_of(function, task), function->number, task, keep, cells + done, values,
                                row + done, count - done);
}

/* Its memory is the copy's. */
static void function_free(struct sl_function *fn)
{
}

/* Runs protected. */
static int call_dataset(lua_State *L)
{
    const struct dataset_call *call = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, sl_copy_of(L)->function[call->number]);
    lua_Debug info;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">u", &info);
    if (info.nparams > 1)
        lua_pushinteger(L, call->time_ms);
    sl_rdd_push(L, call->dataset, call->services);
    lua_call(L, lua_gettop(L) - 2, 0);
    return 0;
}

/* On the main copy, where functions may do what scripts may do. */
static int function_call_dataset(const struct sl_function *fn, struct sl_dataset *dataset,
                                 const struct sl_services *services, int64_t time_ms, struct sl_error *err)
{
    const struct lua_function *function = (const struct lua_function *)fn;
    struct sl_copy *copy = function->job->main;
    struct dataset_call call = {function->number, time_ms, dataset, services};
    copy->found_no_room = false;
    lua_pushcfunction(copy->L, call_dataset);
    lua_pushlightuserdata(copy->L, &call);
    copy->batch_ms = time_ms;
    copy->in_batch = true;
    copy->main_task = services ? services->main_task : NULL;
    sl_watchdog_enter(copy);
    int r = sl_copy_call(copy, 1, err);
    copy->in_batch = false;
    copy->main_task = NULL;
    if (sl_watchdog_leave(copy))
        return sl_watchdog_explain(copy, err);
    (void)lua_gc(copy->L, LUA_GCSTEP, 0); /* an unused dataset: large, where Lua sees a few bytes */
    if (r == SL_EUSAGE) /* a failed function; with room on the disk it might not have failed */
        r = err->code = copy->found_no_room ? SL_EFULL : SL_EFAIL;
    return r;
}

static bool function_text(const struct sl_function *fn, struct sl_buf *buf)
{
    const struct lua_function *function = (const struct lua_function *)fn;
    return sl_function_text(function->job->main, function->number, buf);
}

static const struct sl_function_ops function_ops = {
    .call = function_call,
    .map = function_map,
    .call_rows = function_call_rows,
    .fold_rows = function_fold_rows,
    .call_partition = function_call_partition,
    .call_state = function_call_state,
    .call_dataset = function_call_dataset,
    .text = function_text,
    .free = function_free,
};

static void keep_reference(lua_State *L, struct sl_copy *copy, int index)
{
    int *grown = sl_array_grow(copy->function, copy->functions, &copy->capacity, sizeof *grown);
    if (!grown)
        sl_value_nomem(L);
    copy->function = grown;
    lua_pushvalue(L, index);
    copy->function[copy->functions++] = luaL_ref(L, LUA_REGISTRYINDEX);
}

static uint32_t count_parameters(lua_State *L, int index)
{
    lua_Debug info;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">u", &info);
    return info.isvararg ? SL_WIDTH_MAX : info.nparams;
}

struct sl_function *sl_function_take(lua_State *L, int index)
{
    struct sl_copy *copy = sl_copy_of(L);
    struct lua_function *function = sl_arena_calloc(&copy->arena, 1, sizeof *function);
    if (!function)
        sl_value_nomem(L);
    function->base = (struct sl_function){.ops = &function_ops, .gives = SL_GIVES_ANY, .name = ""};
    function->base.site.name = "";
    sl_copy_where(L, &function->base.site.file, &function->base.site.line);
    function->job = copy->job;
    function->number = copy->functions;
    function->parameters = count_parameters(L, index);
    function->formula = sl_formula_read(L, index, &copy->arena);
    keep_reference(L, copy, index);
    return &function->base;
}

bool sl_function_number(const struct sl_function *fn, unsigned *ret)
{
    bool is_own = fn->ops == &function_ops;
    if (is_own)
        *ret = ((const struct lua_function *)fn)->number;
    return is_own;
}

/* ---- functions given to an rdd in foreachRDD: they run at once, on the main copy, and may do what scripts may ---- */

struct now_function {
    struct sl_function base;
    struct sl_copy *copy;
    int ref;
};

/* Within the call of foreachRDD's function: its stack stays, and its time counts. */
static int run_now(const struct sl_function *fn, struct call *call)
{
    const struct now_function *function = (const struct now_function *)fn;
    struct sl_copy *copy = function->copy;
    lua_State *L = copy->L;
    int top = lua_gettop(L);
    call->copy = copy;
    call->ref = function->ref;
    if (!lua_checkstack(L, 8))
        return sl_error_nomem(call->task->err);
    lua_pushcfunction(L, call_protected);
    lua_pushlightuserdata(L, call);
    int status = lua_pcall(L, 1, 0, 0);
    int r = status == LUA_OK ? 0 : explain(L, call, status);
    lua_settop(L, top);
    return r;
}

static int now_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                    uint32_t argc, struct sl_returned *ret)
{
    struct call call = {.task = task, .argv = argv, .argc = argc, .ret = ret};
    return run_now(fn, &call);
}

static int now_call_partition(const struct sl_function *fn, struct sl_task *task, uint32_t index,
                              const struct sl_rows *rows, struct sl_returned *ret)
{
    struct sl_copy *copy = ((const struct now_function *)fn)->copy;
    const struct sl_rows *before = copy->now_rows;
    struct sl_field number = sl_integer(index);
    struct call call = {
        .task = task, .argv = &number, .argc = index != SL_NO_INDEX, .rows = rows, .ret = ret};
    copy->now_rows = rows;
    int r = run_now(fn, &call);
    copy->now_rows = before;
    return r;
}

static void now_free(struct sl_function *fn)
{
    struct now_function *function = (struct now_function *)fn;
    luaL_unref(function->copy->L, LUA_REGISTRYINDEX, function->ref);
    free(function);
}

static const struct sl_function_ops now_ops = {
    .call = now_call, .call_partition = now_call_partition, .free = now_free};

struct sl_function *sl_function_take_now(lua_State *L, int index)
{
    struct sl_copy *copy = sl_copy_of(L);
    lua_pushvalue(L, index);
    int ref = luaL_ref(L, LUA_REGISTRYINDEX);
    struct now_function *function = calloc(1, sizeof *function);
    if (!function) {
        luaL_unref(L, LUA_REGISTRYINDEX, ref);
        sl_value_nomem(L);
    }
    function->base = (struct sl_function){.ops = &now_ops, .gives = SL_GIVES_ANY, .name = ""};
    function->base.site.name = "";
    function->copy = copy;
    function->ref = ref;
    if (!sl_context_own(copy->context, &function->base))
        sl_value_nomem(L);
    sl_copy_where(L, &function->base.site.file, &function->base.site.line);
    copy->query_has_function = true;
    return &function->base;
}
