/* Formulas give what Lua gives, to the bit, or leave it to Lua. */
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "lua/formula.h"
#include "lua/value.h"
#include "tests/unit/core/random.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

struct fixture {
    lua_State *L;
    struct sl_arena arena;
    struct chance chance;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof *fixture);
    fixture->L = luaL_newstate();
    sl_value_open(fixture->L);
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

/* Leaves the function of this text on the stack. */
static const struct sl_formula *read_text(struct fixture *fixture, const char *function)
{
    struct sl_buf text = {0};
    lua_settop(fixture->L, 0);
    assert_true(sl_buf_printf(&text, "local outer = 1 return %s", function) && sl_buf_append(&text, "", 1));
    assert_int_equal(luaL_dostring(fixture->L, (const char *)text.bytes), LUA_OK);
    sl_buf_done(&text);
    return sl_formula_read(fixture->L, 1, &fixture->arena);
}

/* What Lua gives; -1: an error. */
static int call_lua(struct fixture *fixture, const struct sl_field *argv, uint32_t argc,
                    struct sl_field *values)
{
    lua_State *L = fixture->L;
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    for (uint32_t i = 0; i < argc; i++)
        sl_value_push(L, &argv[i]);
    if (lua_pcall(L, (int)argc, LUA_MULTRET, 0) != LUA_OK)
        return -1;
    int count = lua_gettop(L) - 1;
    for (int i = 0; i < count; i++)
        values[i] = sl_value_take(L, 2 + i, &fixture->arena);
    return count;
}

static void assert_same(const struct sl_field *got, const struct sl_field *want)
{
    assert_int_equal(got->tag, want->tag);
    assert_int_equal(got->flags, want->flags);
    assert_int_equal(got->len, want->len);
    if (got->tag == SL_STR)
        assert_true(got->len == 0 || memcmp(got->str, want->str, got->len) == 0);
    else if (got->tag == SL_BOOL)
        assert_int_equal(got->boolean, want->boolean);
    else
        assert_memory_equal(&got->integer, &want->integer, sizeof got->integer);
}

/* Whether the formula has something to say; then it is what Lua says. */
static bool agrees(struct fixture *fixture, const struct sl_formula *formula, const struct sl_field *argv,
                   uint32_t argc)
{
    struct sl_field got[SL_WIDTH_MAX], want[SL_WIDTH_MAX];
    uint32_t count = 0;
    if (!sl_formula_run(formula, argv, argc, got, &count))
        return false;
    assert_int_equal(call_lua(fixture, argv, argc, want), count);
    for (uint32_t i = 0; i < count; i++)
        assert_same(&got[i], &want[i]);
    return true;
}

static const struct sl_field *odd_values(size_t *ret_count)
{
    static const struct sl_field one[] = {{.tag = SL_INT, .integer = 1}};
    static struct sl_field values[32];
    const struct sl_field made[] = {sl_nil(),
                                    sl_boolean(false),
                                    sl_boolean(true),
                                    sl_integer(0),
                                    sl_integer(1),
                                    sl_integer(-1),
                                    sl_integer(10),
                                    sl_integer(1000000),
                                    sl_integer(INT64_MAX),
                                    sl_integer(INT64_MIN),
                                    sl_integer((INT64_C(1) << 53) + 1),
                                    sl_number(0.0),
                                    sl_number(-0.0),
                                    sl_number(1.0),
                                    sl_number(10.0),
                                    sl_number(0.1),
                                    sl_number(-2.5),
                                    sl_number(0x1p53),
                                    sl_number(0x1p63),
                                    sl_number(5e-324),
                                    sl_number(1e308),
                                    sl_number(INFINITY),
                                    sl_number(-INFINITY),
                                    sl_number(NAN),
                                    sl_text(""),
                                    sl_text("a"),
                                    sl_text("10"),
                                    sl_text("0x10"),
                                    sl_string("a\0\xff", 3),
                                    sl_text("a string of more than forty bytes, which Lua does not intern"),
                                    sl_list(one, 1),
                                    sl_map(NULL, 0)};
    memcpy(values, made, sizeof made);
    *ret_count = sizeof made / sizeof *made;
    return values;
}

static void test_formula_is_read_of_functions_that_use_their_arguments_alone(void **state)
{
    static const char *const functions[] = {
        "function(w) return w, 1 end",
        "function(a, b) return a + b end",
        "function(a, b) return b + a end",
        "function(k, v) return v, k end",
        "function(a) return a, 'x', 2.5, 1e100, nil, true, false, 123456789 end",
        "function(a) return a + 1, a - 1, a * 2, a + 1000, a - 0.5, a * 0.1, 1 - a, 2 * a end",
        "function(a, b) if a > b then return a end return b end",
        "function(a, b) return a > b end",
        "function(a) return #a >= 3 end",
        "function(a, b) return a == b, a ~= 1, a == 'x', not a end",
        "function(a, b) return a and b or 0 end",
        "function(a, b) local c = a - b if c < 0 then c = 0 - c end return c end",
        "function() end",
        "function(a) return a < 5, a <= 5, a > 5, a >= 5, a == 5, a < 5.0 end",
        "function(a, b) local x, y return x, y, a end",
    };
    struct fixture *fixture = *state;
    size_t count;
    const struct sl_field *odd = odd_values(&count);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct sl_formula *formula = read_text(fixture, functions[i]);
        size_t given = 0;
        assert_non_null(formula);
        for (size_t k = 0; k < count * count; k++)
            given += agrees(fixture, formula, (struct sl_field[]){odd[k / count], odd[k % count]}, 2);
        given += agrees(fixture, formula, odd, 1) + agrees(fixture, formula, odd, 0);
        if (!given)
            print_error("%s\n", functions[i]);
        assert_true(given);
    }
}

