#include "lua/counter.h"

#include "core/base/array.h"
#include "engine/batch/counters.h"
#include "lua/job_internal.h"
#include "lua/phrase.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static const char counter_name[] = "sluice.counter", accumulator_name[] = "sluice.accumulator";
static const char by_name = 'n'; /* key of the registry: a table from names to counters */

struct counter {
    size_t number;
};

struct sl_pending {
    size_t number;
    struct sl_field value;
};

/* ---- counting ---- */

static struct sl_context *job_context(lua_State *L)
{
    struct sl_context *context = sl_copy_of(L)->job->main->context;
    if (!context)
        luaL_error(L, "there is no StreamingContext yet: make it before counters");
    return context;
}

static struct sl_field take_number(lua_State *L, int index)
{
    if (lua_isinteger(L, index))
        return sl_integer(lua_tointeger(L, index));
    if (lua_type(L, index) != LUA_TNUMBER)
        luaL_error(L, "a counter counts numbers, got %s", sl_phrase(L, index));
    return sl_number(lua_tonumber(L, index));
}

/* Calls that count often add up as they go. */
static bool add_to_last(struct sl_copy *copy, size_t number, const struct sl_field *value)
{
    struct sl_pending *last = copy->pendings ? &copy->pending[copy->pendings - 1] : NULL;
    return last && last->number == number && last->value.tag == SL_INT && value->tag == SL_INT &&
           !__builtin_add_overflow(last->value.integer, value->integer, &last->value.integer);
}

static void note(lua_State *L, struct sl_copy *copy, size_t number, struct sl_field value)
{
    if (add_to_last(copy, number, &value))
        return;
    struct sl_pending *grown =
        sl_array_grow(copy->pending, copy->pendings, &copy->pending_capacity, sizeof *grown);
    if (!grown)
        sl_value_nomem(L);
    copy->pending = grown;
    copy->pending[copy->pendings++] = (struct sl_pending){number, value};
}

void sl_counter_settle_slow(struct sl_copy *copy, struct sl_task *task, bool keep)
{
    for (size_t i = 0; keep && i < copy->pendings; i++)
        if (sl_counters_add(task, copy->pending[i].number, &copy->pending[i].value) < 0)
            break; /* out of memory: the batch will not get far */
    copy->pendings = 0;
}

static struct counter *check_self(lua_State *L)
{
    struct counter *counter = luaL_testudata(L, 1, counter_name);
    if (!counter)
        counter = luaL_testudata(L, 1, accumulator_name);
    if (!counter)
        luaL_error(L, "add is a method: write counter:add(...) with a colon, not a dot");
    return counter;
}

/* counter:add([n]) */
static int add(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    const struct counter *counter = check_self(L);
    struct sl_field value = lua_isnoneornil(L, 2) ? sl_integer(1) : take_number(L, 2);
    if (copy->task)
        note(L, copy, counter->number, value);
    else if (!copy->main_task)
        return luaL_error(L, "add counts in functions that work on a batch; the top of the job has none");
    else if (sl_counters_add(copy->main_task, counter->number, &value) < 0)
        sl_value_nomem(L);
    return 0;
}

/* ---- reading ---- */

/* .value, and the methods */
static int read_field(lua_State *L)
{
    const struct counter *counter = lua_touserdata(L, 1);
    const char *name = luaL_checkstring(L, 2);
    if (strcmp(name, "add") == 0) {
        lua_pushcfunction(L, add);
        return 1;
    }
    if (strcmp(name, "value") != 0)
        return luaL_error(L, "a counter has add(n) and .value, not '%s'", name);
    if (sl_copy_of(L)->task)
        return luaL_error(L,
                          "the value of a counter is what committed batches counted: functions over records "
                          "cannot read it, foreachRDD can");
    struct sl_field value = sl_counter_value(job_context(L), counter->number);
    sl_value_push(L, &value);
    return 1;
}

static int to_text(lua_State *L)
{
    lua_pushstring(L, "value");
    lua_insert(L, 2);
    lua_settop(L, 2);
    (void)read_field(L);
    luaL_tolstring(L, -1, NULL);
    return 1;
}

/* ---- making ---- */

static void push_counter(lua_State *L, const char *type, const char *name, struct sl_field initial)
{
    int number = sl_counter_declare(job_context(L), name, initial);
    if (number == SL_ENOMEM)
        sl_value_nomem(L);
    if (number < 0)
        luaL_error(L, "a job has at most %d counters; their names must not come from records",
                   SL_COUNTERS_MAX);
    struct counter *counter = lua_newuserdatauv(L, sizeof *counter, 0);
    counter->number = (size_t)number;
    luaL_setmetatable(L, type);
}

int sl_counter_make(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &by_name);
    if (lua_getfield(L, -1, name) != LUA_TNIL)
        return 1;
    push_counter(L, counter_name, name, sl_integer(0));
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, name);
    return 1;
}

int sl_counter_make_accumulator(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    struct sl_field initial = take_number(L, 2);
    if (copy->task || copy->is_sealed)
        return luaL_error(L, "accumulator: make it at the top of the job");
    if (!lua_isnoneornil(L, 3) && lua_type(L, 3) != LUA_TSTRING)
        return luaL_error(L, "accumulator: numbers only; an AccumulatorParam of one's own has no place here");
    const char *name = lua_isnoneornil(L, 3) ? lua_pushfstring(L, "accumulator %d", (int)++copy->accumulators)
                                             : lua_tostring(L, 3);
    push_counter(L, accumulator_name, name, initial);
    return 1;
}

static void open_type(lua_State *L, const char *name)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, read_field);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, to_text);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
}

void sl_counter_open(lua_State *L)
{
    open_type(L, counter_name);
    open_type(L, accumulator_name);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &by_name);
}
