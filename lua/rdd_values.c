#include "lua/rdd_values.h"

#include "lua/copy.h"
#include "lua/method.h"
#include "lua/rdd.h"
#include "lua/rdd_walk.h"
#include "lua/value.h"
#include "ops/reducer/histogram.h"

#include <lauxlib.h>
#include <math.h>

/* ---- foreach ---- */

static int foreach (lua_State *L)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "foreach(f)");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    luaL_checkstack(L, SL_WIDTH_MAX + 8, "a wide record");
    struct sl_rdd_walk *walk = sl_rdd_walk_push(L, dataset, 0, dataset->count);
    while (sl_rdd_walk_next(walk, fields, &width)) {
        lua_pushvalue(L, 2);
        for (uint32_t c = 0; c < width; c++)
            sl_value_push(L, &fields[c]);
        lua_call(L, (int)width, 0);
    }
    return 0;
}

/* ---- by key ---- */

static int collect_as_map(lua_State *L)
{
    sl_rdd_push_table(L, sl_rdd_check_call(L, "collectAsMap()"));
    return 1;
}

static int lookup(lua_State *L)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "lookup(key)");
    luaL_checkany(L, 2);
    struct sl_rdd_walk *none =
        sl_rdd_walk_push(L, dataset, 0, 0); /* its memory is freed where something raises */
    struct sl_field key = sl_value_take(L, 2, &none->block);
    struct sl_rdd_walk *walk = sl_rdd_walk_push(L, dataset, 0, dataset->count);
    lua_newtable(L);
    for (lua_Integer found = 1; sl_rdd_walk_next(walk, fields, &width);) {
        if (width < 2)
            return luaL_error(L, "lookup: the record has one field; a pair (key, value) is wanted");
        if (!sl_field_equals(&fields[0], &key))
            continue;
        sl_rdd_push_record(L, fields + 1, width - 1);
        lua_rawseti(L, -2, found++);
    }
    return 1;
}

/* ---- takeSample ---- */

/* Of a sample that is larger than the rdd: it is a table of the main copy, and no time-out ends the drawing. */
enum { SAMPLE_MAX = 1000000 };

static uint64_t next_number(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Uniform in [0, limit). */
static uint64_t number_below(uint64_t *state, uint64_t limit)
{
    return (uint64_t)(((__uint128_t)next_number(state) * limit) >> 64);
}

/* The first `wanted` of the numbers 0 .. count-1 in a random order. Userdata on the stack. */
static uint64_t *push_shuffled(lua_State *L, uint64_t count, uint64_t wanted, uint64_t *state)
{
    uint64_t *number = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *number, 0);
    for (uint64_t i = 0; i < count; i++)
        number[i] = i;
    for (uint64_t i = 0; i < wanted; i++) {
        uint64_t other = i + number_below(state, count - i), kept = number[i];
        number[i] = number[other];
        number[other] = kept;
    }
    return number;
}

static void push_record_at(lua_State *L, const struct sl_dataset *dataset, uint64_t at)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    struct sl_rdd_walk *walk = sl_rdd_walk_push(L, dataset, at, 1);
    if (!sl_rdd_walk_next(walk, fields, &width))
        luaL_error(L, "takeSample: the records cannot be read");
    sl_rdd_push_record(L, fields, width);
    sl_rdd_walk_end(walk);
    lua_remove(L, -2);
}