static int call_never(lua_State *L)
{
    return luaL_error(L, "called");
}

static void test_formula_is_not_read_of_anything_else(void **state)
{
    static const char *const functions[] = {
        "function(...) return ... end",
        "function(a) return tostring(a) end",
        "function(a) return outer end",
        "function(a) outer = a end",
        "function(a) return {a} end",
        "function(a) return a[1] end",
        "function(a) return a.x end",
        "function(a) return a:x() end",
        "function(a) return a / 2 end",
        "function(a) return a .. 'x' end",
        "function(a) while true do end end",
        "function(a) for i = 1, 10 do a = a + i end return a end",
        "function(a) goto over ::over:: return function() return a end end",
        "function(a) ::again:: a = a - 1 if a > 0 then goto again end return a end",
        "function(a) local c <close> = nil return a end",
        "print",
    };
    struct fixture *fixture = *state;
    lua_pushcfunction(fixture->L, call_never);
    lua_setglobal(fixture->L, "print");
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (read_text(fixture, functions[i])) {
            print_error("%s\n", functions[i]);
            fail();
        }
}

static void test_formula_of_too_many_steps_is_left_to_lua(void **state)
{
    struct sl_buf text = {0};
    sl_buf_text(&text, "function(a) return a");
    for (int i = 0; i < 1000; i++)
        sl_buf_text(&text, " + a");
    sl_buf_append(&text, " end", 5);
    assert_null(read_text(*state, (const char *)text.bytes));
    sl_buf_done(&text);
}

/* ---- random functions ---- */

static const char *any(struct chance *chance, const char *const *texts, size_t count)
{
    return texts[chance_below(chance, count)];
}
#define ANY(chance, ...)                                                                                     \
    any(chance, (const char *const[]){__VA_ARGS__},                                                          \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static const char *any_operand(struct chance *chance)
{
    return ANY(chance, "a", "b", "c", "d", "a", "b", "c", "0", "1", "10", "-7", "200", "1.0", "0.5", "1e300",
               "'x'", "''", "'10'", "nil", "true", "false", "9223372036854775807");
}

static void add_expression(struct chance *chance, struct sl_buf *text, int depth)
{
    if (depth == 0 || chance_below(chance, 3) == 0) {
        sl_buf_text(text, any_operand(chance));
        return;
    }
    sl_buf_text(text, ANY(chance, "(", "(not ", "(#", "(", "(", "("));
    add_expression(chance, text, depth - 1);
    if (chance_below(chance, 5)) {
        sl_buf_text(text, ANY(chance, " + ", " - ", " * ", " == ", " ~= ", " < ", " <= ", " > ",
                              " >= ", " and ", " or "));
        add_expression(chance, text, depth - 1);
    }
    sl_buf_text(text, ")");
}

static void add_statement(struct chance *chance, struct sl_buf *text, int depth)
{
    if (depth && chance_below(chance, 3) == 0) {
        sl_buf_text(text, "if ");
        add_expression(chance, text, 2);
        sl_buf_text(text, " then ");
        add_statement(chance, text, depth - 1);
        sl_buf_text(text, ANY(chance, " else ", " "));
        add_statement(chance, text, depth - 1);
        sl_buf_text(text, " end ");
        return;
    }
    sl_buf_printf(text, "%s = ", ANY(chance, "a", "b", "c", "d", "a, d"));
    add_expression(chance, text, 2);
    sl_buf_text(text, " ");
}

/* Of three parameters and a local variable. */
static void add_function(struct chance *chance, struct sl_buf *text)
{
    sl_buf_text(text, "function(a, b, c) local d ");
    for (size_t i = chance_below(chance, 3); i > 0; i--)
        add_statement(chance, text, 2);
    sl_buf_text(text, "return ");
    add_expression(chance, text, 3);
    for (size_t i = chance_below(chance, 3); i > 0; i--) {
        sl_buf_text(text, ", ");
        add_expression(chance, text, 2);
    }
    sl_buf_append(text, " end", 5);
}

enum { FUNCTIONS = 3000, CALLS = 40 };

static void test_formula_of_any_function_gives_what_lua_gives(void **state)
{
    struct fixture *fixture = *state;
    struct chance chance = chance_new();
    size_t count, given = 0;
    const struct sl_field *odd = odd_values(&count);
    for (int i = 0; i < FUNCTIONS; i++) {
        struct sl_buf text = {0};
        add_function(&chance, &text);
        const struct sl_formula *formula = read_text(fixture, (const char *)text.bytes);
        for (int k = 0; formula && k < CALLS; k++) {
            struct sl_field argv[3];
            for (int a = 0; a < 3; a++)
                argv[a] = odd[chance_below(&chance, count)];
            given += agrees(fixture, formula, argv, (uint32_t)chance_below(&chance, 4));
        }
        sl_buf_done(&text);
        sl_arena_reset(&fixture->arena);
    }
    assert_true(given > FUNCTIONS * CALLS / 20); /* of the others most add what is no number */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formula_is_read_of_functions_that_use_their_arguments_alone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_formula_is_not_read_of_anything_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_formula_of_too_many_steps_is_left_to_lua, setup, teardown),
        cmocka_unit_test_setup_teardown(test_formula_of_any_function_gives_what_lua_gives, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
