#include "lua/lib/gmatch.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { BYTES = 256, CLASSES_MAX = 64 };

struct char_set {
    bool holds[BYTES];
};

/* One walk over a text; its iterator holds the text and the class, which Lua does not move. */
struct walk {
    const struct char_set *char_set;
    const uint8_t *at, *end;
};

/* Upvalues of gmatch: Lua's own, string.find, the classes by their patterns (false: not such a pattern), how
 * many these are. Of the iterator the walk comes first. */
enum { ORIGINAL = 1, FIND = 2, CLASSES = 3, COUNT = 4 };
enum { WALK = 1 };

static int next_run(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, lua_upvalueindex(WALK));
    const bool *holds = walk->char_set->holds;
    const uint8_t *from = walk->at, *end = walk->end;
    while (from < end && !holds[*from])
        from++;
    const uint8_t *to = from;
    while (to < end && holds[*to])
        to++;
    walk->at = to;
    if (from == to)
        return 0;
    lua_pushlstring(L, (const char *)from, (size_t)(to - from));
    return 1;
}

/* ---- patterns ---- */

/* Behind the "]" of the set that begins at p, as Lua finds it; NULL: there is none. */
static const char *end_of_set(const char *p, const char *end)
{
    p++;
    if (p < end && *p == '^')
        p++;
    do {
        if (p >= end)
            return NULL;
        if (*p++ == '%' && p < end)
            p++;
    } while (p >= end || *p != ']');
    return p + 1;
}

/* Length of the one class that the pattern repeats; 0: it is another kind of pattern. */
static size_t class_length(const char *pattern, size_t len)
{
    if (len < 2 || pattern[len - 1] != '+')
        return 0;
    const char *end = pattern + len, *behind = pattern + 1;
    if (*pattern == '[')
        behind = end_of_set(pattern, end);
    else if (*pattern == '%')
        behind = strchr("bf0123456789", pattern[1]) ? NULL : pattern + 2;
    else if (strchr("^$()*+-?", *pattern))
        behind = NULL;
    return behind == end - 1 ? len - 1 : 0;
}

/* Leaves the class on the stack. */
static void push_class(lua_State *L, const char *pattern, size_t len)
{
    struct char_set *char_set = lua_newuserdatauv(L, sizeof *char_set, 0);
    for (int byte = 0; byte < BYTES; byte++) {
        char text = (char)byte;
        lua_pushvalue(L, lua_upvalueindex(FIND));
        lua_pushlstring(L, &text, 1);
        lua_pushlstring(L, pattern, len);
        lua_call(L, 2, 1);
        char_set->holds[byte] = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
}

/* Patterns that are made while the job runs must not pile up. */
static void forget_many(lua_State *L)
{
    lua_Integer count = lua_tointeger(L, lua_upvalueindex(COUNT));
    if (count >= CLASSES_MAX) {
        lua_newtable(L);
        lua_replace(L, lua_upvalueindex(CLASSES));
        count = 0;
    }
    lua_pushinteger(L, count + 1);
    lua_replace(L, lua_upvalueindex(COUNT));
}

/* Leaves the class of the pattern at index 2 on the stack, or false. */
static void find_class(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(CLASSES)) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    size_t len;
    const char *pattern = lua_tolstring(L, 2, &len);
    size_t class_len = class_length(pattern, len);
    if (class_len)
        push_class(L, pattern, class_len);
    else
        lua_pushboolean(L, false);
    forget_many(L);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(CLASSES));
}

/* The iterator over the text at index 1 by the class at index 3. */
static int push_walk(lua_State *L)
{
    size_t len;
    const uint8_t *text = (const uint8_t *)lua_tolstring(L, 1, &len);
    struct walk *walk = lua_newuserdatauv(L, sizeof *walk, 0);
    *walk = (struct walk){lua_touserdata(L, 3), text, text + len};
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, next_run, 3);
    return 1;
}

static int push_original(lua_State *L, lua_Integer init)
{
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(ORIGINAL));
    lua_insert(L, 1);
    lua_pushinteger(L, init);
    lua_call(L, 3, 1);
    return 1;
}

/* Arguments are checked here, under the name that users know. */
static int gmatch(lua_State *L)
{
    luaL_checklstring(L, 1, NULL);
    luaL_checklstring(L, 2, NULL);
    lua_Integer init = luaL_optinteger(L, 3, 1);
    if (init != 1)
        return push_original(L, init);
    lua_settop(L, 2);
    find_class(L);
    return lua_toboolean(L, 3) ? push_walk(L) : push_original(L, init);
}

void sl_gmatch_open(lua_State *L)
{
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "gmatch");
    lua_getfield(L, -2, "find");
    lua_newtable(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, gmatch, 4);
    lua_setfield(L, -2, "gmatch");
    lua_pop(L, 1);
}
