/* The order in which jobs see the keys of a table. */
#include "lua/lib/pairs.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

static const char prelude[] =
    "local function walk(t) local r = {} for k, v in pairs(t) do r[#r + 1] = tostring(k) .. '=' .. tostring(v) end return table.concat(r, ' ') end\n"
    "local function step(t) local r = {} for k, v in next, t do r[#r + 1] = tostring(k) .. '=' .. tostring(v) end return table.concat(r, ' ') end\n";

static lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    sl_pairs_open(L);
    return L;
}

static void assert_result(const char *code, const char *expected)
{
    lua_State *L = new_state();
    lua_pushfstring(L, "%s%s", prelude, code);
    if (luaL_dostring(L, lua_tostring(L, -1)) != LUA_OK)
        fail_msg("%s: %s", code, lua_tostring(L, -1));
    assert_string_equal(lua_tostring(L, -1), expected);
    lua_close(L);
}

static const struct {
    const char *table, *order;
} orders[] = {
    {"{}", ""},
    {"{10, 20, 30}", "1=10 2=20 3=30"},
    {"{zeta = 1, alpha = 2, mid = 3}", "alpha=2 mid=3 zeta=1"},
    {"{10, 20, zeta = 1, [true] = 2, [false] = 3, [-1] = 4, [1.5] = 5}",
     "1=10 2=20 false=3 true=2 -1=4 1.5=5 zeta=1"},
    {"{[3] = 'c', [1] = 'a'}", "1=a 3=c"},
    {"{b = 1, B = 2, a = 3, ['10'] = 4, ['2'] = 5}", "10=4 2=5 B=2 a=3 b=1"},
};

static void test_pairs_visits_the_sequence_then_other_keys_in_order(void **state)
{
    char code[256];
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        snprintf(code, sizeof code, "return walk(%s)", orders[i].table);
        assert_result(code, orders[i].order);
    }
}

static void test_next_visits_in_the_order_of_pairs(void **state)
{
    char code[256];
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        snprintf(code, sizeof code, "return step(%s)", orders[i].table);
        assert_result(code, orders[i].order);
    }
}

static void test_pairs_goes_on_when_keys_are_taken_out(void **state)
{
    assert_result(
        "local t, r = {1, 2, 3, a = 4, b = 5, c = 6}, '' for k in pairs(t) do r = r .. k t[k] = nil end "
        "return r .. (next(t) == nil and ' empty' or ' not empty')",
        "123abc empty");
    assert_result(
        "local t, r = {1, 2, 3, a = 4, b = 5, c = 6}, '' for k in next, t do r = r .. k t[k] = nil end "
        "return r .. (next(t) == nil and ' empty' or ' not empty')",
        "123abc empty");
    assert_result(
        "local t, r = {a = 4, b = 5, c = 6}, '' for k in pairs(t) do r = r .. k t.b = nil end return r",
        "ac");
}

static void test_pairs_shows_values_as_they_are_when_visited(void **state)
{
    assert_result("local t, r = {a = 1, b = 2}, '' for k, v in pairs(t) do r = r .. v t.b = 9 end return r",
                  "19");
}

static void test_pairs_calls_the_metamethod(void **state)
{
    assert_result(
        "local t = setmetatable({}, {__pairs = function() return next, {x = 1}, nil end}) return walk(t)",
        "x=1");
}

static void test_pairs_of_no_table_is_an_error(void **state)
{
    assert_result(
        "local ok, message = pcall(pairs, 3) return tostring(ok) .. ' ' .. message:match('table expected')",
        "false table expected");
}

static void test_next_walks_one_table_twice_at_once(void **state)
{
    assert_result("local t, r = {a = 1, b = 2}, '' for k in next, t do for l in next, t do r = r .. k .. l "
                  ".. ' ' end end return r",
                  "aa ab ba bb ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_visits_the_sequence_then_other_keys_in_order),
        cmocka_unit_test(test_next_visits_in_the_order_of_pairs),
        cmocka_unit_test(test_pairs_goes_on_when_keys_are_taken_out),
        cmocka_unit_test(test_pairs_shows_values_as_they_are_when_visited),
        cmocka_unit_test(test_pairs_calls_the_metamethod),
        cmocka_unit_test(test_pairs_of_no_table_is_an_error),
        cmocka_unit_test(test_next_walks_one_table_twice_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
