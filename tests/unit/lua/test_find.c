/* lua/lib/find against Lua's own functions: the same results and messages for any pattern and text. */
#include "lua/copy.h"
#include "lua/lib/find.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char code[] =
    "local function pick(list) return list[math.random(#list)] end\n"
    "local items = { 'a', 'b', '.', '%a', '%d', '%s', '%w', '%W', '%p', '%x', '%%', '[ab]', '[^a]', '[a-c]', '[%a-]',\n"
    "  '[]]', '[^]]', '[', ']', '(', ')', '()', '(a)', '(.-)', '(%w*)', '%1', '%2', '%0', '%b()', '%bxy', '%b', '%f[%w]',\n"
    "  '%f[^%z]', '%f', '%', '$', '^', '-', '\\0', '[%', '[a-', '[^', 'é', '(b*)' }\n"
    "local often = { '', '', '', '*', '+', '-', '?', '$' }\n"
    "local pieces = { 'a', 'b', 'c', 'ab', ' ', '(', ')', '((a)', '1', '\\0', 'é', ']', '-', '%', 'x', 'y', '.', '' }\n"
    "local with = { '', 'x', '<%0>', '%1', '%2%1', '%%', '%', '%x', 'é%1', '%9' }\n"
    "local function text(n, list) local t = {} for i = 1, n do t[i] = pick(list) end return table.concat(t) end\n"
    "local function pattern()\n"
    "  local t = { math.random(4) == 1 and '^' or '' }\n"
    "  for i = 1, math.random(0, 5) do t[#t + 1] = pick(items) .. pick(often) end\n"
    "  return table.concat(t)\n"
    "end\n"
    "local function all(f, ...)\n"
    "  local t = table.pack(pcall(f, ...))\n"
    "  for i = 1, t.n do t[i] = type(t[i]) == 'function' or lua.gsub(tostring(t[i]), \"to '[^']*'\", '') end\n"
    "  for i = 1, t.n do t[i] = tostring(t[i]) end return table.concat(t, '|', 1, t.n)\n"
    "end\n"
    "local function walk(gmatch, ...)\n"
    "  local found = {}\n"
    "  for a, b, c in gmatch(...) do found[#found + 1] = tostring(a) .. ',' .. tostring(b) .. ',' .. tostring(c) end\n"
    "  return table.concat(found, ';')\n"
    "end\n"
    "local function same(name, f, g, ...)\n"
    "  local want, got = all(f, ...), all(g, ...)\n"
    "  if want ~= got then error(string.format('%s(%q, %q, %q): %q, want %q', name, (...), (select(2, ...)),\n"
    "    tostring((select(3, ...))), got, want)) end\n"
    "end\n"
    "math.randomseed(seed)\n"
    "for i = 1, rounds do\n"
    "  local t, p, n = text(math.random(0, 12), pieces), pattern(), math.random(-14, 14)\n"
    "  same('find', lua.find, string.find, t, p)\n"
    "  same('find', lua.find, string.find, t, p, n, math.random(3) == 1)\n"
    "  same('match', lua.match, string.match, t, p, n)\n"
    "  same('gsub', lua.gsub, string.gsub, t, p, pick(with), math.random(3) == 1 and n or nil)\n"
    "  same('gsub', lua.gsub, string.gsub, t, p, function(a, b) return b or a ~= 'a' and 'q' end)\n"
    "  same('gsub', lua.gsub, string.gsub, t, p, { a = 1, b = false, ab = {} })\n"
    "  same('gmatch', function(...) return walk(lua.gmatch, ...) end, function(...) return walk(string.gmatch, ...) end, t, p, n)\n"
    "end\n"
    "for _, odd in ipairs { 0, false, print, {}, 1.5 } do\n"
    "  for _, name in ipairs { 'find', 'match', 'gmatch', 'gsub' } do\n"
    "    same(name, lua[name], string[name], odd, 'a', 'b')\n"
    "    same(name, lua[name], string[name], 'a', odd, 'b')\n"
    "    same(name, lua[name], string[name], 'a', 'a', odd)\n"
    "    same(name, lua[name], string[name], 'a', 'a', 'b', odd)\n"
    "  end\n"
    "end\n"
    "same('match', lua.match, string.match, ('a'):rep(300), ('a?'):rep(300) .. 'b')\n"
    "same('match', lua.match, string.match, ('a'):rep(40), ('(a)'):rep(33))\n"
    "same('match', lua.match, string.match, ('a'):rep(40), ('(a)'):rep(32))\n";

static void run(lua_Integer seed, lua_Integer rounds)
{
    static struct sl_copy copy;
    lua_State *L = luaL_newstate();
    *(struct sl_copy **)lua_getextraspace(L) = &copy;
    luaL_openlibs(L);
    if (luaL_dostring(L, "lua = {} for name, f in pairs(string) do lua[name] = f end") != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    sl_find_open(L);
    lua_pushinteger(L, seed);
    lua_setglobal(L, "seed");
    lua_pushinteger(L, rounds);
    lua_setglobal(L, "rounds");
    if (luaL_dostring(L, code) != LUA_OK)
        fail_msg("seed %lld: %s", (long long)seed, lua_tostring(L, -1));
    lua_close(L);
}

static void test_any_pattern_on_any_text_is_as_luas_own(void **state)
{
    for (lua_Integer seed = 1; seed <= 10; seed++)
        run(seed, 2000);
}

static void test_a_call_that_is_too_long_is_stopped(void **state)
{
    static struct sl_copy copy;
    lua_State *L = luaL_newstate();
    *(struct sl_copy **)lua_getextraspace(L) = &copy;
    luaL_openlibs(L);
    sl_find_open(L);
    atomic_store(&copy.is_late, true);
    assert_int_not_equal(luaL_dostring(L, "return (('a'):rep(5000)):match('^(.-)b')"), LUA_OK);
    assert_non_null(strstr(lua_tostring(L, -1), "the function runs for too long"));
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_pattern_on_any_text_is_as_luas_own),
        cmocka_unit_test(test_a_call_that_is_too_long_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
