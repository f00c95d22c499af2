/* Values between Lua and fields. */
#include "core/base/buf.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    lua_State *L;
    struct sl_arena arena;
    const char *expression; /* to take */
    struct sl_field taken;
};

static int make_row(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        if (lua_isnil(L, i))
            sl_value_push_null(L);
        else
            lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    sl_value_mark_row(L);
    return 1;
}

static int make_map(lua_State *L)
{
    sl_value_mark_map(L);
    return 1;
}

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof *fixture);
    fixture->L = luaL_newstate();
    luaL_openlibs(fixture->L);
    sl_value_open(fixture->L);
    lua_register(fixture->L, "row", make_row);
    lua_register(fixture->L, "map", make_map);
    sl_value_push_null(fixture->L);
    lua_setglobal(fixture->L, "null");
    sl_arena_init(&fixture->arena);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    lua_close(fixture->L);
    sl_arena_done(&fixture->arena);
    test_free(fixture);
    return 0;
}

/* ---- fields as text: 1, 1.0, "a", [1,2], row[1], {a=1} ---- */

static void describe(struct sl_buf *buf, const struct sl_field *field);

static void describe_items(struct sl_buf *buf, const struct sl_field *field)
{
    for (uint32_t i = 0; i < field->len; i++) {
        sl_buf_text(buf, i ? "," : "");
        if (field->tag == SL_MAP) {
            sl_buf_append(buf, field->items[2 * i].str, field->items[2 * i].len);
            sl_buf_text(buf, "=");
            describe(buf, &field->items[2 * i + 1]);
        } else {
            describe(buf, &field->items[i]);
        }
    }
}

static void describe(struct sl_buf *buf, const struct sl_field *field)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        sl_buf_text(buf, "nil");
        break;
    case SL_BOOL:
        sl_buf_text(buf, field->boolean ? "true" : "false");
        break;
    case SL_INT:
        sl_buf_integer(buf, field->integer);
        break;
    case SL_FLOAT:
        sl_buf_printf(buf, "%.1f", field->number);
        break;
    case SL_STR:
        sl_buf_printf(buf, "\"%.*s\"", (int)field->len, (const char *)field->str);
        break;
    case SL_LIST:
        sl_buf_text(buf, field->flags & SL_FIELD_ROW ? "row[" : "[");
        describe_items(buf, field);
        sl_buf_text(buf, "]");
        break;
    case SL_MAP:
        sl_buf_text(buf, "{");
        describe_items(buf, field);
        sl_buf_text(buf, "}");
        break;
    }
}

static void assert_field_text(const struct sl_field *field, const char *expected)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    describe(&buf, field);
    sl_buf_byte(&buf, '\0');
    assert_string_equal((const char *)buf.bytes, expected);
    sl_buf_done(&buf);
}

/* Runs protected, as all users of values do. */
static int take_expression(lua_State *L)
{
    struct fixture *fixture = lua_touserdata(L, 1);
    lua_pushfstring(L, "%s%s", strncmp(fixture->expression, "local ", 6) == 0 ? "" : "return ",
                    fixture->expression);
    if (luaL_loadstring(L, lua_tostring(L, -1)) != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 1);
    fixture->taken = sl_value_take(L, -1, &fixture->arena);
    return 0;
}

static int take(struct fixture *fixture, const char *expression)
{
    fixture->expression = expression;
    lua_settop(fixture->L, 0);
    lua_pushcfunction(fixture->L, take_expression);
    lua_pushlightuserdata(fixture->L, fixture);
    return lua_pcall(fixture->L, 1, 0, 0);
}

