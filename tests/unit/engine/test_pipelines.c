/* The plan: which operators hang below which root, and on how many ways rows reach a sink. */
#include "engine/graph/pipelines.h"

#include "tests/unit/engine/job.h"

static struct place place;
static struct sl_context *ssc;
static struct sl_pipelines *plan;

static int setup(void **state)
{
    place_init(&place);
    ssc = job_new(&place);
    plan = NULL;
    return 0;
}

static int teardown(void **state)
{
    sl_pipelines_free(plan);
    sl_context_free(ssc);
    place_done(&place);
    return 0;
}

static struct sl_stream *lines(void)
{
    return sl_source_args(ssc, "textFileStream", SL_ARGS(SL_STR_ARG("in")), 1);
}

static struct sl_stream *map(struct sl_stream *stream)
{
    struct sl_function *pair = sl_call_args(ssc, "pair", SL_ARGS(SL_INT_ARG(1)), 1);
    return sl_apply_args(stream, "map", SL_ARGS(SL_FN_ARG(pair)), 1);
}

static struct sl_stream *unite(struct sl_stream *a, struct sl_stream *b)
{
    return sl_apply_args(a, "union", SL_ARGS(SL_STREAM_ARG(b)), 1);
}

static struct sl_stream *distinct(struct sl_stream *stream)
{
    return sl_apply_args(stream, "distinct", NULL, 0);
}

static void print(struct sl_stream *stream)
{
    assert_int_equal(sl_output_args(stream, "print", NULL, 0), 0);
}

/* The trees as text: "0(2(s3.0.0))": root 0, below it narrow 2, below it sink 3 by input 0 on path 0. */
static void write_children(struct sl_buf *text, const struct sl_pipe *pipe)
{
    for (size_t i = 0; i < pipe->children; i++) {
        const struct sl_pipe *child = pipe->child[i];
        sl_buf_printf(text, "%s%s%u", i ? " " : "", child->sink ? "s" : "", child->node->number);
        if (child->sink)
            sl_buf_printf(text, ".%u.%u", child->input, child->path);
        if (child->children) {
            sl_buf_text(text, "(");
            write_children(text, child);
            sl_buf_text(text, ")");
        }
    }
}

static void assert_plan(const char *expected)
{
    struct sl_error err = {0};
    struct sl_buf text;
    assert_fine(ssc);
    if (sl_pipelines_new(ssc, &plan, &err) < 0)
        fail_msg("%s", err.text);
    sl_buf_init(&text);
    for (size_t i = 0; i < plan->nodes; i++)
        if (plan->root[i]) {
            sl_buf_printf(&text, "%s%zu(", text.len ? " " : "", i);
            write_children(&text, &plan->root[i]->top);
            sl_buf_text(&text, ")");
        }
    sl_buf_byte(&text, 0);
    assert_string_equal((char *)text.bytes, expected);
    sl_buf_done(&text);
}

static void test_a_chain_is_one_tree(void **state)
{
    print(map(map(lines())));
    assert_plan("0(1(2(s3.0.0)))");
}

static void test_sinks_share_the_narrow_run_before_them(void **state)
{
    struct sl_stream *pairs = map(lines());
    print(pairs);
    print(map(pairs));
    print(map(pairs));
    assert_plan("0(1(s2.0.0 3(s4.0.0) 5(s6.0.0)))");
    assert_int_equal(plan->root[0]->pipes, 6);
}

static void test_wide_operators_are_sinks_and_roots(void **state)
{
    print(map(distinct(map(lines()))));
    assert_plan("0(1(s2.0.0)) 2(3(s4.0.0))");
}

static void test_paths_of_a_union_stand_in_its_order(void **state)
{
    struct sl_stream *a = lines(), *b = lines();
    print(unite(b, a));
    assert_plan("0(2(s3.0.1)) 1(2(s3.0.0))");
    assert_int_equal(plan->paths[3][0], 2);
}

static void test_paths_of_nested_unions_go_from_left_to_right(void **state)
{
    struct sl_stream *a = lines(), *b = lines();
    struct sl_stream *pairs = map(b), *left = unite(a, b), *right = unite(pairs, a);
    print(unite(left, right));
    /* a, b, map(b), a: the two ways of a are two pipes */
    assert_plan("0(3(5(s6.0.0)) 4(5(s6.0.3))) 1(3(5(s6.0.1)) 2(4(5(s6.0.2))))");
    assert_int_equal(plan->paths[6][0], 4);
}

static void test_a_stream_united_with_itself_takes_two_ways(void **state)
{
    struct sl_stream *a = lines();
    print(distinct(unite(a, a)));
    assert_plan("0(1(s2.0.0) 1(s2.0.1)) 2(s3.0.0)");
    assert_int_equal(plan->paths[2][0], 2);
}

static void test_streams_without_an_end_are_left_out(void **state)
{
    struct sl_stream *a = lines();
    map(map(a));
    print(a);
    assert_plan("0(s3.0.0)");
}

static void test_too_many_ways_are_refused(void **state)
{
    struct sl_error err = {0};
    struct sl_stream *stream = lines();
    for (int i = 0; i < 40; i++)
        stream = unite(stream, stream);
    print(stream);
    assert_int_equal(sl_pipelines_new(ssc, &plan, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "unite fewer streams"));
    plan = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_chain_is_one_tree),
        TEST(test_sinks_share_the_narrow_run_before_them),
        TEST(test_wide_operators_are_sinks_and_roots),
        TEST(test_paths_of_a_union_stand_in_its_order),
        TEST(test_paths_of_nested_unions_go_from_left_to_right),
        TEST(test_a_stream_united_with_itself_takes_two_ways),
        TEST(test_streams_without_an_end_are_left_out),
        TEST(test_too_many_ways_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
