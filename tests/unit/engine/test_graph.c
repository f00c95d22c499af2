/* Building a graph through sluice.h: errors stick and name what was meant; the same calls give the same
 * graph. */
#include "engine/graph/graph.h"

#include "tests/unit/engine/job.h"

static struct place place;

static int setup(void **state)
{
    place_init(&place);
    return 0;
}

static int teardown(void **state)
{
    place_done(&place);
    return 0;
}

static int hand_back(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    return sl_return(call, argv, argc);
}

/* ---- errors ---- */

static struct sl_stream *lines_of(struct sl_context *ssc)
{
    return sl_source_args(ssc, "textFileStream", SL_ARGS(SL_STR_ARG("in")), 1);
}

static void bad_source(struct sl_context *ssc)
{
    sl_source_args(ssc, "textfilestream", SL_ARGS(SL_STR_ARG("in")), 1);
}

static void bad_transformation(struct sl_context *ssc)
{
    sl_apply_args(lines_of(ssc), "flatmap", NULL, 0);
}

static void output_as_transformation(struct sl_context *ssc)
{
    sl_apply_args(lines_of(ssc), "print", NULL, 0);
}

static void no_function(struct sl_context *ssc)
{
    sl_apply_args(lines_of(ssc), "map", SL_ARGS(SL_FN_ARG(NULL)), 1);
}

static int fail_dataset(void *user, int64_t time_ms, struct sl_rdd *rdd)
{
    return sl_rdd_fail(rdd, "never called");
}

static void dataset_function(struct sl_context *ssc)
{
    struct sl_function *f = sl_rdd_function_new(ssc, fail_dataset, NULL);
    sl_apply_args(lines_of(ssc), "map", SL_ARGS(SL_FN_ARG(f)), 1);
}

static void receiver(struct sl_context *ssc)
{
    static const struct sl_receiver none;
    sl_call_args(ssc, "negate", SL_ARGS(SL_FN_ARG(sl_receiver_new(ssc, &none, NULL))), 1);
}

static void nothing_to_call(struct sl_context *ssc)
{
    assert_null(sl_function_new(ssc, NULL, NULL));
}

static void bad_output(struct sl_context *ssc)
{
    sl_output_args(lines_of(ssc), "saveAsTextFile", SL_ARGS(SL_STR_ARG("out")), 1);
}

static void bad_builtin(struct sl_context *ssc)
{
    sl_call_args(ssc, "spilt", SL_ARGS(SL_STR_ARG(" ")), 1);
}

static void unheard_of(struct sl_context *ssc)
{
    sl_apply_args(lines_of(ssc), "xyzzyxyzzy", NULL, 0);
}

static void bad_option(struct sl_context *ssc)
{
    sl_context_set(ssc, "chekpoint", SL_BOOL_ARG(false));
}

static void missing_argument(struct sl_context *ssc)
{
    sl_apply_args(lines_of(ssc), "map", NULL, 0);
}

static void wrong_argument(struct sl_context *ssc)
{
    sl_apply_args(lines_of(ssc), "map", SL_ARGS(SL_INT_ARG(3)), 1);
}

static void bad_batch(struct sl_context *ssc)
{
    sl_source_args(ssc, "queueStream", SL_ARGS(VALUE_ARG(LIST(LIST(INT(1)), INT(2)))), 1);
}

static void name_twice(struct sl_context *ssc)
{
    struct sl_stream *named = sl_name(sl_apply_args(lines_of(ssc), "distinct", NULL, 0), "seen");
    assert_non_null(sl_name(named, "seen")); /* its own */
    assert_null(sl_name(sl_apply_args(named, "count", NULL, 0), "seen"));
}

