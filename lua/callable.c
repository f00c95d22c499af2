#include "lua/callable.h"

#include "lua/copy.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <stdlib.h>

struct sl_outside {
    struct sl_task task; /* of the first worker: built-ins made for calls are not shared with workers */
    struct sl_error err;
};

void sl_outside_free(struct sl_outside *outside)
{
    free(outside);
}

static struct sl_task *task_of(lua_State *L, struct sl_copy *copy)
{
    if (copy->task)
        return copy->task;
    if (!copy->outside)
        copy->outside = calloc(1, sizeof *copy->outside);
    if (!copy->outside)
        sl_value_nomem(L);
    copy->outside->task.err = &copy->outside->err;
    return &copy->outside->task;
}

/* Strings are borrowed from the stack, where they stay until the call is over. */
static struct sl_field take_argument(lua_State *L, int index, struct sl_arena *arena)
{
    if (lua_type(L, index) != LUA_TSTRING)
        return sl_value_take(L, index, arena);
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (len > UINT32_MAX)
        luaL_error(L, "a string of over 4 GiB");
    return sl_string((const uint8_t *)text, len);
}

static int raise(lua_State *L, const struct sl_task *task, int r)
{
    if (r != SL_EREJECT)
        sl_value_nomem(L);
    return luaL_error(L, "%s", task->message);
}

static int push_results(lua_State *L, const struct sl_returned *returned)
{
    luaL_checkstack(L, (int)returned->count + 1, "a wide record");
    if (returned->count == 0)
        lua_pushnil(L);
    for (uint32_t i = 0; i < returned->count; i++)
        sl_value_push(L, &returned->values[i]);
    return returned->count ? (int)returned->count : 1;
}

/* What the call makes is freed at the next one: by then it is Lua's. */
int sl_callable_call(lua_State *L, const struct sl_function *fn)
{
    struct sl_copy *copy = sl_copy_of(L);
    struct sl_task *task = task_of(L, copy);
    struct sl_field argv[SL_WIDTH_MAX], values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    int count = lua_gettop(L) - 1;
    if (count > SL_WIDTH_MAX)
        return luaL_error(L, "%s: %d values; a record has at most %d fields", fn->name, count, SL_WIDTH_MAX);
    sl_arena_reset(&copy->calls_arena);
    for (int i = 0; i < count; i++)
        argv[i] = take_argument(L, 2 + i, &copy->calls_arena);
    struct sl_arena *scratch = task->scratch;
    task->scratch = &copy->calls_arena;
    int r = sl_function_call(fn, task, argv, (uint32_t)count, &returned);
    task->scratch = scratch;
    return r < 0 ? raise(L, task, r) : push_results(L, &returned);
}
