#include "lua/value.h"

#include "core/base/limits.h"
#include "core/rows/short_copy.h"
#include "lua/phrase.h"

#include <lauxlib.h>
#include <string.h>

/* Their addresses are what counts: keys of the registry, and light userdata that nothing else equals. */
static const char row_mark = 'r', map_mark = 'm', null_value = 'n', nomem_value = 'o';

/* The tables around the one that is being taken. */
struct level {
    const struct level *outer;
    const void *table;
    unsigned depth;
};

static struct sl_field take(lua_State *L, int index, struct sl_arena *arena, const struct level *outer);

static int null_to_text(lua_State *L)
{
    lua_pushstring(L, lua_touserdata(L, 1) == &null_value ? "sluice.null" : "light userdata");
    return 1;
}

static void make_mark(lua_State *L, const void *key, const char *name)
{
    lua_createtable(L, 0, 1);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void sl_value_open(lua_State *L)
{
    make_mark(L, &row_mark, "sluice.row");
    make_mark(L, &map_mark, "sluice.map");
    sl_value_push_null(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, null_to_text);
    lua_setfield(L, -2, "__tostring");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

void sl_value_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&null_value);
}

bool sl_value_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &null_value;
}

void sl_value_nomem(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&nomem_value);
    lua_error(L);
    __builtin_unreachable();
}

bool sl_value_is_nomem(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &nomem_value;
}

void sl_value_mark_row(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &row_mark);
    lua_setmetatable(L, -2);
}

void sl_value_mark_map(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &map_mark);
    lua_setmetatable(L, -2);
}

static bool has_mark(lua_State *L, int index, const void *key)
{
    if (!lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

bool sl_value_is_marked(lua_State *L, int index)
{
    return has_mark(L, index, &row_mark) || has_mark(L, index, &map_mark);
}

/* ---- fields to Lua ---- */

static void push_item(lua_State *L, const struct sl_field *item)
{
    if (item->tag == SL_NIL)
        sl_value_push_null(L);
    else
        sl_value_push(L, item);
}

static void push_list(lua_State *L, const struct sl_field *list)
{
    luaL_checkstack(L, 4, "a value nested too deeply");
    lua_createtable(L, (int)list->len, 0);
    for (uint32_t i = 0; i < list->len; i++) {
        push_item(L, &list->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_map(lua_State *L, const struct sl_field *map)
{
    luaL_checkstack(L, 4, "a value nested too deeply");
    lua_createtable(L, 0, (int)map->len);
    for (uint32_t i = 0; i < map->len; i++) {
        push_item(L, &map->items[2 * i]);
        push_item(L, &map->items[2 * i + 1]);
        lua_rawset(L, -3);
    }
    sl_value_mark_map(L);
}

void sl_value_push(lua_State *L, const struct sl_field *field)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        lua_pushnil(L);
        break;
    case SL_BOOL:
        lua_pushboolean(L, field->boolean);
        break;
    case SL_INT:
        lua_pushinteger(L, field->integer);
        break;
    case SL_FLOAT:
        lua_pushnumber(L, field->number);
        break;
    case SL_STR:
        lua_pushlstring(L, (const char *)field->str, field->len);
        break;
    case SL_LIST:
        push_list(L, field);
        break;
    case SL_MAP:
        push_map(L, field);
        break;
    }
}

/* ---- Lua to fields ---- */

static struct sl_field *allocate_items(lua_State *L, struct sl_arena *arena, size_t count)
{
    struct sl_field *items = sl_arena_alloc(arena, (count ? count : 1) * sizeof *items);
    if (!items)
        sl_value_nomem(L);
    return items;
}

static struct sl_field take_string(lua_State *L, int index, struct sl_arena *arena)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (len > UINT32_MAX)
        luaL_error(L, "a string over 4 GiB");
    uint8_t *copy = sl_arena_copy_short(arena, (const uint8_t *)text, len);
    if (!copy)
        sl_value_nomem(L);
    return sl_string(copy, len);
}

/* Names of keys that do not fit, for people: [3], ["x"], a boolean key. */
static const char *key_text(lua_State *L, int index)
{
    if (lua_isinteger(L, index))
        return lua_pushfstring(L, "[%I]", (LUAI_UACINT)lua_tointeger(L, index));
    if (lua_type(L, index) == LUA_TSTRING)
        return lua_pushfstring(L, "[\"%s\"]", lua_tostring(L, index));
    return lua_pushfstring(L, "a %s key", luaL_typename(L, index));
}

static int refuse_key(lua_State *L, const char *kind)
{
    return luaL_error(L,
                      "%s with %s: a table is a list (keys 1..n, sluice.null for nil) or a map (string keys)",
                      kind, key_text(L, -2));
}

/* One pass: every key must be in 1..n, and there must be n of them. */
static struct sl_field take_list(lua_State *L, int index, struct sl_arena *arena, const struct level *level,
                                 lua_Unsigned count)
{
    if (count > UINT32_MAX)
        luaL_error(L, "a list of over 4 G items");
    struct sl_field *items = allocate_items(L, arena, (size_t)count);
    lua_Unsigned seen = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), seen++) {
        lua_Unsigned key = lua_isinteger(L, -2) ? (lua_Unsigned)lua_tointeger(L, -2) : 0;
        if (key < 1 || key > count)
            refuse_key(L, "a list");
        items[key - 1] =
            lua_type(L, -1) == LUA_TSTRING ? take_string(L, -1, arena) : take(L, -1, arena, level);
    }
    if (seen != count)
        luaL_error(L, "a list with holes: sluice.null represents nil in a table");
    return sl_list(items, (size_t)count);
}