static int take_sample(lua_State *L)
{
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "takeSample(withReplacement, num [, seed])");
    luaL_checktype(L, 2, LUA_TBOOLEAN);
    lua_Integer given = luaL_checkinteger(L, 3);
    uint64_t state = (uint64_t)luaL_optinteger(L, 4, 0), count = dataset->count;
    if (given < 0)
        return luaL_error(L, "takeSample: num must be at least 0, got %I", given);
    uint64_t wanted = (uint64_t)given, most = count > SAMPLE_MAX ? count : SAMPLE_MAX;
    bool replace = lua_toboolean(L, 2);
    if (replace && count && wanted > most)
        return luaL_error(L,
                          "takeSample: num must be at most %I with replacement, got %I; write sample(true, "
                          "fraction, seed), whose result is an rdd",
                          (lua_Integer)most, given);
    if (!count || (!replace && wanted > count))
        wanted = count;
    const uint64_t *number = replace ? NULL : push_shuffled(L, count, wanted, &state);
    lua_newtable(L);
    for (uint64_t i = 0; i < wanted; i++) {
        push_record_at(L, dataset, number ? number[i] : number_below(&state, count));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- histogram ---- */

/* Pushes what the method of the rdd at index 1 gives. */
static void push_method(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
}

/* Pushes n + 1 edges at equal distances from the smallest number to the largest, as PySpark does: integers where
 * the distance is one; two equal numbers are one bucket. */
static void push_edges(lua_State *L, lua_Integer n)
{
    push_method(L, "min");
    push_method(L, "max");
    if (lua_type(L, -2) != LUA_TNUMBER || lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "histogram: the records must be numbers of one field");
    lua_Number from = lua_tonumber(L, -2), to = lua_tonumber(L, -1), distance = (to - from) / (lua_Number)n;
    if (!isfinite(distance))
        luaL_error(
            L,
            "histogram: the numbers are too large, or not finite, for equal buckets; give a list of edges");
    bool whole = lua_isinteger(L, -2) && lua_isinteger(L, -1) && distance == floor(distance);
    lua_Integer first = lua_tointeger(L, -2);
    lua_createtable(L, (int)n + 1, 0);
    for (lua_Integer i = 0; i < n; i++) {
        if (whole)
            lua_pushinteger(L, first + i * (lua_Integer)distance);
        else
            lua_pushnumber(L, (lua_Number)i * distance + from);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, n + 1);
}

/* All records in one bucket: ({min, max}, {count}). */
static int give_one_bucket(lua_State *L)
{
    lua_createtable(L, 2, 0);
    push_method(L, "min");
    lua_rawseti(L, -2, 1);
    push_method(L, "max");
    lua_rawseti(L, -2, 2);
    lua_createtable(L, 1, 0);
    push_method(L, "count");
    lua_rawseti(L, -2, 1);
    return 2;
}

static bool has_equal_ends(lua_State *L)
{
    push_method(L, "min");
    push_method(L, "max");
    bool equal = lua_compare(L, -2, -1, LUA_OPEQ);
    lua_pop(L, 2);
    return equal;
}

/* histogram(edges) is the operator, the closure's upvalue; histogram(n) makes n edges first. */
static int histogram(lua_State *L)
{
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "histogram(buckets)");
    if (lua_isinteger(L, 2)) {
        lua_Integer n = lua_tointeger(L, 2);
        if (n < 1 || n >= SL_HISTOGRAM_EDGES_MAX)
            return luaL_error(L, "histogram: a number of buckets from 1 to %d is wanted",
                              SL_HISTOGRAM_EDGES_MAX - 1);
        if (!dataset->count)
            return luaL_error(L, "histogram: the rdd is empty; ask rdd:isEmpty() before");
        lua_settop(L, 1);
        if (n == 1 || has_equal_ends(L))
            return give_one_bucket(L);
        push_edges(L, n);
        lua_replace(L, 2);
        lua_settop(L, 2);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* ---- others ---- */

static int get_num_partitions(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)sl_rdd_check_call(L, "getNumPartitions()")->partitions);
    return 1;
}

void sl_rdd_values_add_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"foreach", foreach},        {"collectAsMap", collect_as_map},         {"lookup", lookup},
        {"takeSample", take_sample}, {"getNumPartitions", get_num_partitions}, {NULL, NULL},
    };
    luaL_setfuncs(L, methods, 0);
    lua_getfield(L, -1, "histogram");
    lua_pushcclosure(L, histogram, 1);
    lua_setfield(L, -2, "histogram");
}