static void test_errors_name_what_was_meant(void **state)
{
    const struct {
        void (*build)(struct sl_context *ssc);
        const char *parts[2];
    } cases[] = {
        {bad_source, {"no source is called textfilestream", "did you mean textFileStream?"}},
        {bad_transformation, {"no transformation is called flatmap", "did you mean flatMap?"}},
        {output_as_transformation, {"no transformation is called print", "it is an output: sl_output"}},
        {no_function, {"map: the function is NULL", ""}},
        {dataset_function, {"map: a function made by sl_rdd_function_new", "gets no records"}},
        {receiver, {"negate: a function made by sl_receiver_new", "gets no records"}},
        {nothing_to_call, {"the function is NULL", ""}},
        {bad_output, {"no output is called saveAsTextFile;", "did you mean saveAsTextFiles?"}},
        {bad_builtin, {"no built-in is called spilt", "did you mean split"}},
        {unheard_of, {"no transformation is called xyzzyxyzzy", "sluice help"}},
        {bad_option, {"unknown option chekpoint", "did you mean checkpoint?"}},
        {missing_argument, {"map", "f"}},
        {wrong_argument, {"map", "integer"}},
        {name_twice, {"name: seen is the distinct of line 7", "choose another"}},
        {bad_batch, {"queueStream: item 2 must be a batch", "integer"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_context *ssc = job_new(&place);
        sl_context_at(ssc, "job.lua", 7);
        cases[i].build(ssc);
        assert_int_equal(sl_context_status(ssc), SL_EUSAGE);
        const char *text = sl_context_error(ssc);
        if (strncmp(text, "job.lua:7: ", 11) != 0 || !strstr(text, cases[i].parts[0]) ||
            !strstr(text, cases[i].parts[1]))
            fail_msg("case %zu: %s", i, text);
        sl_context_free(ssc);
    }
}

static void test_the_first_error_sticks(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    assert_non_null(lines);
    assert_int_equal(sl_context_status(ssc), SL_OK);
    assert_string_equal(sl_context_error(ssc), "");
    assert_null(sl_apply(lines, "mpa", SL_INT_ARG(1)));
    char first[256];
    snprintf(first, sizeof first, "%s", sl_context_error(ssc));
    assert_null(sl_apply(lines, "map", SL_INT_ARG(1)));
    assert_null(sl_source(ssc, "nothing", SL_INT_ARG(1)));
    assert_null(sl_call(ssc, "split", SL_STR_ARG(" ")));
    assert_int_equal(sl_output(lines, "print", SL_INT_ARG(1)), SL_EUSAGE);
    assert_int_equal(sl_context_set(ssc, "workers", SL_INT_ARG(2)), SL_EUSAGE);
    assert_string_equal(sl_context_error(ssc), first);
    assert_int_equal(sl_run(ssc, NULL), SL_EUSAGE);
    assert_int_equal(sl_check(ssc, stdout), SL_EUSAGE);
    assert_string_equal(sl_context_error(ssc), first);
    sl_context_free(ssc);
}

static void test_nothing_is_built_on_nothing(void **state)
{
    assert_null(sl_apply_args(NULL, "map", NULL, 0));
    assert_int_equal(sl_output_args(NULL, "print", NULL, 0), SL_EUSAGE);
    assert_null(sl_name(NULL, "x"));
    assert_null(sl_stream_at(NULL, "x", 1));
    sl_context_free(NULL);
}

static int prepare(void *arg, unsigned workers, char *message, size_t message_size)
{
    return 0;
}

/* As where sl_context_new has found no memory, and as of the stream of a call that failed. */
static void test_a_context_that_is_null_has_the_error_that_memory_is_short(void **state)
{
    static const struct sl_receiver none;
    struct sl_context *ssc = sl_stream_context(NULL);
    assert_null(ssc);
    sl_context_on_log(ssc, NULL, NULL);
    sl_context_at(ssc, "x", 1);
    assert_int_equal(sl_context_set(ssc, "interval", SL_STR_ARG("1s")), SL_ENOMEM);
    assert_null(sl_source(ssc, "textFileStream", SL_STR_ARG("in")));
    assert_null(sl_call(ssc, "sum"));
    assert_null(sl_function_new(ssc, hand_back, NULL));
    assert_null(sl_rdd_function_new(ssc, fail_dataset, NULL));
    assert_null(sl_receiver_new(ssc, &none, NULL));
    assert_int_equal(sl_context_on_workers(ssc, prepare, NULL), SL_ENOMEM);
    assert_int_equal(sl_graph(ssc, SL_GRAPH_TEXT, stdout), SL_ENOMEM);
    assert_int_equal(sl_check(ssc, stdout), SL_ENOMEM);
    assert_int_equal(sl_try(ssc, NULL, 0, stdout), SL_ENOMEM);
    assert_int_equal(sl_run(ssc, NULL), SL_ENOMEM);
    assert_int_equal(sl_context_status(ssc), SL_ENOMEM);
    assert_string_equal(sl_context_error(ssc), "out of memory");
}

/* It would be the name of the checkpoint. */
static void test_a_job_is_named_as_a_file_may_be(void **state)
{
    static const char *const names[] = {"", ".", "..", "a/b", "/", "../a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sl_context *ssc = sl_context_new(names[i], place.path);
        assert_int_equal(sl_context_set(ssc, "interval", SL_STR_ARG("1s")), SL_EUSAGE);
        assert_non_null(strstr(sl_context_error(ssc), "is no name of a job"));
        sl_context_free(ssc);
    }
}

static void test_errors_say_where_in_the_job(void **state)
{
    char expected[64];
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    int line = __LINE__ + 1;
    sl_apply(lines, "mpa", SL_INT_ARG(1));
    snprintf(expected, sizeof expected, "test_graph.c:%d: no transformation", line);
    assert_non_null(strstr(sl_context_error(ssc), expected));
    sl_context_free(ssc);
}

static void test_the_interval_comes_first(void **state)
{
    struct sl_context *ssc = sl_context_new("job", place.path);
    assert_null(lines_of(ssc));
    assert_non_null(strstr(sl_context_error(ssc), "interval is missing"));
    sl_context_free(ssc);
    ssc = sl_context_new("job", place.path);
    assert_int_equal(sl_run(ssc, NULL), SL_EUSAGE);
    assert_non_null(strstr(sl_context_error(ssc), "interval is missing"));
    sl_context_free(ssc);
}

/* ---- streams of several inputs ---- */

static void test_streams_of_different_slides_are_refused_by_name(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *a = lines_of(ssc), *b = lines_of(ssc);
    b->node.slide_ms = 5000; /* as a window would have it */
    assert_null(sl_apply(a, "union", SL_STREAM_ARG(b)));
    assert_int_equal(sl_context_status(ssc), SL_EUSAGE);
    assert_non_null(strstr(sl_context_error(ssc),
                           "union: the streams have different slides, 1s (textFileStream) and 5s"));
    sl_context_free(ssc);
}

static void test_streams_of_another_context_are_refused(void **state)
{
    struct sl_context *ssc = job_new(&place), *other = job_new(&place);
    struct sl_stream *a = lines_of(ssc), *b = lines_of(other);
    assert_null(sl_apply(a, "union", SL_STREAM_ARG(b)));
    assert_non_null(strstr(sl_context_error(ssc), "another StreamingContext"));
    assert_int_equal(sl_context_status(other), SL_OK);
    sl_context_free(ssc);
    sl_context_free(other);
}

static void test_functions_of_another_context_are_refused(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct sl_context *ssc = job_new(&place), *other = job_new(&place);
        struct sl_arg f = SL_FN_ARG(i ? sl_call(other, "notEmpty") : sl_function_new(other, hand_back, NULL));
        if (i < 2)
            assert_null(sl_apply(lines_of(ssc), "filter", f));
        else
            assert_null(sl_source(ssc, "textFileStream", SL_STR_ARG("in"), SL_OPTIONS_ARG({"filter", f})));
        sl_context_free(other); /* first: nothing of it may be kept */
        assert_non_null(strstr(sl_context_error(ssc), "a function of another StreamingContext"));
        sl_context_free(ssc);
    }
}

static void test_inputs_stand_in_the_order_they_were_given(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *a = lines_of(ssc), *b = lines_of(ssc), *both = sl_apply(b, "union", SL_STREAM_ARG(a));
    assert_fine(ssc);
    assert_int_equal(both->node.inputs, 2);
    assert_ptr_equal(both->node.input[0], &b->node);
    assert_ptr_equal(both->node.input[1], &a->node);
    assert_int_equal(both->node.number, 2);
    assert_ptr_equal(sl_stream_context(both), ssc);
    sl_context_free(ssc);
}

static void test_values_become_the_contexts_own(void **state)
{
    struct sl_context *ssc = job_new(&place);
    char text[] = "in";
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG(text));
    memset(text, 'x', 2);
    assert_memory_equal(lines->node.arg[0].value.str, "in", 2);
    assert_string_equal(sl_name(lines, "the lines")->node.name, "the lines");
    sl_context_free(ssc);
}

