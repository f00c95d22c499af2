/* map, flatMap and filter: what a function returns (docs/manual.md, "Functions") and what becomes of it. */
#include "tests/unit/ops/harness.h"

/* A user's function: returns the same values whatever it gets. */
struct fixed {
    struct sl_function base;
    const struct sl_field *values;
    uint32_t count;
};

static int fixed_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret)
{
    const struct fixed *fixed = (const struct fixed *)fn;
    if (fixed->count == UINT32_MAX)
        return sl_task_explain(task, "it failed");
    ret->count = fixed->count;
    for (uint32_t i = 0; i < fixed->count; i++)
        ret->values[i] = fixed->values[i];
    return 0;
}

static const struct sl_function_ops fixed_ops = {.call = fixed_call};

struct returns {
    struct sl_field values[3];
    uint32_t count;
    const char *expected, *rejected;
};

static void check_returns(const char *op, const struct returns *cases, size_t count)
{
    const struct row rows[] = {ROW(S("x"))};
    for (size_t i = 0; i < count; i++) {
        struct fixed fn = {{.ops = &fixed_ops, .name = ""}, cases[i].values, cases[i].count};
        check_op(op, &fn.base, rows, 1, cases[i].expected, cases[i].rejected);
    }
}

static struct sl_field as_row(struct sl_field list)
{
    list.flags = SL_FIELD_ROW;
    return list;
}

static void test_map_reads_returns_by_the_table(void **state)
{
    struct sl_field wide[65] = {0};
    const struct returns cases[] = {
        {{N}, 0, "", "map: the function returned nothing; return nil or a value"},
        {{N}, 1, "null", ""},
        {{S("a"), I(2)}, 2, "\"a\",2", ""},
        {{L(I(1), I(2))}, 1, "[1,2]", ""},
        {{sl_map((struct sl_field[]){S("k"), I(1)}, 1)}, 1, "{\"k\":1}", ""},
        {{as_row(L(S("c"), N))}, 1, "\"c\",null", ""},
        {{as_row(EMPTY_LIST)},
         1,
         "",
         "map: the function returned a record of 0 fields; a record has 1 to 64"},
        {{as_row(sl_list(wide, 65))},
         1,
         "",
         "map: the function returned a record of 65 fields; a record has 1 to 64"},
        {{N}, UINT32_MAX, "", "it failed"},
    };
    check_returns("map", cases, sizeof cases / sizeof cases[0]);
}

static void test_flat_map_reads_returns_by_the_table(void **state)
{
    struct sl_field wide[65] = {0};
    const struct returns cases[] = {
        {{N}, 0, "", ""},
        {{N}, 1, "", ""},
        {{EMPTY_LIST}, 1, "", ""},
        {{S("a"), I(2)},
         2,
         "",
         "flatMap: the function returned 2 values; return a list of records, {} or nil for none"},
        {{S("a")},
         1,
         "",
         "flatMap: the function returned a string; return a list of records, {} or nil for none"},
        {{sl_map(NULL, 0)},
         1,
         "",
         "flatMap: the function returned a map; return a list of records, {} or nil for none"},
        {{as_row(L(I(1)))},
         1,
         "",
         "flatMap: the function returned a row; return a list of records, {} or nil for none"},
        {{L(S("a"), L(S("b"), I(1)), L(L(I(1), I(2))), as_row(L(S("c"), N)))},
         1,
         "\"a\"; \"b\",1; [1,2]; \"c\",null",
         ""},
        {{L(I(1), EMPTY_LIST)},
         1,
         "",
         "flatMap: the function returned a record of 0 fields; a record has 1 to 64"},
        {{L(I(1), sl_list(wide, 65))},
         1,
         "",
         "flatMap: the function returned a record of 65 fields; a record has 1 to 64"},
        {{N}, UINT32_MAX, "", "it failed"},
    };
    check_returns("flatMap", cases, sizeof cases / sizeof cases[0]);
}

static void test_filter_wants_booleans(void **state)
{
    const struct returns cases[] = {
        {{B(true)}, 1, "\"x\"", ""},
        {{B(false)}, 1, "", ""},
        {{N}, 1, "", ""},
        {{N}, 0, "", "filter: the function returned nothing; return true or false"},
        {{I(0)},
         1,
         "",
         "filter: the function returned an integer; return true or false (0 and \"\" are true in Lua)"},
        {{B(true), B(true)}, 2, "", "filter: the function returned 2 values; return true or false"},
        {{EMPTY_LIST},
         1,
         "",
         "filter: the function returned a list; return true or false (0 and \"\" are true in Lua)"},
    };
    check_returns("filter", cases, sizeof cases / sizeof cases[0]);
}

