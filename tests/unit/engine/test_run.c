/* Whole small jobs in C: what user functions return, which batches there are, how a run fails. */
#include "tests/unit/engine/small_run.h"

/* ---- what user functions return ---- */

struct returns {
    const struct sl_field *values;
    uint32_t count;
    const char *reject;
};

static int give(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    const struct returns *returns = user;
    if (returns->reject)
        return sl_reject(call, returns->reject);
    return returns->count ? sl_return(call, returns->values, returns->count) : 0;
}

/* The first record is kept as it is, so that the batch has an output; the others are handled
 * by the function. */
static int give_after_first(void *user, struct sl_invocation *call, const struct sl_field *argv,
                            uint32_t argc)
{
    if (argv[0].tag == SL_STR && argv[0].str[0] == '=')
        return sl_return(call, argv, 1);
    return give(user, call, argv, argc);
}

static void test_map_reads_what_a_function_returns(void **state)
{
    static const struct sl_field nil[] = {{.tag = SL_NIL}},
                                 two[] = {{.tag = SL_INT, .integer = 1}, {.tag = SL_NIL}},
                                 list[] = {{.tag = SL_LIST, .len = 2, .items = two}}, many[SL_WIDTH_MAX + 1];
    static struct {
        struct returns returns;
        const char *expected; /* of the second record */
    } cases[] = {
        {{nil, 0, NULL}, ""},
        {{nil, 1, NULL}, "\\N\n"},
        {{two, 2, NULL}, "1\t\\N\n"},
        {{list, 1, NULL}, "[1,null]\n"},
        {{many, SL_WIDTH_MAX + 1, NULL}, ""},
        {{nil, 1, "not this one"}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_context *ssc = job_new(&place);
        char expected[64];
        save(apply(queue(ssc, LIST(LIST(TEXT("=first"), TEXT("x")))), "map", give_after_first,
                   &cases[i].returns));
        assert_runs(ssc, 1);
        snprintf(expected, sizeof expected, "=first\n%s", cases[i].expected);
        assert_part("out/r-1000", expected);
        sl_context_free(ssc);
        forget("out");
    }
}

/* Splits at "/" into a list of records; "nothing" and "nil" return that; "value" a plain value. */
static int split(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    struct sl_field nil = sl_nil(), list;
    if (argv[0].len == 7 && memcmp(argv[0].str, "nothing", 7) == 0)
        return 0;
    if (argv[0].len == 3 && memcmp(argv[0].str, "nil", 3) == 0)
        return sl_return(call, &nil, 1);
    if (argv[0].len == 5 && memcmp(argv[0].str, "value", 5) == 0)
        return sl_return(call, argv, 1);
    struct sl_field *items = sl_invocation_alloc(call, (argv[0].len + 1) * sizeof *items);
    size_t count = 0;
    if (!items)
        return SL_ENOMEM;
    for (uint32_t i = 0, from = 0; i <= argv[0].len; i++)
        if (i == argv[0].len || argv[0].str[i] == '/') {
            items[count++] = sl_string(argv[0].str + from, i - from);
            from = i + 1;
        }
    list = sl_list(items, count);
    return sl_return(call, &list, 1);
}

static void test_flat_map_flattens_lists(void **state)
{
    struct sl_context *ssc = job_new(&place);
    save(apply(queue(ssc, LIST(LIST(TEXT("a/b"), TEXT("nothing"), TEXT("c"), TEXT("nil"), TEXT("value"),
                                    TEXT("/d")))),
               "flatMap", split, NULL));
    assert_runs(ssc, 1);
    assert_part("out/r-1000", "a\nb\nc\n\nd\n");
    sl_context_free(ssc);
}

static int add(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    struct sl_field sum = sl_integer(argv[0].integer + argv[1].integer);
    return argv[1].integer == 13 ? 0 : sl_return(call, &sum, 1);
}

static void test_reduce_leaves_out_groups_with_errors(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_field pairs[] = {LIST(TEXT("b"), INT(1)), LIST(TEXT("a"), INT(2)),  LIST(TEXT("b"), INT(3)),
                               LIST(TEXT("c"), INT(4)), LIST(TEXT("c"), INT(13)), LIST(TEXT("d"), INT(13))};
    save(apply(queue(ssc, LIST(sl_list(pairs, 6))), "reduceByKey", add, NULL));
    assert_runs(ssc, 1);
    assert_part("out/r-1000", "a\t2\nb\t4\nd\t13\n");
    sl_context_free(ssc);
}

static int keep_even(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    struct sl_field even = sl_boolean(argv[0].integer % 2 == 0);
    return sl_return(call, argv[0].integer == 4 ? argv : &even, 1); /* 4: no boolean */
}

static void test_filter_takes_booleans_only(void **state)
{
    struct sl_context *ssc = job_new(&place);
    save(apply(queue(ssc, LIST(LIST(INT(1), INT(2), INT(3), INT(4), INT(5), INT(6)))), "filter", keep_even,
               NULL));
    assert_runs(ssc, 1);
    assert_part("out/r-1000", "2\n6\n");
    sl_context_free(ssc);
}

/* ---- batches ---- */

static void test_each_item_of_the_queue_is_a_batch(void **state)
{
    struct sl_context *ssc = job_new(&place);
    save(queue(ssc, LIST(LIST(TEXT("a")), EMPTY, LIST(TEXT("b"), LIST(TEXT("c"), INT(1))))));
    assert_runs(ssc, 5);
    assert_part("out/r-1000", "a\n");
    assert_part("out/r-2000", NULL);
    assert_part("out/r-3000", "b\nc\t1\n");
    assert_part("out/r-4000", NULL);
    sl_context_free(ssc);
}

static void test_empty_batches_are_run_where_they_are_wanted(void **state)
{
    struct sl_context *ssc = job_new(&place);
    sl_context_set(ssc, "emptyBatches", SL_BOOL_ARG(true));
    save(sl_apply_args(queue(ssc, LIST(LIST(TEXT("a")))), "count", NULL, 0));
    assert_runs(ssc, 3);
    assert_part("out/r-1000", "1\n");
    assert_part("out/r-2000", "0\n");
    assert_part("out/r-3000", "0\n");
    sl_context_free(ssc);
}

static void test_queue_options_are_heeded(void **state)
{
    const struct sl_option options[] = {{"oneAtATime", SL_BOOL_ARG(false)},
                                        {"default", VALUE_ARG(LIST(TEXT("again")))},
                                        {"partitions", SL_INT_ARG(3)}};
    struct sl_context *ssc = job_new(&place);
    const struct sl_arg argv[] = {VALUE_ARG(LIST(LIST(TEXT("a"), TEXT("b")), LIST(TEXT("c")))),
                                  {.kind = SL_ARG_OPTIONS, .count = 3, .options = options}};
    save(sl_apply_args(sl_source_args(ssc, "queueStream", argv, 2), "glom", NULL, 0));
    assert_runs(ssc, 2);
    assert_part("out/r-1000", "[\"a\"]\n[\"b\"]\n[\"c\"]\n");
    assert_part("out/r-2000", "[]\n[]\n[\"again\"]\n");
    sl_context_free(ssc);
}

static void test_a_union_stands_in_its_order(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *a = queue(ssc, LIST(LIST(TEXT("a")), LIST(TEXT("A"))));
    struct sl_stream *b = queue(ssc, LIST(LIST(TEXT("b"))));
    struct sl_stream *both = sl_apply_args(b, "union", SL_ARGS(SL_STREAM_ARG(a)), 1);
    save(sl_apply_args(both, "union", SL_ARGS(SL_STREAM_ARG(b)), 1));
    assert_runs(ssc, 2);
    assert_part("out/r-1000", "b\na\nb\n");
    assert_part("out/r-2000", "A\n");
    sl_context_free(ssc);
}

static void test_a_start_time_that_is_no_multiple_is_refused(void **state)
{
    struct sl_run_options options = {
        .size = sizeof options, .virtual_clock = true, .batches = 1, .start_ms = 1500, .stop_fd = -1};
    struct sl_context *ssc = job_new(&place);
    save(queue(ssc, LIST(LIST(TEXT("a")))));
    assert_int_equal(sl_run(ssc, &options), SL_EUSAGE);
    assert_non_null(strstr(sl_context_error(ssc), "1500"));
    sl_context_free(ssc);
}

/* ---- options of a program ---- */

static void test_options_without_a_size_are_refused(void **state)
{
    struct sl_run_options options = {.virtual_clock = true, .batches = 1};
    struct sl_context *ssc = job_new(&place);
    save(queue(ssc, LIST(LIST(TEXT("a")))));
    assert_int_equal(sl_run(ssc, &options), SL_EUSAGE);
    assert_non_null(strstr(sl_context_error(ssc), "size"));
    sl_context_free(ssc);
}

/* A program that was compiled with the header of a later version. */
static void test_options_of_later_versions_must_be_clear(void **state)
{
    for (int is_set = 0; is_set < 2; is_set++) {
        struct {
            struct sl_run_options options;
            uint64_t later;
        } given = {.options = {.size = sizeof given, .virtual_clock = true, .batches = 1}, .later = is_set};
        struct sl_context *ssc = job_new(&place);
        save(queue(ssc, LIST(LIST(TEXT("a")))));
        assert_int_equal(sl_run(ssc, &given.options), is_set ? SL_EUSAGE : 0);
        sl_context_free(ssc);
        forget("out");
    }
}

/* A program that was compiled before `batches` and what follows it were added. */
static void test_options_that_contradict_each_other_are_refused(void **state)
{
    const struct {
        struct sl_run_options options;
        const char *text;
    } cases[] = {
        {{.once = true, .available_now = true}, "once and available_now"},
        {{.virtual_clock = true, .batches = -1}, "batches is -1"},
        {{.virtual_clock = true, .start_ms = -1000}, "start_ms is -1000"},
        {{.once = true, .start_ms = 1000}, "start_ms is for virtual_clock"},
        {{.virtual_clock = true, .finish = true}, "finish is for once, available_now and batches"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_run_options options = cases[i].options;
        options.size = sizeof options;
        struct sl_context *ssc = job_new(&place);
        sl_output(queue(ssc, LIST(LIST(INT(1)))), "print");
        assert_int_equal(sl_run(ssc, &options), SL_EUSAGE);
        if (!strstr(sl_context_error(ssc), cases[i].text))
            fail_msg("%s does not say %s", sl_context_error(ssc), cases[i].text);
        sl_context_free(ssc);
    }
}

static void test_options_that_an_earlier_header_lacks_are_the_defaults(void **state)
{
    struct sl_run_options options = sl_run_defaults();
    options.once = true;
    options.start_ms = 1500;
    options.virtual_clock = true;
    options.size = offsetof(struct sl_run_options, start_ms);
    struct sl_context *ssc = job_new(&place);
    save(queue(ssc, LIST(LIST(TEXT("a")))));
    assert_int_equal(sl_run(ssc, &options), 0);
    assert_part("out/r-1000", "a\n");
    sl_context_free(ssc);
    forget("out");
}

static void count_line(void *arg, enum sl_log_level level, const char *text)
{
    if (level == SL_LOG_WARNING && strstr(text, "never"))
        ++*(int *)arg;
}

static void test_lines_of_the_log_are_given_to_the_programs_function(void **state)
{
    static struct returns refuses = {NULL, 0, "never"};
    int lines = 0;
    struct sl_context *ssc = job_new(&place);
    sl_context_on_log(ssc, count_line, &lines);
    sl_context_set(ssc, "maxErrorRate", SL_NUM_ARG(1));
    save(apply(queue(ssc, LIST(LIST(TEXT("=a"), TEXT("b")))), "map", give_after_first, &refuses));
    assert_int_equal(run(ssc, 1), 0);
    assert_int_equal(lines, 1);
    sl_context_free(ssc);
    forget("out");
}

/* ---- failures ---- */

static void test_a_batch_that_mostly_fails_shows_nothing(void **state)
{
    static struct returns refuses = {NULL, 0, "never"};
    static struct sl_field records[100];
    struct sl_context *ssc = job_new(&place);
    struct sl_field batch = sl_list(records, 100);
    save(apply(queue(ssc, sl_list(&batch, 1)), "map", give, &refuses));
    assert_fails(ssc, 1, "map failed on 100 of 100 records");
    assert_part("out/r-1000", NULL);
    sl_context_free(ssc);
}

static void test_strict_tells_that_records_were_set_aside(void **state)
{
    static struct returns refuses = {NULL, 0, "never"};
    struct sl_run_options options = {
        .size = sizeof options, .virtual_clock = true, .batches = 1, .strict = true, .stop_fd = -1};
    for (int fails = 0; fails < 2; fails++) {
        struct sl_context *ssc = job_new(&place);
        save(apply(queue(ssc, LIST(LIST(TEXT("=a"), sl_string(fails ? "b" : "=b", fails ? 1 : 2)))), "map",
                   give_after_first, &refuses));
        assert_int_equal(sl_run(ssc, &options), fails ? SL_ESTRICT : 0);
        assert_part("out/r-1000", fails ? "=a\n" : "=a\n=b\n");
        sl_context_free(ssc);
        forget("out");
    }
}

static void test_stop_on_record_error_stops(void **state)
{
    static struct returns refuses = {NULL, 0, "never"};
    struct sl_context *ssc = job_new(&place);
    sl_context_set(ssc, "onRecordError", SL_STR_ARG("stop"));
    save(apply(queue(ssc, LIST(LIST(TEXT("a")))), "map", give, &refuses));
    assert_fails(ssc, 1, "map: never");
    sl_context_free(ssc);
}

static void test_a_directory_that_exists_fails_the_batch(void **state)
{
    struct sl_context *ssc = job_new(&place);
    place_make_dir(&place, "out/r-1000");
    save(queue(ssc, LIST(LIST(TEXT("a")))));
    assert_fails(ssc, 1, "r-1000");
    sl_context_free(ssc);
}

static int stop_now(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    *(volatile int *)user = (int)argv[0].integer;
    return sl_return(call, argv, argc);
}

static void test_stop_finishes_the_batch_and_a_second_one_abandons_it(void **state)
{
    for (int signals = 1; signals <= 2; signals++) {
        static volatile int stop;
        struct sl_run_options options = {
            .size = sizeof options, .virtual_clock = true, .stop = &stop, .stop_fd = -1};
        struct sl_context *ssc = job_new(&place);
        stop = 0;
        struct sl_field number = INT(signals), batch = sl_list(&number, 1), batches[] = {batch, batch};
        save(apply(queue(ssc, sl_list(batches, 2)), "map", stop_now, (void *)&stop));
        assert_fine(ssc);
        assert_int_equal(sl_run(ssc, &options), signals == 1 ? 0 : SL_ESTOP);
        assert_part("out/r-1000", signals == 1 ? "1\n" : NULL);
        assert_part("out/r-2000", NULL);
        sl_context_free(ssc);
        forget("out");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_map_reads_what_a_function_returns),
        TEST(test_flat_map_flattens_lists),
        TEST(test_reduce_leaves_out_groups_with_errors),
        TEST(test_filter_takes_booleans_only),
        TEST(test_each_item_of_the_queue_is_a_batch),
        TEST(test_empty_batches_are_run_where_they_are_wanted),
        TEST(test_queue_options_are_heeded),
        TEST(test_a_union_stands_in_its_order),
        TEST(test_a_start_time_that_is_no_multiple_is_refused),
        TEST(test_options_without_a_size_are_refused),
        TEST(test_options_of_later_versions_must_be_clear),
        TEST(test_options_that_contradict_each_other_are_refused),
        TEST(test_options_that_an_earlier_header_lacks_are_the_defaults),
        TEST(test_lines_of_the_log_are_given_to_the_programs_function),
        TEST(test_a_batch_that_mostly_fails_shows_nothing),
        TEST(test_strict_tells_that_records_were_set_aside),
        TEST(test_stop_on_record_error_stops),
        TEST(test_a_directory_that_exists_fails_the_batch),
        TEST(test_stop_finishes_the_batch_and_a_second_one_abandons_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