/* ---- describing ---- */

static char *describe(const char *separator, const char *name)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_buf text;
    sl_context_at(ssc, "job.lua", 3);
    struct sl_stream *lines = lines_of(ssc);
    struct sl_function *split = sl_call_args(ssc, "split", SL_ARGS(SL_STR_ARG(separator)), 1);
    struct sl_stream *words = sl_apply_args(lines, "flatMap", SL_ARGS(SL_FN_ARG(split)), 1);
    struct sl_function *back = sl_function_new(ssc, hand_back, NULL);
    struct sl_stream *same = sl_apply_args(words, "map", SL_ARGS(SL_FN_ARG(back)), 1);
    sl_output_args(sl_apply_args(same, "union", SL_ARGS(SL_STREAM_ARG(lines)), 1), "saveAsTextFiles",
                   SL_ARGS(SL_STR_ARG(name)), 1);
    assert_fine(ssc);
    sl_buf_init(&text);
    assert_true(sl_context_describe(ssc, &text) && sl_buf_byte(&text, 0));
    sl_context_free(ssc);
    return (char *)text.bytes;
}

static void test_description_is_the_same_for_the_same_calls_only(void **state)
{
    char *a = describe(" ", "out"), *b = describe(" ", "out"), *c = describe(",", "out"),
         *d = describe(" ", "else");
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_string_not_equal(a, d);
    assert_null(strstr(a, place.path)); /* and on every machine */
    assert_non_null(strstr(a, "\n1 flatMap <0 split(\" \")"));
    assert_non_null(strstr(a, "\n3 union <2 <0"));
    free(a);
    free(b);
    free(c);
    free(d);
}

