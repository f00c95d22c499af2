#include "lua/state.h"

#include "core/contract/function.h"
#include "lua/copy.h"
#include "lua/method.h"
#include "lua/value.h"

#include <lauxlib.h>

static const char type_name[] = "sluice.state";

struct state {
    struct sl_state_cell *cell; /* borrowed for the call */
    uint64_t calls;             /* of the copy, when it was made */
};

void sl_state_push(lua_State *L, struct sl_state_cell *cell)
{
    struct state *state = lua_newuserdatauv(L, sizeof *state, 0);
    *state = (struct state){.cell = cell, .calls = sl_copy_of(L)->calls};
    luaL_setmetatable(L, type_name);
}

static struct sl_state_cell *check_self(lua_State *L, const char *name)
{
    const struct sl_copy *copy = sl_copy_of(L);
    const struct state *state = luaL_testudata(L, 1, type_name);
    if (!state)
        sl_method_no_self(L, name, "state");
    if (!copy->task || copy->calls != state->calls)
        luaL_error(L, "state:%s: a state can be used while the function it was given to runs, not later",
                   name);
    return state->cell;
}

static int get(lua_State *L)
{
    sl_value_push(L, &check_self(L, "get")->value);
    return 1;
}

static int exists(lua_State *L)
{
    lua_pushboolean(L, check_self(L, "exists")->exists);
    return 1;
}

static int is_timing_out(lua_State *L)
{
    lua_pushboolean(L, check_self(L, "isTimingOut")->timing_out);
    return 1;
}

static bool is_removed(const struct sl_state_cell *cell)
{
    return cell->changed && !cell->exists;
}

static int update(lua_State *L)
{
    struct sl_state_cell *cell = check_self(L, "update");
    if (cell->timing_out)
        return luaL_error(L, "state:update: the key is timing out, its state is removed after this call");
    if (is_removed(cell))
        return luaL_error(L, "state:update: the state was removed in this call already");
    if (lua_isnoneornil(L, 2) || sl_value_is_null(L, 2))
        return luaL_error(L, "state:update: nil is no state; state:remove() removes it");
    if (lua_gettop(L) > 2)
        return luaL_error(L, "state:update takes one value, got %d; a list {a, b} may hold several",
                          lua_gettop(L) - 1);
    cell->value = sl_value_take(L, 2, sl_copy_of(L)->task->scratch);
    cell->exists = cell->changed = true;
    return 0;
}

static int remove_state(lua_State *L)
{
    struct sl_state_cell *cell = check_self(L, "remove");
    if (cell->timing_out)
        return luaL_error(L,
                          "state:remove: the key is timing out, its state is removed after this call anyway");
    if (is_removed(cell))
        return luaL_error(L, "state:remove: the state was removed in this call already");
    cell->value = sl_nil();
    cell->exists = false;
    cell->changed = true;
    return 0;
}

void sl_state_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"get", get},
        {"exists", exists},
        {"update", update},
        {"remove", remove_state},
        {"isTimingOut", is_timing_out},
        {NULL, NULL},
    };
    luaL_newmetatable(L, type_name);
    luaL_newlib(L, methods);
    sl_method_table(L, "a state");
    lua_pop(L, 1);
}