static struct sl_field take_number(lua_State *L, int index)
{
    return lua_isinteger(L, index) ? sl_integer(lua_tointeger(L, index)) : sl_number(lua_tonumber(L, index));
}

static size_t count_string_keys(lua_State *L, int index)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), count++)
        if (lua_type(L, -2) != LUA_TSTRING)
            refuse_key(L, "a map");
    return count;
}

static struct sl_field take_map(lua_State *L, int index, struct sl_arena *arena, const struct level *level)
{
    size_t count = count_string_keys(L, index);
    struct sl_field *pairs = allocate_items(L, arena, 2 * count), *at = pairs;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), at += 2) {
        at[0] = take_string(L, -2, arena);
        at[1] = take(L, -1, arena, level);
    }
    sl_map_sort(pairs, count);
    return sl_map(pairs, count);
}

static void check_level(lua_State *L, const struct level *level)
{
    if (level->depth > SL_DEPTH_MAX)
        luaL_error(L, "tables nested more than %d deep", SL_DEPTH_MAX);
    for (const struct level *outer = level->outer; outer; outer = outer->outer)
        if (outer->table == level->table)
            luaL_error(L, "a table that contains itself");
}

static bool is_empty(lua_State *L, int index)
{
    lua_pushnil(L);
    if (!lua_next(L, index))
        return true;
    lua_pop(L, 2);
    return false;
}

static struct sl_field take_table(lua_State *L, int index, struct sl_arena *arena, const struct level *outer)
{
    struct level level = {outer, lua_topointer(L, index), outer ? outer->depth + 1 : 1};
    check_level(L, &level);
    luaL_checkstack(L, 8, "a value nested too deeply");
    if (has_mark(L, index, &map_mark))
        return take_map(L, index, arena, &level);
    lua_Unsigned count = lua_rawlen(L, index);
    bool row = has_mark(L, index, &row_mark);
    if (count == 0 && !row && !is_empty(L, index))
        return take_map(L, index, arena, &level);
    struct sl_field list = take_list(L, index, arena, &level, count);
    list.flags = row ? SL_FIELD_ROW : 0;
    return list;
}

/* Whether the tables around it are in the module sluice, which is an argument where it is called as an object. */
static bool is_in_module(lua_State *L, const struct level *outer)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "sluice");
    const void *module = lua_topointer(L, -1);
    lua_pop(L, 2);
    while (outer && outer->table != module)
        outer = outer->outer;
    return module && outer;
}

static void refuse(lua_State *L, int index, const struct level *outer)
{
    static const char no_value[] = "which is no value (nil, boolean, number, string, table)";
    if (is_in_module(L, outer))
        luaL_error(
            L, "the module sluice, %s; what it has is called with a dot, not a colon: sluice.split(\" \")",
            no_value);
    luaL_error(L, "%s, %s", sl_phrase(L, index), no_value);
}

static struct sl_field take(lua_State *L, int index, struct sl_arena *arena, const struct level *outer)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return sl_nil();
    case LUA_TBOOLEAN:
        return sl_boolean(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return take_number(L, index);
    case LUA_TSTRING:
        return take_string(L, index, arena);
    case LUA_TTABLE:
        return take_table(L, lua_absindex(L, index), arena, outer);
    default:
        break;
    }
    if (!sl_value_is_null(L, index))
        refuse(L, index, outer);
    return sl_nil();
}

struct sl_field sl_value_take(lua_State *L, int index, struct sl_arena *arena)
{
    return take(L, index, arena, NULL);
}

/* The address of the string is no proof: an argument may have been collected, and a new string be in its place. */
struct sl_field sl_value_take_returned(lua_State *L, int index, const struct sl_field *argv, uint32_t argc,
                                       struct sl_arena *arena)
{
    int type = lua_type(L, index);
    if (type != LUA_TSTRING)
        return type == LUA_TNUMBER ? take_number(L, index) : take(L, index, arena, NULL);
    size_t len;
    const uint8_t *text = (const uint8_t *)lua_tolstring(L, index, &len);
    for (uint32_t i = 0; i < argc; i++)
        if (argv[i].tag == SL_STR && argv[i].len == len && sl_bytes_equal(argv[i].str, text, argv[i].len))
            return argv[i];
    return take_string(L, index, arena);
}