static void test_check_prints_the_graph_or_says_what_is_wrong(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct sl_context *ssc = job_new(&place);
    sl_output(sl_source(ssc, "textFileStream", SL_STR_ARG("in")), "print", SL_INT_ARG(5));
    assert_int_equal(sl_check(ssc, out), SL_EUSAGE);
    assert_non_null(strstr(sl_context_error(ssc), "the watched directory in does not exist"));
    sl_context_free(ssc);
    place_make_dir(&place, "in");
    ssc = job_new(&place);
    sl_output(sl_source(ssc, "textFileStream", SL_STR_ARG("in")), "print", SL_INT_ARG(5));
    assert_int_equal(sl_check(ssc, out), 0);
    fclose(out);
    assert_memory_equal(text, "0           textFileStream(\"in\") ", 30);
    free(text);
    sl_context_free(ssc);
    ssc = job_new(&place);
    lines_of(ssc);
    assert_int_equal(sl_check(ssc, stdout), SL_EUSAGE);
    assert_non_null(strstr(sl_context_error(ssc), "no output"));
    sl_context_free(ssc);
}

static void test_graph_that_cannot_be_written_is_a_failure_of_the_run(void **state)
{
    struct sl_context *ssc = job_new(&place);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_int_equal(sl_output(lines_of(ssc), "print"), 0);
    assert_int_equal(sl_graph(ssc, SL_GRAPH_TEXT, full), SL_EFAIL);
    assert_non_null(strstr(sl_context_error(ssc), "writing the graph: No space left"));
    fclose(full);
    sl_context_free(ssc);
}

static void test_a_graph_has_a_limit(void **state)
{
    struct sl_context *ssc = job_new(&place);
    unsigned made = 0;
    while (lines_of(ssc))
        made++;
    assert_int_equal(made, SL_NODES_MAX);
    assert_non_null(strstr(sl_context_error(ssc), "at most"));
    sl_context_free(ssc);
}

static void test_every_operator_is_found_by_its_name(void **state)
{
    const struct sl_op *op;
    size_t count = 0;
    for (; (op = sl_op_at(count)); count++)
        assert_ptr_equal(sl_op_find(op->name), op);
    assert_true(count > 20);
    assert_int_equal(sl_ops_length(), count);
    assert_null(sl_op_at(count + 1));
    assert_null(sl_op_find("nothing"));
    assert_string_equal(sl_version(), SLUICE_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_name_what_was_meant),
        cmocka_unit_test(test_the_first_error_sticks),
        cmocka_unit_test(test_nothing_is_built_on_nothing),
        cmocka_unit_test(test_a_context_that_is_null_has_the_error_that_memory_is_short),
        cmocka_unit_test(test_a_job_is_named_as_a_file_may_be),
        cmocka_unit_test(test_errors_say_where_in_the_job),
        cmocka_unit_test(test_the_interval_comes_first),
        cmocka_unit_test(test_streams_of_different_slides_are_refused_by_name),
        cmocka_unit_test(test_streams_of_another_context_are_refused),
        cmocka_unit_test(test_functions_of_another_context_are_refused),
        cmocka_unit_test(test_graph_that_cannot_be_written_is_a_failure_of_the_run),
        cmocka_unit_test(test_inputs_stand_in_the_order_they_were_given),
        cmocka_unit_test(test_values_become_the_contexts_own),
        cmocka_unit_test(test_description_is_the_same_for_the_same_calls_only),
        cmocka_unit_test(test_check_prints_the_graph_or_says_what_is_wrong),
        cmocka_unit_test(test_a_graph_has_a_limit),
        cmocka_unit_test(test_every_operator_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