static void test_map_shares_columns_and_keeps_lines(void **state)
{
    struct sl_function *pair = MAKE("pair", SL_INT_ARG(1));
    struct harness h;
    harness_init(&h);
    h.lines = true;
    struct sl_node node = {.op = find_op("map"), .arg = {SL_FN_ARG(pair)}};
    const struct row rows[] = {ROW(S("a")), ROW(S("b"))};
    assert_int_equal(run_node(&h, &node, rows, 2), 0);
    assert_string_equal(buf_string(&h.text), "\"a\",1<0; \"b\",1<1");
    harness_done(&h);
    pair->ops->free(pair);
}

static void test_flat_map_keeps_the_line_of_each_record(void **state)
{
    struct sl_function *split = MAKE("split", SL_STR_ARG(" "));
    struct harness h;
    harness_init(&h);
    h.lines = true;
    struct sl_node node = {.op = find_op("flatMap"), .arg = {SL_FN_ARG(split)}};
    const struct row rows[] = {ROW(S("a b")), ROW(I(1)), ROW(S("c"))};
    assert_int_equal(run_node(&h, &node, rows, 3), 0);
    assert_string_equal(buf_string(&h.text), "\"a\"<0; \"b\"<0; \"c\"<2");
    assert_string_equal(buf_string(&h.rejected),
                        "split(\" \"): the field is of type integer, a string is wanted");
    harness_done(&h);
    split->ops->free(split);
}

static void test_filter_keeps_the_line_of_each_record(void **state)
{
    struct sl_function *a = MAKE("contains", SL_STR_ARG("a"));
    struct harness h;
    harness_init(&h);
    h.lines = true;
    struct sl_node node = {.op = find_op("filter"), .arg = {SL_FN_ARG(a)}};
    const struct row rows[] = {ROW(S("b")), ROW(S("a")), ROW(S("c")), ROW(S("ca"))};
    assert_int_equal(run_node(&h, &node, rows, 4), 0);
    assert_string_equal(buf_string(&h.text), "\"a\"<1; \"ca\"<3");
    harness_done(&h);
    a->ops->free(a);
}

static void check_refused(const char *op, struct sl_function *fn, const char *expected)
{
    struct sl_error err = {0};
    struct sl_node node = {.op = find_op(op), .arg = {SL_FN_ARG(fn)}};
    assert_int_equal(node.op->check(&node, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, expected));
    fn->ops->free(fn);
}

static void test_filter_refuses_a_built_in_that_is_no_predicate(void **state)
{
    check_refused("filter", MAKE("split", SL_STR_ARG(",")), "split(\",\") is no predicate");
    check_refused("filter", MAKE("pair", SL_INT_ARG(1)), "pair(1) is no predicate");
}

static void test_every_descriptor_documents_itself(void **state)
{
    for (size_t i = 0; sl_ops[i]; i++) {
        assert_ptr_equal(find_op(sl_ops[i]->name), sl_ops[i]);
        assert_true(sl_ops[i]->summary && sl_ops[i]->example && sl_ops[i]->family);
        assert_non_null(strstr(sl_ops[i]->example, sl_ops[i]->name));
    }
    for (size_t i = 0; sl_builtins[i]; i++) {
        assert_ptr_equal(sl_builtin_find(sl_builtins[i]->name), sl_builtins[i]);
        assert_true(sl_builtins[i]->summary && sl_builtins[i]->family);
        assert_non_null(strstr(sl_builtins[i]->example, sl_builtins[i]->name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_reads_returns_by_the_table),
        cmocka_unit_test(test_flat_map_reads_returns_by_the_table),
        cmocka_unit_test(test_filter_wants_booleans),
        cmocka_unit_test(test_map_shares_columns_and_keeps_lines),
        cmocka_unit_test(test_flat_map_keeps_the_line_of_each_record),
        cmocka_unit_test(test_filter_keeps_the_line_of_each_record),
        cmocka_unit_test(test_filter_refuses_a_built_in_that_is_no_predicate),
        cmocka_unit_test(test_every_descriptor_documents_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
