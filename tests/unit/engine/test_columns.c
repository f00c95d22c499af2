/* Names of columns follow records through the graph: set where they are said, kept by what passes records on,
 * lost by what makes new fields. */
#include "engine/graph/graph.h"

#include "tests/unit/engine/job.h"

static struct place place;
static struct sl_context *ssc;

static int setup(void **state)
{
    place_init(&place);
    ssc = job_new(&place);
    return 0;
}

static int teardown(void **state)
{
    sl_context_free(ssc);
    place_done(&place);
    return 0;
}

static struct sl_stream *named(const char *a, const char *b)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *pairs = sl_apply(lines, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
    return sl_apply(pairs, "columns", SL_STR_ARG(a), SL_STR_ARG(b));
}

/* The names of the stream, separated by blanks; "-" where they are not known. */
static const char *names_of(const struct sl_stream *stream)
{
    static char text[1024];
    assert_fine(ssc);
    const struct sl_columns *columns = sl_node_columns(&stream->node);
    snprintf(text, sizeof text, "%s", columns ? "" : "-");
    for (uint32_t i = 0; columns && i < columns->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                 columns->column[i].name);
    return text;
}

static void test_columns_names_the_fields(void **state)
{
    assert_string_equal(names_of(named("word", "count")), "word count");
    struct sl_field list[] = {sl_string("a", 1), sl_string("b", 1)};
    struct sl_arg names = {.kind = SL_ARG_VALUE, .value = sl_list(list, 2)};
    assert_string_equal(names_of(sl_apply(named("word", "count"), "columns", names)), "a b");
}

static void test_operators_that_pass_records_on_keep_names(void **state)
{
    struct sl_function *not_empty = sl_call(ssc, "ge", SL_INT_ARG(2), SL_INT_ARG(1));
    struct sl_function *key = sl_call(ssc, "select", SL_INT_ARG(1));
    struct sl_stream *s = named("a", "b");
    assert_string_equal(names_of(sl_apply(s, "filter", SL_FN_ARG(not_empty))), "a b");
    assert_string_equal(names_of(sl_apply(s, "peek", SL_FN_ARG(key))), "a b");
    assert_string_equal(names_of(sl_apply(s, "sortBy", SL_FN_ARG(key))), "a b");
    assert_string_equal(names_of(sl_apply(s, "window", SL_STR_ARG("2s"))), "a b");
    assert_string_equal(names_of(sl_apply(s, "take", SL_INT_ARG(2))), "a b");
    assert_string_equal(names_of(sl_apply(s, "repartition", SL_INT_ARG(2))), "a b");
    assert_string_equal(names_of(sl_apply_args(s, "distinct", NULL, 0)), "a b");
    assert_string_equal(names_of(sl_apply(s, "intersection", SL_STREAM_ARG(named("x", "y")))), "a b");
}

static void test_operators_that_choose_fields_choose_names(void **state)
{
    struct sl_stream *s = named("a", "b");
    assert_string_equal(names_of(sl_apply(s, "select", SL_STR_ARG("b"), SL_INT_ARG(1))), "b a");
    assert_string_equal(names_of(sl_apply(s, "map", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(2))))), "b");
    assert_string_equal(names_of(sl_apply(s, "map", SL_FN_ARG(sl_call_args(ssc, "swap", NULL, 0)))), "b a");
    assert_string_equal(names_of(sl_apply_args(s, "keys", NULL, 0)), "a");
    assert_string_equal(names_of(sl_apply_args(s, "values", NULL, 0)), "b");
    assert_string_equal(names_of(sl_apply(s, "select", SL_INT_ARG(1), SL_INT_ARG(1))), "-");
}

static void test_operators_that_make_fields_lose_names(void **state)
{
    struct sl_stream *s = named("a", "b");
    struct sl_function *sum = sl_call_args(ssc, "sum", NULL, 0);
    assert_string_equal(names_of(sl_apply(s, "reduceByKey", SL_FN_ARG(sum))), "-");
    assert_string_equal(names_of(sl_apply_args(s, "zipWithIndex", NULL, 0)), "-");
    assert_string_equal(names_of(sl_apply(s, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))))), "-");
    assert_string_equal(names_of(sl_apply(s, "join", SL_STREAM_ARG(s))), "-");
}

static void test_a_union_keeps_names_that_both_have(void **state)
{
    assert_string_equal(names_of(sl_apply(named("a", "b"), "union", SL_STREAM_ARG(named("a", "b")))), "a b");
    assert_string_equal(names_of(sl_apply(named("a", "b"), "union", SL_STREAM_ARG(named("b", "a")))), "-");
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in2"));
    assert_string_equal(names_of(sl_apply(named("a", "b"), "union", SL_STREAM_ARG(lines))), "-");
}

static void refuse(struct sl_stream *stream, const char *text)
{
    assert_null(stream);
    if (!strstr(sl_context_error(ssc), text))
        fail_msg("\"%s\" is not in: %s", text, sl_context_error(ssc));
}

static void test_a_name_may_not_stand_twice(void **state)
{
    refuse(named("a", "a"), "two columns have the name \"a\"");
}

static void test_a_name_may_not_be_empty(void **state)
{
    refuse(named("a", ""), "the name of column 2");
}

static void test_as_many_names_as_columns(void **state)
{
    refuse(sl_apply(named("a", "b"), "columns", SL_STR_ARG("a")), "1 names for records of 2 columns");
}

static void test_select_refuses_a_name_that_is_not_there(void **state)
{
    refuse(sl_apply(named("a", "b"), "select", SL_STR_ARG("c")), "select: there is no column \"c\"");
}

static void test_select_refuses_names_where_there_are_none(void **state)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    refuse(sl_apply(lines, "select", SL_STR_ARG("c")), ":columns(...)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_columns_names_the_fields),
        TEST(test_operators_that_pass_records_on_keep_names),
        TEST(test_operators_that_choose_fields_choose_names),
        TEST(test_operators_that_make_fields_lose_names),
        TEST(test_a_union_keeps_names_that_both_have),
        TEST(test_a_name_may_not_stand_twice),
        TEST(test_a_name_may_not_be_empty),
        TEST(test_as_many_names_as_columns),
        TEST(test_select_refuses_a_name_that_is_not_there),
        TEST(test_select_refuses_names_where_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
