#include "lua/testing/records.h"

#include <lauxlib.h>

static const char records_name[] = "sluice.testing.records", batches_name[] = "sluice.testing.batches";

void sl_testing_records_open(lua_State *L)
{
    luaL_newmetatable(L, records_name);
    luaL_newmetatable(L, batches_name);
    lua_pop(L, 2);
}

void sl_testing_mark_records(lua_State *L)
{
    luaL_setmetatable(L, records_name);
}

void sl_testing_mark_batches(lua_State *L)
{
    luaL_setmetatable(L, batches_name);
}

static bool has_metatable(lua_State *L, int index, const char *name)
{
    if (!lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, name);
    bool is_same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_same;
}

int sl_testing_records_depth(lua_State *L, int index)
{
    return has_metatable(L, index, records_name) ? 1 : has_metatable(L, index, batches_name) ? 2 : 0;
}

/* A list of one item that is no list is the item: a record whose only field is a list has two pairs of braces. */
static struct sl_field bare_record(const struct sl_field *record)
{
    bool is_bare = record->tag == SL_LIST && record->len == 1 && record->items[0].tag != SL_LIST;
    return is_bare ? record->items[0] : *record;
}

bool sl_testing_bare(struct sl_arena *arena, struct sl_field *list, int depth)
{
    if (depth == 0 || list->tag != SL_LIST)
        return true;
    struct sl_field *items = sl_arena_alloc(arena, (list->len + (size_t)1) * sizeof *items);
    for (uint32_t i = 0; items && i < list->len; i++) {
        items[i] = depth == 1 ? bare_record(&list->items[i]) : list->items[i];
        if (depth > 1 && !sl_testing_bare(arena, &items[i], depth - 1))
            return false;
    }
    if (items)
        *list = sl_list(items, list->len);
    return items != NULL;
}
