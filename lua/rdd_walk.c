#include "lua/rdd_walk.h"

#include "lua/rdd.h"
#include "lua/value.h"

#include <lauxlib.h>

static const char walk_name[] = "sluice.rdd walk";

/* Pushes a walk over records [from, from + count). */
struct sl_rdd_walk *sl_rdd_walk_push(lua_State *L, const struct sl_dataset *dataset, uint64_t from,
                                     uint64_t count)
{
    struct sl_rdd_walk *walk = lua_newuserdatauv(L, sizeof *walk, 0);
    *walk = (struct sl_rdd_walk){.left = count};
    luaL_setmetatable(L, walk_name);
    sl_cursor_pass(&walk->cursor, dataset, &walk->block);
    if (from > 0)
        sl_cursor_seek(&walk->cursor, from);
    return walk;
}

/* The walk gives nothing any more. */
void sl_rdd_walk_end(struct sl_rdd_walk *walk)
{
    walk->left = 0;
    sl_arena_done(&walk->block);
}

bool sl_rdd_walk_next(struct sl_rdd_walk *walk, struct sl_field *fields, uint32_t *ret_width)
{
    if (walk->left > 0 && sl_cursor_next(&walk->cursor, fields, ret_width)) {
        walk->left--;
        return true;
    }
    sl_rdd_walk_end(walk);
    return false;
}

static int release_walk(lua_State *L)
{
    sl_rdd_walk_end(lua_touserdata(L, 1));
    return 0;
}

/* ---- records as values ---- */

void sl_rdd_push_record(lua_State *L, const struct sl_field *fields, uint32_t width)
{
    struct sl_field list = sl_list(fields, width);
    if (width > 1)
        sl_value_push(L, &list);
    else if (fields[0].tag == SL_NIL)
        sl_value_push_null(L);
    else
        sl_value_push(L, &fields[0]);
}

void sl_rdd_push_records(lua_State *L, const struct sl_dataset *dataset, uint64_t count)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    struct sl_rdd_walk *walk = sl_rdd_walk_push(L, dataset, 0, count);
    lua_newtable(L);
    for (lua_Integer i = 1; sl_rdd_walk_next(walk, fields, &width); i++) {
        sl_rdd_push_record(L, fields, width);
        lua_rawseti(L, -2, i);
    }
    sl_rdd_walk_end(walk);
    lua_remove(L, -2);
}

void sl_rdd_push_table(lua_State *L, const struct sl_dataset *dataset)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    struct sl_rdd_walk *walk = sl_rdd_walk_push(L, dataset, 0, dataset->count);
    lua_newtable(L);
    while (sl_rdd_walk_next(walk, fields, &width)) {
        bool is_nan = fields[0].tag == SL_FLOAT && fields[0].number != fields[0].number;
        if (width < 2 || is_nan)
            luaL_error(L, width < 2 ? "the record has one field; a pair (key, value) is wanted"
                                    : "nan cannot be a key of a table");
        sl_rdd_push_record(L, fields, 1);
        sl_rdd_push_record(L, fields + 1, width - 1);
        lua_rawset(L, -3);
    }
    sl_rdd_walk_end(walk);
    lua_remove(L, -2);
}

void sl_rdd_walk_open(lua_State *L)
{
    luaL_newmetatable(L, walk_name);
    lua_pushcfunction(L, release_walk);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
