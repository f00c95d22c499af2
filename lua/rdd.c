#include "lua/rdd.h"

#include "core/rows/dataset.h"
#include "lua/method.h"
#include "lua/testing/copy.h"
#include "lua/value.h"
#include "output/text_file.h"

#include <lauxlib.h>

static const char type_name[] = "sluice.rdd", walk_name[] = "sluice.rdd walk";

struct rdd {
    struct sl_dataset *dataset;
    const struct sl_services *services;
};

/* Walks `left` records from where the cursor stands; what comes from disk is there for one record. The rdd
 * must stay. */
struct walk {
    struct sl_cursor cursor;
    struct sl_arena block;
    uint64_t left;
};

void sl_rdd_push(lua_State *L, struct sl_dataset *dataset, const struct sl_services *services)
{
    struct rdd *rdd = lua_newuserdatauv(L, sizeof *rdd, 0);
    rdd->dataset = sl_dataset_ref(dataset);
    rdd->services = services;
    luaL_setmetatable(L, type_name);
}

static int release(lua_State *L)
{
    struct rdd *rdd = lua_touserdata(L, 1);
    sl_dataset_unref(rdd->dataset);
    rdd->dataset = NULL;
    return 0;
}

static struct sl_dataset *check_self(lua_State *L, const char *name)
{
    const struct rdd *rdd = luaL_testudata(L, 1, type_name);
    if (!rdd)
        sl_method_no_self(L, name, "rdd");
    return rdd->dataset;
}

/* ---- walks ---- */

/* Pushes a walk over records [from, from + count). */
static struct walk *push_walk(lua_State *L, const struct sl_dataset *dataset, uint64_t from, uint64_t count)
{
    struct walk *walk = lua_newuserdatauv(L, sizeof *walk, 0);
    *walk = (struct walk){.left = count};
    luaL_setmetatable(L, walk_name);
    sl_cursor_pass(&walk->cursor, dataset, &walk->block);
    if (from > 0)
        sl_cursor_seek(&walk->cursor, from);
    return walk;
}

/* The walk gives nothing any more. */
static void end_walk(struct walk *walk)
{
    walk->left = 0;
    sl_arena_done(&walk->block);
}

static bool walk_next(struct walk *walk, struct sl_field *fields, uint32_t *ret_width)
{
    if (walk->left > 0 && sl_cursor_next(&walk->cursor, fields, ret_width)) {
        walk->left--;
        return true;
    }
    end_walk(walk);
    return false;
}

static int release_walk(lua_State *L)
{
    end_walk(lua_touserdata(L, 1));
    return 0;
}

/* ---- records as values ---- */

static void push_record(lua_State *L, const struct sl_field *fields, uint32_t width)
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
    struct walk *walk = push_walk(L, dataset, 0, count);
    lua_newtable(L);
    for (lua_Integer i = 1; walk_next(walk, fields, &width); i++) {
        push_record(L, fields, width);
        lua_rawseti(L, -2, i);
    }
    end_walk(walk);
    lua_remove(L, -2);
}

static int collect(lua_State *L)
{
    const struct sl_dataset *dataset = check_self(L, "collect");
    sl_rdd_push_records(L, dataset, dataset->count);
    return 1;
}

static int take(lua_State *L)
{
    const struct sl_dataset *dataset = check_self(L, "take");
    lua_Integer count = luaL_checkinteger(L, 2);
    sl_rdd_push_records(L, dataset, count < 0 ? 0 : (uint64_t)count);
    return 1;
}

static int first(lua_State *L)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    struct walk *walk = push_walk(L, check_self(L, "first"), 0, 1);
    if (!walk_next(walk, fields, &width))
        return luaL_error(L, "first: the rdd is empty; ask rdd:isEmpty() before");
    push_record(L, fields, width);
    end_walk(walk);
    return 1;
}

static int count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_self(L, "count")->count);
    return 1;
}

static int is_empty(lua_State *L)
{
    lua_pushboolean(L, check_self(L, "isEmpty")->count == 0);
    return 1;
}

/* ---- records one after the other ---- */

static int next_record(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, lua_upvalueindex(1));
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    if (!walk_next(walk, fields, &width))
        return 0;
    luaL_checkstack(L, SL_WIDTH_MAX + 8, "a wide record");
    if (fields[0].tag == SL_NIL) /* nil would end the loop */
        sl_value_push_null(L);
    else
        sl_value_push(L, &fields[0]);
    for (uint32_t c = 1; c < width; c++)
        sl_value_push(L, &fields[c]);
    return (int)width;
}

/* Pushes an iterator over records [from, from + count) of the rdd at index 1, which it keeps. */
static void push_iterator(lua_State *L, const struct sl_dataset *dataset, uint64_t from, uint64_t records)
{
    push_walk(L, dataset, from, records);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, next_record, 2);
}

static int records(lua_State *L)
{
    const struct sl_dataset *dataset = check_self(L, "records");
    push_iterator(L, dataset, 0, dataset->count);
    return 1;
}

static int foreach_partition(lua_State *L)
{
    const struct sl_dataset *dataset = check_self(L, "foreachPartition");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    uint64_t from = 0;
    for (size_t p = 0; p < dataset->partitions; p++) {
        lua_pushvalue(L, 2);
        push_iterator(L, dataset, from, dataset->partition[p].count);
        lua_call(L, 1, 0);
        from += dataset->partition[p].count;
    }
    return 0;
}

static int save_as_text_file(lua_State *L)
{
    struct sl_error err;
    size_t len;
    const struct sl_dataset *dataset = check_self(L, "saveAsTextFile");
    const struct rdd *rdd = lua_touserdata(L, 1);
    const char *path = luaL_checklstring(L, 2, &len);
    int r = sl_text_file_save(rdd->services, sl_string(path, len), dataset, &err);
    if (r == SL_ENOMEM)
        sl_value_nomem(L);
    if (r == SL_EFULL)
        sl_copy_of(L)->found_no_room = true;
    return r < 0 ? luaL_error(L, "saveAsTextFile: %s", err.text) : 0;
}

void sl_rdd_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"collect", collect},
        {"take", take},
        {"first", first},
        {"count", count},
        {"isEmpty", is_empty},
        {"records", records},
        {"foreachPartition", foreach_partition},
        {"saveAsTextFile", save_as_text_file},
        {NULL, NULL},
    };
    luaL_newmetatable(L, walk_name);
    lua_pushcfunction(L, release_walk);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newmetatable(L, type_name);
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    sl_method_table(L, "an rdd");
    lua_pop(L, 1);
}
