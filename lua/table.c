#include "lua/table.h"

#include "core/rows/lookup.h"
#include "engine/graph/graph.h"
#include "lua/arguments.h"
#include "lua/copy.h"
#include "lua/method.h"
#include "lua/value.h"

#include <lauxlib.h>

static const char type_name[] = "sluice.table";
static const char pending = 'p'; /* key of the registry: a list of tables that are not declared */

enum { PATH = 1, OPTIONS, FILE_NAME, VALUES = FILE_NAME };

struct handle {
    struct sl_stream *stream; /* of a copy whose graph is there */
    int number;               /* of the table in the job; -1: not declared yet */
    int line;
};

static struct handle *new_handle(lua_State *L)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, VALUES);
    *handle = (struct handle){.number = -1};
    luaL_setmetatable(L, type_name);
    return handle;
}

void sl_table_push(lua_State *L, struct sl_stream *stream)
{
    struct handle *handle = new_handle(L);
    handle->stream = stream;
    handle->number = stream->node.table;
}

/* The arguments are on top of the stack. */
static struct sl_stream *declare(lua_State *L, int first)
{
    const struct sl_op *op = sl_op_find("table");
    const struct sl_arg *argv;
    size_t argc = sl_arguments_take(L, first, op->params, op->options, &argv);
    struct sl_stream *stream = sl_source_args(sl_copy_of(L)->context, "table", argv, argc);
    if (!stream)
        sl_copy_raise(L);
    return stream;
}

static void put_off(lua_State *L)
{
    const char *file;
    struct handle *handle = new_handle(L);
    for (int value = PATH; value <= OPTIONS; value++) {
        lua_pushvalue(L, value);
        lua_setiuservalue(L, -2, value);
    }
    sl_copy_where(L, &file, &handle->line);
    lua_pushstring(L, file);
    lua_setiuservalue(L, -2, FILE_NAME);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &pending);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

int sl_table_make(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    luaL_checktype(L, 1, LUA_TSTRING);
    if (lua_gettop(L) > 2)
        return luaL_error(L, "table takes a path and options: sluice.table(\"users.csv\", { key = \"id\" })");
    if (copy->context) {
        sl_copy_declare(L, "table");
        sl_table_push(L, declare(L, 1));
        return 1;
    }
    lua_settop(L, 2);
    put_off(L);
    return 1;
}

void sl_table_declare_pending(lua_State *L)
{
    int top = lua_gettop(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &pending);
    for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, top + 1); i <= count; i++) {
        lua_settop(L, top + 1);
        lua_rawgeti(L, top + 1, i);
        struct handle *handle = lua_touserdata(L, -1);
        lua_getiuservalue(L, top + 2, FILE_NAME);
        sl_context_at(sl_copy_of(L)->context, lua_tostring(L, -1), handle->line);
        lua_getiuservalue(L, top + 2, PATH);
        if (lua_getiuservalue(L, top + 2, OPTIONS) == LUA_TNIL)
            lua_pop(L, 1);
        handle->stream = declare(L, top + 4);
        handle->number = handle->stream->node.table;
    }
    lua_settop(L, top);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pending);
}

struct sl_stream *sl_table_test(lua_State *L, int index)
{
    struct handle *handle = luaL_testudata(L, index, type_name);
    if (handle && !handle->stream)
        luaL_error(L, "there is no StreamingContext yet: make it before the table is used");
    return handle ? handle->stream : NULL;
}

/* ---- get ---- */

static struct sl_field take_key(lua_State *L, int index, struct sl_arena *arena)
{
    size_t len;
    if (lua_type(L, index) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, index, &len);
        return sl_string(text, len);
    }
    return sl_value_take(L, index, arena);
}

/* table:get(key): the fields of the first row with the key but the key; nil where there is none. */
static int get(lua_State *L)
{
    const struct handle *handle = luaL_testudata(L, 1, type_name);
    const struct sl_copy *copy = sl_copy_of(L);
    struct sl_field values[SL_WIDTH_MAX];
    if (!handle)
        return sl_method_no_self(L, "get", "table");
    if (lua_gettop(L) != 2)
        return luaL_error(L, "get takes one key");
    const struct sl_task *task = copy->task ? copy->task : copy->main_task;
    bool is_there = task && handle->number >= 0 && (size_t)handle->number < task->tables &&
                    task->table[handle->number] != NULL;
    if (!is_there)
        return luaL_error(L,
                          "get looks into a table in functions that work on a batch; the top of the job has "
                          "none");
    const struct sl_lookup *lookup = task->table[handle->number];
    struct sl_field key = take_key(L, 2, task->scratch);
    uint32_t row = sl_lookup_find(lookup, &key);
    if (row == SL_NO_ROW) {
        lua_pushnil(L);
        return 1;
    }
    uint32_t count = sl_lookup_values(lookup, row, values);
    luaL_checkstack(L, (int)count, "too many fields");
    for (uint32_t i = 0; i < count; i++)
        sl_value_push(L, &values[i]);
    return (int)count;
}

void sl_table_open(lua_State *L)
{
    luaL_newmetatable(L, type_name);
    lua_newtable(L);
    lua_pushcfunction(L, get);
    lua_setfield(L, -2, "get");
    sl_method_table(L, "a table beside a stream (a list of its lines: io.lines(path))");
    lua_pop(L, 1);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pending);
}
