#include "lua/lib/pairs.h"

#include "core/rows/field.h"

#include <lauxlib.h>
#include <stdlib.h>

/* A key while keys are sorted: its value and its position in the unsorted table. */
struct entry {
    struct sl_field key;
    bool has_order;
    lua_Integer slot;
};

static bool in_sequence(lua_State *L, int index, lua_Unsigned count)
{
    return lua_isinteger(L, index) && (lua_Unsigned)lua_tointeger(L, index) - 1 < count;
}

/* Borrows the bytes of a string key: the table keeps it. */
static struct entry entry_of(lua_State *L, int index, lua_Integer slot)
{
    size_t len;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return (struct entry){sl_boolean(lua_toboolean(L, index)), true, slot};
    case LUA_TNUMBER:
        return (struct entry){lua_isinteger(L, index) ? sl_integer(lua_tointeger(L, index))
                                                      : sl_number(lua_tonumber(L, index)),
                              true, slot};
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        return (struct entry){sl_string(text, len), true, slot};
    default:
        return (struct entry){sl_nil(), false, slot};
    }
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->has_order != b->has_order)
        return a->has_order ? -1 : 1;
    int order = a->has_order ? sl_field_compare(&a->key, &b->key) : 0;
    return order ? order : (a->slot > b->slot) - (a->slot < b->slot);
}

/* Pushes a table of the keys beyond 1..count, as Lua has them; returns how many. */
static lua_Integer push_other_keys(lua_State *L, int table, lua_Unsigned count)
{
    lua_Integer others = 0;
    lua_newtable(L);
    int keys = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (in_sequence(L, -2, count))
            continue;
        lua_pushvalue(L, -2);
        lua_rawseti(L, keys, ++others);
    }
    return others;
}

/* Replaces the table of keys on top of the stack by one in order. */
static void sort_keys(lua_State *L, lua_Integer count)
{
    int keys = lua_gettop(L);
    struct entry *entry = lua_newuserdatauv(L, (size_t)count * sizeof *entry, 0);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, keys, i + 1);
        entry[i] = entry_of(L, -1, i + 1);
        lua_pop(L, 1);
    }
    qsort(entry, (size_t)count, sizeof *entry, compare_entries);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, keys, entry[i].slot);
        lua_rawseti(L, -2, i + 1);
    }
    lua_replace(L, keys);
    lua_settop(L, keys);
}

/* ---- pairs ---- */

/* The iterator's upvalues: n of 1..n, the other keys in order or nil, how many keys were visited. */
enum { SEQUENCE = 1, OTHERS = 2, VISITED = 3 };

/* Pushes the key after `visited` others; false at the end. */
static bool push_key(lua_State *L, lua_Integer sequence, lua_Integer visited)
{
    if (visited < sequence) {
        lua_pushinteger(L, visited + 1);
        return true;
    }
    if (lua_isnil(L, lua_upvalueindex(OTHERS)))
        return false;
    return lua_rawgeti(L, lua_upvalueindex(OTHERS), visited - sequence + 1) != LUA_TNIL;
}

static int iterate(lua_State *L)
{
    lua_Integer sequence = lua_tointeger(L, lua_upvalueindex(SEQUENCE));
    lua_Integer visited = lua_tointeger(L, lua_upvalueindex(VISITED));
    lua_settop(L, 1);
    while (push_key(L, sequence, visited++)) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, 1) == LUA_TNIL) { /* taken out while we walk */
            lua_settop(L, 1);
            continue;
        }
        lua_pushinteger(L, visited);
        lua_replace(L, lua_upvalueindex(VISITED));
        return 2;
    }
    lua_pushnil(L);
    return 1;
}

static int ordered_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Unsigned sequence = lua_rawlen(L, 1);
    lua_pushinteger(L, (lua_Integer)sequence);
    lua_Integer others = push_other_keys(L, 1, sequence);
    if (others > 1)
        sort_keys(L, others);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, iterate, 3);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* ---- next ---- */

/* next has no place of its own to remember the order in: a weak table (the upvalue) holds, for each table
 * that is being walked, its keys in order and under each key the number of the one that follows. */

/* Pushes a table of all keys: 1..n, then the others in order. */
static void push_all_keys(lua_State *L, int table)
{
    lua_Integer sequence = (lua_Integer)lua_rawlen(L, table);
    lua_Integer others = push_other_keys(L, table, (lua_Unsigned)sequence);
    if (others > 1)
        sort_keys(L, others);
    lua_newtable(L);
    for (lua_Integer i = 1; i <= sequence; i++) {
        lua_pushinteger(L, i);
        lua_rawseti(L, -2, i);
    }
    for (lua_Integer i = 1; i <= others; i++) {
        lua_rawgeti(L, -2, i);
        lua_rawseti(L, -2, sequence + i);
    }
    lua_remove(L, -2);
}

/* Pushes the follower numbers by key for the table of keys on top of the stack. */
static void push_followers(lua_State *L)
{
    int keys = lua_gettop(L);
    lua_newtable(L);
    for (lua_Integer i = 1; lua_rawgeti(L, keys, i) != LUA_TNIL; i++) {
        lua_pushinteger(L, i + 1);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
}

/* Pushes the walk of table 1: {keys, followers}. */
static void push_walk(lua_State *L)
{
    lua_pushvalue(L, 1);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 2, 0);
    push_all_keys(L, 1);
    push_followers(L);
    lua_rawseti(L, -3, 2);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(1));
}

static void forget_walk(lua_State *L)
{
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    lua_rawset(L, lua_upvalueindex(1));
}

/* Where to continue after the key at index 2, which may have been removed during the walk. */
static lua_Integer position_after(lua_State *L, int followers)
{
    if (lua_isnil(L, 2))
        return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, followers) != LUA_TNUMBER)
        luaL_error(L, "invalid key to 'next'");
    return lua_tointeger(L, -1);
}

static int ordered_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (lua_isnil(L, 2))
        forget_walk(L);
    push_walk(L);
    lua_rawgeti(L, 3, 1);
    lua_rawgeti(L, 3, 2);
    lua_Integer at = position_after(L, 5);
    for (; lua_settop(L, 5), lua_rawgeti(L, 4, at) != LUA_TNIL; at++) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL)
            return 2;
    }
    forget_walk(L);
    lua_pushnil(L);
    return 1;
}

void sl_pairs_open(lua_State *L)
{
    lua_register(L, "pairs", ordered_pairs);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushcclosure(L, ordered_next, 1);
    lua_setglobal(L, "next");
}
