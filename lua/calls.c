#include "lua/calls.h"

#include "core/base/error.h"
#include "lua/counter.h"
#include "lua/value.h"
#include "lua/watchdog.h"

#include <lauxlib.h>

/* Without a further call for the strings and integers that most fields are. */
static inline void push_field(lua_State *L, const struct sl_field *field)
{
    if (field->tag == SL_STR)
        lua_pushlstring(L, (const char *)field->str, field->len);
    else if (field->tag == SL_INT)
        lua_pushinteger(L, field->integer);
    else
        sl_value_push(L, field);
}

/* Runs `body` with what it works on; a Lua error means that the single call has something to say.
 * Whether a call was too long: the copy stops its next one, which reports it, too. */
static bool run(struct sl_copy *copy, unsigned number, struct sl_task *task, lua_CFunction body, void *work)
{
    copy->task = task;
    copy->running = number;
    lua_pushcfunction(copy->L, body);
    lua_pushlightuserdata(copy->L, work);
    sl_watchdog_enter(copy);
    (void)lua_pcall(copy->L, 1, 0, 0);
    bool is_late = sl_watchdog_leave(copy);
    sl_counter_settle(copy, task, false); /* of a call that failed: it is made again on its own */
    lua_settop(copy->L, 0);
    copy->task = NULL;
    return is_late;
}

/* ---- rows of a chunk ---- */

struct rows {
    struct sl_copy *copy;
    struct sl_task *task;
    const struct sl_chunk *in;
    uint32_t from;
    uint32_t argc;
    uint32_t used, room; /* of called->values */
    struct sl_called *called;
};

enum { FUNCTION = 2 }; /* where it lies on the stack; what it returns comes after */

static bool take_values(lua_State *L, struct rows *rows, const struct sl_field *argv)
{
    int count = lua_gettop(L) - FUNCTION;
    if (count > SL_WIDTH_MAX)
        return false;
    struct sl_field *values = rows->called->values + rows->used;
    for (int i = 0; i < count; i++)
        values[i] = sl_value_take_returned(L, FUNCTION + 1 + i, argv, rows->argc, rows->task->scratch);
    rows->used += (uint32_t)count;
    rows->called->count[rows->called->rows++] = (uint8_t)count;
    lua_settop(L, FUNCTION);
    return true;
}

static int call_protected(lua_State *L)
{
    struct rows *rows = lua_touserdata(L, 1);
    const struct sl_chunk *in = rows->in;
    struct sl_field argv[SL_WIDTH_MAX];
    lua_rawgeti(L, LUA_REGISTRYINDEX, rows->copy->function[rows->copy->running]);
    luaL_checkstack(L, (int)rows->argc + SL_WIDTH_MAX, "a wide record");
    for (uint32_t row = rows->from; row < in->rows && rows->room - rows->used >= SL_WIDTH_MAX; row++) {
        sl_watchdog_next(rows->copy);
        rows->task->row = row;
        rows->task->event_ms = sl_chunk_time(in, row);
        sl_chunk_row(in, row, argv);
        lua_pushvalue(L, FUNCTION);
        for (uint32_t c = 0; c < rows->argc; c++)
            push_field(L, &argv[c]);
        lua_call(L, (int)rows->argc, LUA_MULTRET);
        if (!take_values(L, rows, argv))
            break;
        sl_counter_settle(rows->copy, rows->task, true);
    }
    return 0;
}

int sl_calls_reserve(struct sl_task *task, uint32_t rows, struct sl_called *ret, uint32_t *ret_room)
{
    *ret_room = 2 * rows + SL_WIDTH_MAX;
    ret->rows = 0;
    ret->values = sl_arena_alloc(task->scratch, *ret_room * sizeof *ret->values);
    return ret->values ? 0 : sl_error_nomem(task->err);
}

int sl_calls_rows(struct sl_copy *copy, unsigned number, uint32_t parameters, struct sl_task *task,
                  const struct sl_chunk *in, uint32_t from, struct sl_called *ret)
{
    uint32_t argc = in->width < parameters ? in->width : parameters;
    struct rows rows = {copy, task, in, from, argc, 0, 0, ret};
    int r = sl_calls_reserve(task, in->rows - from, ret, &rows.room);
    if (r < 0)
        return r;
    return run(copy, number, task, call_protected, &rows) ? sl_watchdog_explain(copy, task->err) : 0;
}

/* ---- folding values into cells ---- */

struct fold {
    struct sl_copy *copy;
    struct sl_task *task;
    struct sl_arena *keep;
    struct sl_field *const *cells;
    const struct sl_field *values;
    const uint16_t *row;
    uint32_t count, done;
};

static int fold_protected(lua_State *L)
{
    struct fold *fold = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, fold->copy->function[fold->copy->running]);
    for (; fold->done < fold->count; fold->done++) {
        struct sl_field *cell = fold->cells[fold->done];
        sl_watchdog_next(fold->copy);
        fold->task->row = fold->row[fold->done];
        lua_pushvalue(L, FUNCTION);
        push_field(L, cell);
        push_field(L, &fold->values[fold->row[fold->done]]);
        lua_call(L, 2, LUA_MULTRET);
        if (lua_gettop(L) != FUNCTION + 1)
            break;
        *cell = lua_isinteger(L, FUNCTION + 1) ? sl_integer(lua_tointeger(L, FUNCTION + 1))
                                               : sl_value_take(L, FUNCTION + 1, fold->keep);
        lua_settop(L, FUNCTION);
        sl_counter_settle(fold->copy, fold->copy->task, true);
    }
    return 0;
}

uint32_t sl_calls_fold(struct sl_copy *copy, unsigned number, struct sl_task *task, struct sl_arena *keep,
                       struct sl_field *const *cells, const struct sl_field *values, const uint16_t *row,
                       uint32_t count)
{
    struct fold fold = {copy, task, keep, cells, values, row, count, 0};
    (void)run(copy, number, task, fold_protected, &fold);
    return fold.done;
}
