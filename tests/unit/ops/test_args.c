/* Given arguments against parameters: what is accepted, what it is turned into, and what errors say. */
#include "tests/unit/ops/harness.h"

#include <math.h>

struct value_case {
    unsigned want;
    struct sl_field given;
    const char *expected; /* JSON of what arrives, or what the error says after "op: p must be " */
};

static void check_value(const struct value_case *c)
{
    struct sl_param param = {"p", c->want, false, ""};
    struct sl_arg given = {.kind = SL_ARG_VALUE, .value = c->given}, ret;
    struct sl_error err = {0};
    struct sl_buf text;
    sl_buf_init(&text);
    int r = sl_arg_check("op", &param, &given, &ret, &err);
    if (r < 0) {
        assert_int_equal(r, SL_EUSAGE);
        assert_memory_equal(err.text, "op: p must be ", 14);
        assert_string_equal(err.text + 14, c->expected);
    } else {
        assert_true(sl_json_field(&text, &ret.value, NULL));
        assert_string_equal(ret.kind == SL_ARG_NONE ? "none" : buf_string(&text), c->expected);
    }
    sl_buf_done(&text);
}

static void test_values_are_checked_and_converted(void **state)
{
    const struct value_case cases[] = {
        {SL_WANT_INTEGER, I(0), "0"},
        {SL_WANT_INTEGER, F(2.0), "2"},
        {SL_WANT_INTEGER, F(2.5), "an integer, got a float"},
        {SL_WANT_INTEGER, I(-1), "at least 0, got -1"},
        {SL_WANT_INTEGER | SL_WANT_NEGATIVE, I(-1), "-1"},
        {SL_WANT_COUNT, I(1), "1"},
        {SL_WANT_COUNT, I(0), "at least 1, got 0"},
        {SL_WANT_COUNT, N, "an integer of at least 1, got nil"},
        {SL_WANT_COUNT | SL_WANT_NIL, N, "none"},
        {SL_WANT_NUMBER, I(3), "3.0"},
        {SL_WANT_NUMBER, F(0.5), "0.5"},
        {SL_WANT_NUMBER, S("3"), "a number, got a string"},
        {SL_WANT_STRING, S("3"), "\"3\""},
        {SL_WANT_STRING | SL_WANT_STRINGS, I(3), "a string or a list of strings, got an integer"},
        {SL_WANT_STRINGS, L(S("a"), S("b")), "[\"a\",\"b\"]"},
        {SL_WANT_STRINGS, L(S("a"), I(1)), "a list of strings, got a list that holds something else"},
        {SL_WANT_STRINGS, EMPTY_LIST, "a list of strings, got an empty list"},
        {SL_WANT_LIST, EMPTY_LIST, "[]"},
        {SL_WANT_BOOLEAN, B(false), "false"},
        {SL_WANT_BOOLEAN, I(1), "true or false, got an integer"},
        {SL_WANT_DURATION, S("1.5s"), "1500"},
        {SL_WANT_DURATION, F(0.25), "250"},
        {SL_WANT_DURATION, I(2), "2000"},
        {SL_WANT_DURATION, B(true),
         "a duration (\"250ms\", \"1.5s\", \"5m\", \"1h\", \"2d\" or a number of seconds), got a boolean"},
        {SL_WANT_VALUE, N, "null"},
        {SL_WANT_VALUE, L(N), "[null]"},
        {SL_WANT_FUNCTION, S("f"), "a function, got a string"},
        {SL_WANT_REDUCER, S("f"), "a function of two values or a reducer, got a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_value(&cases[i]);
}

static void test_a_wrong_duration_is_explained(void **state)
{
    const struct sl_field cases[] = {S("1x"), S(""), I(0), I(-1), F(0.0001), F(NAN), S("-1s")};
    struct sl_param param = {"w", SL_WANT_DURATION, false, ""};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_arg given = {.kind = SL_ARG_VALUE, .value = cases[i]}, ret;
        struct sl_error err = {0};
        assert_int_equal(sl_arg_check("window", &param, &given, &ret, &err), SL_EUSAGE);
        assert_non_null(
            strstr(err.text,
                   " must be a duration of 1ms to 10000d, in whole milliseconds, such as \"1s\", \"250ms\""));
    }
}

static void test_reducers_are_told_from_functions(void **state)
{
    struct sl_function *sum = MAKE("sum"), *split = MAKE("split", SL_STR_ARG(","));
    struct sl_param function = {"f", SL_WANT_FUNCTION, false, ""},
                    reducer = {"f", SL_WANT_REDUCER, false, ""};
    struct sl_arg of_sum = SL_FN_ARG(sum), of_split = SL_FN_ARG(split), ret;
    struct sl_error err = {0};
    assert_int_equal(sl_arg_check("reduce", &reducer, &of_sum, &ret, &err), 0);
    assert_int_equal(sl_arg_check("map", &function, &of_split, &ret, &err), 0);
    assert_int_equal(sl_arg_check("map", &function, &of_sum, &ret, &err), SL_EUSAGE);
    assert_string_equal(err.text, "map: f must be a function, got a reducer");
    assert_int_equal(sl_arg_check("reduce", &reducer, &of_split, &ret, &err), SL_EUSAGE);
    assert_string_equal(err.text,
                        "reduce: f must be a function of two values or a reducer, got a built-in that is "
                        "no reducer");
    sum->ops->free(sum);
    split->ops->free(split);
}

static const struct sl_param two_params[] = {
    {"n", SL_WANT_COUNT, false, ""}, {"w", SL_WANT_DURATION | SL_WANT_NIL, true, ""}, {0}};
static const struct sl_param two_options[] = {
    {"format", SL_WANT_STRING, true, ""}, {"timeout", SL_WANT_DURATION, true, ""}, {0}};

static void test_positions_are_checked(void **state)
{
    struct sl_arg ret[SL_PARAMS_MAX], options[SL_OPTIONS_MAX],
        given[] = {SL_INT_ARG(2), SL_NIL_ARG, SL_INT_ARG(3)};
    struct sl_error err = {0};
    assert_int_equal(sl_args_check("op", two_params, NULL, given, 2, ret, NULL, &err), 0);
    assert_int_equal(ret[0].value.integer, 2);
    assert_int_equal(ret[1].kind, SL_ARG_NONE);
    assert_int_equal(sl_args_check("op", two_params, NULL, given, 3, ret, NULL, &err), SL_EUSAGE);
    assert_string_equal(err.text, "op: too many arguments; it is called as op(n, [w])");
    assert_int_equal(sl_args_check("op", two_params, NULL, given, 0, ret, NULL, &err), SL_EUSAGE);
    assert_string_equal(err.text, "op: n is missing (an integer of at least 1); it is called as op(n, [w])");
    assert_int_equal(sl_args_check("op", two_params, two_options, given, 0, ret, options, &err), SL_EUSAGE);
    assert_string_equal(
        err.text,
        "op: n is missing (an integer of at least 1); it is called as op(n, [w], [{ options }]); see sluice help op");
}

static void test_a_last_map_or_empty_list_is_options(void **state)
{
    const struct sl_field pairs[] = {S("format"), S("csv"), S("timeout"), I(2)};
    struct sl_arg ret[SL_PARAMS_MAX], options[SL_OPTIONS_MAX];
    struct sl_arg given[] = {SL_INT_ARG(2), {.kind = SL_ARG_VALUE, .value = sl_map(pairs, 2)}};
    struct sl_error err = {0};
    assert_int_equal(sl_args_check("op", two_params, two_options, given, 2, ret, options, &err), 0);
    assert_int_equal(options[0].value.len, 3);
    assert_int_equal(options[1].value.integer, 2000);
    given[1].value = EMPTY_LIST;
    assert_int_equal(sl_args_check("op", two_params, two_options, given, 2, ret, options, &err), 0);
    assert_int_equal(options[0].kind, SL_ARG_NONE);
}

static void test_an_empty_list_in_a_required_place_is_no_options(void **state)
{
    static const struct sl_param list_param[] = {{"batches", SL_WANT_LIST, false, "a list"}, {0}};
    struct sl_arg ret[SL_PARAMS_MAX], options[SL_OPTIONS_MAX];
    struct sl_arg given[] = {{.kind = SL_ARG_VALUE, .value = EMPTY_LIST},
                             {.kind = SL_ARG_VALUE, .value = EMPTY_LIST}};
    struct sl_error err = {0};
    assert_int_equal(sl_args_check("op", list_param, two_options, given, 1, ret, options, &err), 0);
    assert_int_equal(ret[0].value.tag, SL_LIST);
    assert_int_equal(sl_args_check("op", list_param, two_options, given, 2, ret, options, &err), 0);
}

static void test_an_unknown_option_gets_the_nearest_name(void **state)
{
    const struct sl_option formt = {"formt", SL_STR_ARG("csv")};
    struct sl_arg ret[SL_PARAMS_MAX], options[SL_OPTIONS_MAX];
    struct sl_arg given[] = {SL_INT_ARG(2), {.kind = SL_ARG_OPTIONS, .count = 1, .options = &formt}};
    struct sl_error err = {0};
    assert_int_equal(sl_args_check("op", two_params, two_options, given, 2, ret, options, &err), SL_EUSAGE);
    assert_string_equal(err.text, "op: there is no option \"formt\"; did you mean \"format\"?");
}

static void test_a_built_in_is_named_by_its_call(void **state)
{
    struct sl_function *split = MAKE("split", SL_STR_ARG("\t")), *words = MAKE("words");
    assert_string_equal(split->name, "split(\"\\t\")");
    assert_string_equal(words->name, "words");
    split->ops->free(split);
    words->ops->free(words);
}

static void test_built_ins_refuse_wrong_arguments(void **state)
{
    struct sl_arg empty = SL_STR_ARG(""), number = SL_INT_ARG(1);
    struct sl_function *fn = NULL;
    struct sl_error err = {0};
    assert_int_equal(sl_builtin_make(sl_builtin_find("split"), NULL, &empty, 1, &fn, &err), SL_EUSAGE);
    assert_string_equal(err.text, "split: sep is empty; give the text between the pieces");
    assert_int_equal(sl_builtin_make(sl_builtin_find("split"), NULL, &number, 1, &fn, &err), SL_EUSAGE);
    assert_int_equal(sl_builtin_make(sl_builtin_find("split"), NULL, NULL, 0, &fn, &err), SL_EUSAGE);
    assert_int_equal(sl_builtin_make(sl_builtin_find("words"), NULL, &empty, 1, &fn, &err), SL_EUSAGE);
    assert_null(fn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_checked_and_converted),
        cmocka_unit_test(test_a_wrong_duration_is_explained),
        cmocka_unit_test(test_reducers_are_told_from_functions),
        cmocka_unit_test(test_positions_are_checked),
        cmocka_unit_test(test_a_last_map_or_empty_list_is_options),
        cmocka_unit_test(test_an_empty_list_in_a_required_place_is_no_options),
        cmocka_unit_test(test_an_unknown_option_gets_the_nearest_name),
        cmocka_unit_test(test_a_built_in_is_named_by_its_call),
        cmocka_unit_test(test_built_ins_refuse_wrong_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
