#include "lua/lib/find.h"

#include "lua/lib/pattern.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

/* Where position `init` of a text is, from 0; beyond the end: len + 1. */
static size_t start_of(lua_Integer init, size_t len)
{
    if (init > 0)
        return (lua_Unsigned)init - 1 > len ? len + 1 : (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)len)
        return 0;
    return len - (size_t)(-init);
}

static bool is_plain(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (pattern[i] && strchr("^$*+?.([%-", pattern[i]))
            return false;
    return true;
}

static int find_plain(lua_State *L, const char *text, size_t len, size_t init, const char *what,
                      size_t what_len)
{
    const char *found = what_len ? memmem(text + init, len - init, what, what_len) : text + init;
    if (!found) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, found - text + 1);
    lua_pushinteger(L, found - text + (lua_Integer)what_len);
    return 2;
}

/* The first match at or after `from`; its end, or NULL. */
static const char *search(struct sl_pattern *m, bool anchored, const char **from)
{
    for (;; (*from)++) {
        const char *to = sl_pattern_match(m, *from);
        if (to || anchored || *from >= m->text_end)
            return to;
    }
}

static int find_or_match(lua_State *L, bool find)
{
    size_t len, pattern_len;
    const char *text = luaL_checklstring(L, 1, &len), *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t init = start_of(luaL_optinteger(L, 3, 1), len);
    if (init > len) {
        luaL_pushfail(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(pattern, pattern_len)))
        return find_plain(L, text, len, init, pattern, pattern_len);
    struct sl_pattern m;
    bool anchored = *pattern == '^';
    sl_pattern_init(&m, L, text, len, pattern + anchored, pattern_len - anchored);
    const char *from = text + init, *to = search(&m, anchored, &from);
    if (!to) {
        luaL_pushfail(L);
        return 1;
    }
    if (!find)
        return sl_pattern_push_captures(&m, from, to);
    lua_pushinteger(L, from - text + 1);
    lua_pushinteger(L, to - text);
    return 2 + sl_pattern_push_captures(&m, NULL, NULL);
}

static int find(lua_State *L)
{
    return find_or_match(L, true);
}

static int match(lua_State *L)
{
    return find_or_match(L, false);
}

/* ---- gmatch ---- */

struct walk {
    struct sl_pattern pattern;
    const char *at, *last; /* the end of the match before */
};

static int next_match(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, lua_upvalueindex(1));
    struct sl_pattern *m = &walk->pattern;
    m->L = L;
    for (; walk->at <= m->text_end; walk->at++) {
        const char *from = walk->at, *to = sl_pattern_match(m, from);
        if (to && to != walk->last) {
            walk->at = walk->last = to;
            return sl_pattern_push_captures(m, from, to);
        }
    }
    return 0;
}

static int gmatch(lua_State *L)
{
    size_t len, pattern_len;
    const char *text = luaL_checklstring(L, 1, &len), *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t init = start_of(luaL_optinteger(L, 3, 1), len);
    lua_settop(L, 2);
    struct walk *walk = lua_newuserdatauv(L, sizeof *walk, 0);
    sl_pattern_init(&walk->pattern, L, text, len, pattern, pattern_len);
    walk->at = text + init;
    walk->last = NULL;
    lua_insert(L, 1);
    lua_pushcclosure(L, next_match, 3); /* text and pattern stay while it does */
    return 1;
}

/* ---- gsub ---- */

static void add_template(struct sl_pattern *m, luaL_Buffer *out, const char *from, const char *to)
{
    lua_State *L = m->L;
    size_t len;
    const char *at = lua_tolstring(L, 3, &len), *end = at + len;
    for (const char *percent; (percent = memchr(at, '%', (size_t)(end - at))); at = percent + 2) {
        luaL_addlstring(out, at, (size_t)(percent - at));
        int escaped = (unsigned char)percent[1]; /* a NUL at the end */
        if (escaped == '%') {
            luaL_addchar(out, '%');
        } else if (escaped == '0') {
            luaL_addlstring(out, from, (size_t)(to - from));
        } else if (isdigit(escaped)) {
            int number = escaped - '1';
            sl_pattern_push_capture(m, number, from, to);
            luaL_tolstring(L, -1, NULL);
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
    luaL_addlstring(out, at, (size_t)(end - at));
}

/* False: the match stays as it is. */
static bool add_value(struct sl_pattern *m, luaL_Buffer *out, const char *from, const char *to, int kind)
{
    lua_State *L = m->L;
    if (kind == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, sl_pattern_push_captures(m, from, to), 1);
    } else if (kind == LUA_TTABLE) {
        sl_pattern_push_capture(m, 0, from, to);
        lua_gettable(L, 3);
    } else {
        add_template(m, out, from, to);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, from, (size_t)(to - from));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

static int gsub(lua_State *L)
{
    size_t len, pattern_len;
    const char *text = luaL_checklstring(L, 1, &len), *pattern = luaL_checklstring(L, 2, &pattern_len);
    int kind = lua_type(L, 3);
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1), count = 0;
    if (kind != LUA_TNUMBER && kind != LUA_TSTRING && kind != LUA_TFUNCTION && kind != LUA_TTABLE)
        return luaL_typeerror(L, 3, "string/function/table");
    struct sl_pattern m;
    bool anchored = *pattern == '^', changed = false;
    const char *at = text, *last = NULL;
    luaL_Buffer out;
    sl_pattern_init(&m, L, text, len, pattern + anchored, pattern_len - anchored);
    luaL_buffinit(L, &out);
    while (count < max) {
        const char *to = sl_pattern_match(&m, at);
        if (to && to != last) {
            count++;
            changed |= add_value(&m, &out, at, to, kind);
            at = last = to;
        } else if (at < m.text_end) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    luaL_addlstring(&out, at, (size_t)(m.text_end - at));
    luaL_pushresult(&out);
    if (!changed) {
        lua_pop(L, 1);
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}

void sl_find_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", find}, {"match", match}, {"gmatch", gmatch}, {"gsub", gsub}, {0}};
    lua_getglobal(L, "string");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
