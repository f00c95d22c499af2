/* string.gmatch finds what Lua's own finds, whatever the pattern. */
#include "lua/lib/gmatch.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Everything that a walk gives or says, as text. */
static const char prelude[] =
    "local own = string.gmatch\n"
    "local function walk(gmatch, ...)\n"
    "    local found = {}\n"
    "    local ok, message = pcall(function(...)\n"
    "        for a, b in gmatch(...) do\n"
    "            found[#found + 1] = string.format('%q,%q', a, b)\n"
    "        end\n"
    "    end, ...)\n"
    "    return table.concat(found, ' ') .. tostring(ok) .. tostring(message)\n"
    "end\n"
    "local function same(...)\n"
    "    local got, want = walk(string.gmatch, ...), walk(own, ...)\n"
    "    assert(got == want, string.format('%q: %s, not %s', select(2, ...), got, want))\n"
    "end\n";

static const char patterns[] =
    "local patterns = { '[^ ]+', '%S+', '%a+', '%d+', '[a-c]+', '[]]+', '[^]]+', '[%]]+', '[%w_]+', '.+', 'a+',\n"
    "    ' +', ']+', '%.+', '%%+', '\\0+', '[\\0-\\31]+', '[^%z]+', '\\xff+', '[%a-z]+', '[a-]+', '[^^]+', '[^+]+',\n"
    "    '[^ ]*', '[^ ]-', '[^ ]', '[^ ]+ ', '([^ ]+)', '()a+', '^+', '^a+', '$+', 'a+$', '++', '*+', '-+', '?+',\n"
    "    '(+', ')+', '+', '', '%', '%+', '[', '[+', '[^+', '[a+', '[%+', '[]+', '[^]+', '%b+', '%f+', '%1+', 'ab+' }\n"
    "local texts = { '', ' ', 'a', 'to be or not', '  two  spaces  ', 'a]b]]c', '1.5 %% 2..3', 'x\\0y\\0\\0z', '+a-b*',\n"
    "    '^a$', '\\xff\\xfe a\\xff', 'aaa bbb abc', '\\t\\n\\31 ', ('word '):rep(100) }\n";

static void run(const char *code)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "gmatch");
    sl_gmatch_open(L);
    lua_setglobal(L, "own_gmatch");
    lua_pushfstring(L, "%s%sown = own_gmatch\n%s", prelude, patterns, code);
    if (luaL_dostring(L, lua_tostring(L, -1)) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

static void test_every_pattern_finds_what_it_should(void **state)
{
    run("for _, pattern in ipairs(patterns) do for _, text in ipairs(texts) do same(text, pattern) end end");
}

static void test_every_byte_belongs_to_the_classes_it_should(void **state)
{
    run("local all = {}\n"
        "for byte = 0, 255 do all[#all + 1] = string.char(byte) end\n"
        "all = table.concat(all, ' ')\n"
        "for _, pattern in ipairs(patterns) do same(all, pattern) end\n"
        "for byte = 0, 255 do same(all, string.char(byte) .. '+') same(all, '%' .. string.char(byte) .. '+') end");
}

static void test_a_walk_may_begin_elsewhere(void **state)
{
    run("for init = -9, 9 do for _, pattern in ipairs(patterns) do same('ab cd ef', pattern, init) end end");
}

static void test_numbers_are_texts(void **state)
{
    run("same(1221, '2+') same('1221', 2) same(15, '%d+', '2')");
}

static void test_walks_do_not_disturb_each_other(void **state)
{
    run("local found = {}\n"
        "for a in ('ab cd'):gmatch('[^ ]+') do\n"
        "    for b in ('1 2'):gmatch('[^ ]+') do found[#found + 1] = a .. b end\n"
        "    collectgarbage()\n"
        "end\n"
        "assert(table.concat(found, ' ') == 'ab1 ab2 cd1 cd2')");
}

static void test_many_patterns_are_forgotten_in_time(void **state)
{
    run("for i = 1, 1000 do same('some text with 1000 patterns', '[' .. i .. ']+') end\n"
        "local before = collectgarbage() + collectgarbage('count')\n"
        "for i = 1, 1000 do ('text'):gmatch('[^' .. i .. ']+') end\n"
        "collectgarbage()\n"
        "assert(collectgarbage('count') < before + 100)");
}

static void test_errors_name_gmatch(void **state)
{
    run("local ok, message = pcall(string.gmatch, {}, 'a+')\n"
        "assert(not ok and message:find('gmatch'), message)\n"
        "ok, message = pcall(function() return ('a'):gmatch('a+', 'x') end)\n"
        "assert(not ok and message:find('gmatch'), message)\n"
        "ok, message = pcall(function() return string.gmatch('a') end)\n"
        "assert(message:find(\"bad argument #2 to 'gmatch' %(string expected, got no value%)\"), message)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pattern_finds_what_it_should),
        cmocka_unit_test(test_every_byte_belongs_to_the_classes_it_should),
        cmocka_unit_test(test_a_walk_may_begin_elsewhere),
        cmocka_unit_test(test_numbers_are_texts),
        cmocka_unit_test(test_walks_do_not_disturb_each_other),
        cmocka_unit_test(test_many_patterns_are_forgotten_in_time),
        cmocka_unit_test(test_errors_name_gmatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