static void test_value_takes_what_the_contract_lists(void **state)
{
    static const struct {
        const char *lua, *field;
    } cases[] = {
        {"nil", "nil"},
        {"null", "nil"},
        {"true", "true"},
        {"7", "7"},
        {"7.0", "7.0"},
        {"-2^63", "-9223372036854775808.0"},
        {"math.mininteger", "-9223372036854775808"},
        {"'a'", "\"a\""},
        {"''", "\"\""},
        {"{}", "[]"},
        {"{1, 'a', {2}}", "[1,\"a\",[2]]"},
        {"{1, null, 3}", "[1,nil,3]"},
        {"{b = 1, a = {x = null}}", "{a={x=nil},b=1}"},
        {"map{}", "{}"},
        {"map{k = 1}", "{k=1}"},
        {"row(1, nil)", "row[1,nil]"},
        {"row()", "row[]"},
        {"{row(1), 2}", "[row[1],2]"},
        {"{{1, 2}, {{3}}}", "[[1,2],[[3]]]"},
        {"local t = {} for i = 1, 5 do t[6 - i] = i end return t", "[5,4,3,2,1]"},
        {"local t = {1, 2, 3} t[3] = nil return t", "[1,2]"},
        {"local shared = {1} return {shared, shared}", "[[1],[1]]"},
        {"setmetatable({1}, {__index = {x = 1}})", "[1]"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (take(fixture, cases[i].lua) != LUA_OK)
            fail_msg("%s: %s", cases[i].lua, lua_tostring(fixture->L, -1));
        assert_field_text(&fixture->taken, cases[i].field);
    }
}

static void test_value_refuses_what_is_no_value(void **state)
{
    static const struct {
        const char *lua, *message;
    } cases[] = {
        {"print", "a function"},
        {"{print}", "a function"},
        {"coroutine.create(print)", "a coroutine"},
        {"io.stdout", "a userdata"},
        {"{1, 2, x = 3}", "a list with [\"x\"]"},
        {"{[2] = 1}", "a map with [2]"},
        {"{[true] = 1}", "a map with a boolean key"},
        {"{[1.5] = 1}", "a map with a number key"},
        {"local t = {1, 2, 3, 4} t[2] = nil return t", "a list with holes"},
        {"map{1}", "a map with [1]"},
        {"local t = {} t[1] = t return t", "contains itself"},
        {"local t, u = {}, {} t.u = u u.t = t return t", "contains itself"},
        {"local t = {} for _ = 1, 64 do t = {t} end return t", "more than 64 deep"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (take(fixture, cases[i].lua) == LUA_OK)
            fail_msg("%s is taken", cases[i].lua);
        if (!strstr(lua_tostring(fixture->L, -1), cases[i].message))
            fail_msg("%s: %s", cases[i].lua, lua_tostring(fixture->L, -1));
    }
}

static void test_value_takes_a_nesting_of_64(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(take(fixture, "local t = {} for _ = 1, 63 do t = {t} end return t"), LUA_OK);
    const struct sl_field *inner = &fixture->taken;
    for (int i = 1; i < 64; i++)
        inner = &inner->items[0];
    assert_field_text(inner, "[]");
}

static void test_value_keeps_every_byte_of_a_string(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(take(fixture, "'a\\0b\\xff'"), LUA_OK);
    assert_int_equal(fixture->taken.len, 4);
    assert_memory_equal(fixture->taken.str, "a\0b\xff", 4);
}

static void test_value_owns_what_it_took(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(take(fixture, "{('x'):rep(100)}"), LUA_OK);
    lua_gc(fixture->L, LUA_GCCOLLECT);
    assert_int_equal(fixture->taken.items[0].len, 100);
    assert_int_equal(fixture->taken.items[0].str[99], 'x');
}

static void test_value_comes_back_as_it_was_pushed(void **state)
{
    static const char *const expressions[] = {
        "nil",
        "true",
        "false",
        "1",
        "1.0",
        "0/0",
        "'a'",
        "{}",
        "map{}",
        "{1, null, 'x'}",
        "{a = {}, b = map{}}",
        "{{{}}}",
        "{row = {1, null}}",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        assert_int_equal(take(fixture, expressions[i]), LUA_OK);
        struct sl_field before = fixture->taken;
        lua_settop(fixture->L, 0);
        sl_value_push(fixture->L, &before);
        struct sl_field after = sl_value_take(fixture->L, -1, &fixture->arena);
        if (!sl_field_equals(&before, &after) || before.tag != after.tag)
            fail_msg("%s comes back as another value", expressions[i]);
    }
}

static void test_value_of_a_map_stays_a_map_when_emptied(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(take(fixture, "{a = 1}"), LUA_OK);
    sl_value_push(fixture->L, &fixture->taken);
    lua_setglobal(fixture->L, "m");
    assert_int_equal(take(fixture, "local t = m t.a = nil return t"), LUA_OK);
    assert_field_text(&fixture->taken, "{}");
}

static void test_value_gives_lua_null_in_place_of_nil_in_lists(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(take(fixture, "{null, null}"), LUA_OK);
    sl_value_push(fixture->L, &fixture->taken);
    lua_setglobal(fixture->L, "l");
    assert_int_equal(take(fixture, "#l == 2 and l[1] == null and tostring(l[2])"), LUA_OK);
    assert_field_text(&fixture->taken, "\"sluice.null\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_value_takes_what_the_contract_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_refuses_what_is_no_value, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_takes_a_nesting_of_64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_keeps_every_byte_of_a_string, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_owns_what_it_took, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_comes_back_as_it_was_pushed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_of_a_map_stays_a_map_when_emptied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_gives_lua_null_in_place_of_nil_in_lists, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
