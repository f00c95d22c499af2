#include "lua/sql_tables.h"

#include "lua/arguments.h"
#include "lua/copy.h"
#include "lua/phrase.h"
#include "lua/table.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES_MAX = 64 };

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in the table at the index, in their order; they live as long as the table. */
static size_t take_names(lua_State *L, int index, const char *names[TABLES_MAX])
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "sql: name each table: { words = stream }");
        if (count + 1 >= TABLES_MAX)
            luaL_error(L, "sql: a query has at most %d tables", TABLES_MAX);
        names[count++] = lua_tostring(L, -2);
    }
    if (!count)
        luaL_error(L, "sql: name at least one table: { words = stream }");
    qsort(names, count, sizeof *names, by_name);
    return count;
}

static void *allocate(lua_State *L, size_t size)
{
    void *memory = sl_arena_calloc(&sl_copy_of(L)->arena, 1, size);
    if (!memory)
        sl_value_nomem(L);
    return memory;
}

/* Of those named in the table at the index the streams, or the tables of sluice.table; returns the count. */
static size_t take_named(lua_State *L, int index, const char *const *names, size_t others, bool tables,
                         size_t count, struct sl_stream **streams, struct sl_field *fields)
{
    for (size_t i = 0; i < others; i++, lua_pop(L, 1)) {
        lua_getfield(L, index, names[i]);
        if ((lua_type(L, -1) == LUA_TUSERDATA && sl_table_test(L, -1)) != tables)
            continue;
        struct sl_arg stream = sl_argument_take(L, -1);
        if (stream.kind != SL_ARG_STREAM)
            luaL_error(L, "sql: the table %s is %s, not a stream", names[i], sl_phrase(L, -1));
        streams[count] = stream.stream;
        fields[count++] = sl_text(names[i]);
    }
    return count;
}

bool sl_sql_tables_are_given(lua_State *L, const char *op, int index)
{
    return strcmp(op, "sql") == 0 && lua_istable(L, index + 1) && lua_rawlen(L, index + 1) == 0;
}

const struct sl_arg *sl_sql_tables_take(lua_State *L, int index, struct sl_stream *this_stream,
                                        struct sl_stream **ret_first, struct sl_arg argv[3])
{
    const char *names[TABLES_MAX];
    luaL_checktype(L, index, LUA_TSTRING);
    luaL_checktype(L, index + 1, LUA_TTABLE);
    size_t others = take_names(L, index + 1, names), count = 0;
    struct sl_stream **streams = allocate(L, (others + 1) * sizeof(struct sl_stream *));
    struct sl_field *fields = allocate(L, (others + 1) * sizeof *fields);
    if (this_stream) {
        streams[count] = this_stream;
        fields[count++] = sl_text("this");
    }
    count = take_named(L, index + 1, names, others, false, count, streams, fields);
    if (!count)
        luaL_error(L, "sql: name at least one stream; its batches are when the query runs");
    count = take_named(L, index + 1, names, others, true, count, streams, fields);
    *ret_first = streams[0];
    argv[0] = sl_argument_take(L, index);
    argv[1] = count > 1 ? sl_streams_arg(streams + 1, count - 1) : SL_NIL_ARG;
    argv[2] = sl_value_arg(sl_list(fields, count));
    return argv;
}
