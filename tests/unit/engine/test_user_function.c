/* Functions of C programs: the state of mapWithState, the datasets of foreachRDD. */
#include "core/rows/field.h"
#include "sluice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A job with a stream of two batches, one pair ("a", n) each. */
static struct sl_stream *new_pairs(void)
{
    const struct sl_field pair[2][2] = {{sl_string("a", 1), sl_integer(1)},
                                        {sl_string("a", 1), sl_integer(2)}};
    const struct sl_field record[2] = {sl_list(pair[0], 2), sl_list(pair[1], 2)};
    const struct sl_field batch[2] = {sl_list(&record[0], 1), sl_list(&record[1], 1)};
    const struct sl_arg batches = {.kind = SL_ARG_VALUE, .value = sl_list(batch, 2)};
    struct sl_context *ssc = sl_context_new("test", ".");
    assert_non_null(ssc);
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    sl_context_set(ssc, "checkpoint", SL_BOOL_ARG(false));
    sl_context_set(ssc, "maxErrorRate", SL_NUM_ARG(1));
    return sl_source(ssc, "queueStream", batches);
}

static int run(struct sl_context *ssc, FILE *out)
{
    struct sl_run_options options = {
        .size = sizeof options, .virtual_clock = true, .batches = 2, .stop_fd = -1, .out = out};
    return sl_run(ssc, &options);
}

/* What print shows of the pairs mapped by the function. */
static void map_pairs(sl_user_function *function, char *ret_text, size_t size)
{
    struct sl_stream *pairs = new_pairs();
    struct sl_context *ssc = sl_stream_context(pairs);
    FILE *out = tmpfile();
    assert_non_null(out);
    struct sl_function *fn = sl_function_new(ssc, function, NULL);
    sl_output_args(sl_apply(pairs, "mapWithState", SL_FN_ARG(fn)), "print", NULL, 0);
    if (run(ssc, out))
        fail_msg("%s", sl_context_error(ssc));
    rewind(out);
    ret_text[fread(ret_text, 1, size - 1, out)] = 0;
    fclose(out);
    sl_context_free(ssc);
}

static int add(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    assert_int_equal(argc, 3);
    assert_false(sl_state_is_timing_out(call));
    assert_true(sl_state_exists(call) == (argv[2].integer == 2000));
    int64_t before = sl_state_exists(call) ? sl_state_get(call).integer : 0;
    struct sl_field sum = sl_integer(before + argv[1].integer);
    int r = sl_state_update(call, &sum);
    const struct sl_field row[2] = {argv[0], sl_state_get(call)};
    return r < 0 ? r : sl_return(call, row, 2);
}

static void test_state_of_a_function_in_c_is_kept(void **state)
{
    char text[1024];
    map_pairs(add, text, sizeof text);
    assert_non_null(strstr(text, "Time: 1000 ms"));
    assert_non_null(strstr(text, "(a,1)"));
    assert_non_null(strstr(text, "(a,3)"));
}

static int remove_twice(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    struct sl_field none = sl_nil();
    assert_true(sl_state_update(call, &none) < 0);
    assert_int_equal(sl_state_update(call, &argv[1]), 0);
    assert_int_equal(sl_state_remove(call), 0);
    assert_false(sl_state_exists(call));
    assert_true(sl_state_update(call, &argv[1]) < 0);
    assert_true(sl_state_remove(call) < 0);
    return sl_return(call, &argv[1], 1);
}

static void test_state_of_a_function_in_c_cannot_change_after_its_removal(void **state)
{
    char text[1024];
    map_pairs(remove_twice, text, sizeof text);
    assert_non_null(strstr(text, "\n1\n"));
    assert_non_null(strstr(text, "\n2\n"));
}

/* ---- foreachRDD ---- */

struct sums {
    int64_t times, values;
    uint64_t records;
};

static int sum_records(void *user, int64_t time_ms, struct sl_rdd *rdd)
{
    struct sums *sums = user;
    const struct sl_field *fields;
    uint32_t width;
    sums->times += time_ms;
    sums->records += sl_rdd_count(rdd);
    while (sl_rdd_next(rdd, &fields, &width) > 0) {
        assert_int_equal(width, 2);
        sums->values += fields[1].integer;
    }
    return 0;
}

static void test_dataset_of_each_batch_is_given_to_a_function_in_c(void **state)
{
    struct sums sums = {0};
    struct sl_stream *pairs = new_pairs();
    struct sl_context *ssc = sl_stream_context(pairs);
    sl_output(pairs, "foreachRDD", SL_FN_ARG(sl_rdd_function_new(ssc, sum_records, &sums)));
    assert_int_equal(run(ssc, NULL), 0);
    assert_int_equal(sums.times, 3000);
    assert_int_equal(sums.records, 2);
    assert_int_equal(sums.values, 3);
    sl_context_free(ssc);
}

static int fail_batch(void *user, int64_t time_ms, struct sl_rdd *rdd)
{
    return sl_rdd_fail(rdd, "no luck");
}

static void test_function_in_c_that_fails_fails_the_batch(void **state)
{
    struct sl_stream *pairs = new_pairs();
    struct sl_context *ssc = sl_stream_context(pairs);
    sl_output(pairs, "foreachRDD", SL_FN_ARG(sl_rdd_function_new(ssc, fail_batch, NULL)));
    assert_int_equal(run(ssc, NULL), SL_EFAIL);
    assert_non_null(strstr(sl_context_error(ssc), "test_user_function.c:"));
    assert_non_null(strstr(sl_context_error(ssc), "foreachRDD: no luck"));
    sl_context_free(ssc);
}

static void test_function_over_records_is_none_for_datasets(void **state)
{
    struct sl_stream *pairs = new_pairs();
    struct sl_context *ssc = sl_stream_context(pairs);
    assert_int_equal(sl_output(pairs, "foreachRDD", SL_FN_ARG(sl_function_new(ssc, add, NULL))), SL_EUSAGE);
    assert_non_null(strstr(sl_context_error(ssc), "sl_rdd_function_new"));
    sl_context_free(ssc);
}

/* ---- event time ---- */

static int give_time(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    const struct sl_field ms = sl_integer(argv[1].integer * 1500);
    return sl_return(call, &ms, 1);
}

static int show_time(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    int64_t ms = -1;
    bool has_time = sl_event_time(call, &ms);
    assert_true(has_time || ms == -1);
    const struct sl_field row[2] = {argv[0], has_time ? sl_integer(ms) : sl_nil()};
    return sl_return(call, row, 2);
}

static void test_function_in_c_sees_the_event_time_of_its_record(void **state)
{
    struct sl_stream *pairs = new_pairs();
    struct sl_context *ssc = sl_stream_context(pairs);
    struct sl_stream *timed =
        sl_apply(pairs, "withWatermark", SL_FN_ARG(sl_function_new(ssc, give_time, NULL)), SL_STR_ARG("0s"));
    struct sl_stream *given[2] = {pairs, timed};
    char text[1024];
    FILE *out = tmpfile();
    assert_non_null(out);
    for (int i = 0; i < 2; i++)
        sl_output_args(sl_apply(given[i], "map", SL_FN_ARG(sl_function_new(ssc, show_time, NULL))), "print",
                       NULL, 0);
    if (run(ssc, out))
        fail_msg("%s", sl_context_error(ssc));
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = 0;
    fclose(out);
    assert_non_null(strstr(text, "(a,null)"));
    assert_non_null(strstr(text, "(a,1500)"));
    assert_non_null(strstr(text, "(a,3000)"));
    sl_context_free(ssc);
}

/* ---- statuses that a function returns ---- */

enum { STATUSES = 8 };

/* Statuses that are neither 0 nor what the library gave, and messages that are not passed on; `user` counts the calls. */
static int odd_status(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    const int returned[] = {-1, 1, SL_EUSAGE, SL_ESTOP, SL_ESTRICT, -101};
    int at = (*(int *)user)++ % STATUSES;
    if (at < 6)
        return returned[at];
    sl_reject(call, "rejected");
    return at == 6 ? 0 : sl_return(call, argv, argc);
}

struct asides {
    int odd, rejected;
};

static void count_asides(void *arg, enum sl_log_level level, const char *text)
{
    struct asides *asides = arg;
    asides->odd += strstr(text, "set aside") && strstr(text, "it may return 0 or what sl_reject gave");
    asides->rejected += strstr(text, "set aside") && strstr(text, "\"rejected\"");
}

static void assert_sets_aside(const char *op)
{
    struct asides asides = {0};
    int calls = 0;
    struct sl_field records[STATUSES];
    for (int i = 0; i < STATUSES; i++)
        records[i] = sl_integer(i);
    const struct sl_field batch = sl_list(records, STATUSES);
    struct sl_context *ssc = sl_context_new("test", ".");
    sl_context_on_log(ssc, count_asides, &asides);
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    sl_context_set(ssc, "checkpoint", SL_BOOL_ARG(false));
    sl_context_set(ssc, "workers", SL_INT_ARG(1));
    sl_context_set(ssc, "maxErrorRate", SL_NUM_ARG(1));
    struct sl_stream *s = sl_source(ssc, "queueStream", sl_value_arg(sl_list(&batch, 1)));
    FILE *out = tmpfile();
    sl_output(sl_apply(s, op, SL_FN_ARG(sl_function_new(ssc, odd_status, &calls))), "print");
    assert_int_equal(run(ssc, out), 0);
    assert_int_equal(asides.odd, STATUSES - 2);
    assert_int_equal(asides.rejected, 2);
    assert_int_equal(ftell(out), 0);
    fclose(out);
    sl_context_free(ssc);
}

static void test_status_that_is_none_sets_the_record_aside(void **state)
{
    static const char *const ops[] = {"map", "flatMap", "filter", "keyBy", "sortBy", "peek"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        assert_sets_aside(ops[i]);
}

/* ---- what a function returns that no Lua function could ---- */

enum { DEEP = 100 };

static struct sl_field deep_list(struct sl_field levels[DEEP])
{
    levels[DEEP - 1] = sl_integer(1);
    for (int i = DEEP - 2; i >= 0; i--)
        levels[i] = sl_list(&levels[i + 1], 1);
    return levels[0];
}

/* One of them for each call; `user` counts. The last is a map as it should be, out of order. */
static int odd_values(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    const struct sl_field number_key[2] = {sl_integer(1), sl_integer(2)};
    const struct sl_field twice[4] = {sl_text("a"), sl_integer(2), sl_text("a"), sl_integer(4)};
    const struct sl_field unsorted[4] = {sl_text("b"), sl_integer(2), sl_text("a"), sl_integer(3)};
    struct sl_field levels[DEEP], circle = sl_list(&circle, 1), unknown = sl_nil();
    unknown.tag = 200;
    const struct sl_field values[] = {
        sl_map(number_key, 1), sl_map(twice, 2), deep_list(levels), circle, unknown, sl_map(unsorted, 2)};
    int *at = user;
    int r = sl_return(call, &values[(*at)++], 1);
    assert_int_equal(r < 0, *at < 6);
    return argc && argv ? 0 : r; /* a program may forget to pass it on */
}

static void test_values_of_a_function_in_c_are_checked(void **state)
{
    struct sl_field records[6], batch;
    for (int i = 0; i < 6; i++)
        records[i] = sl_integer(i);
    batch = sl_list(records, 6);
    struct sl_context *ssc = sl_context_new("test", ".");
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    sl_context_set(ssc, "checkpoint", SL_BOOL_ARG(false));
    sl_context_set(ssc, "workers", SL_INT_ARG(1));
    sl_context_set(ssc, "maxErrorRate", SL_NUM_ARG(1));
    struct sl_stream *s = sl_source(ssc, "queueStream", sl_value_arg(sl_list(&batch, 1)));
    FILE *out = tmpfile();
    int calls = 0;
    sl_output(sl_apply(s, "map", SL_FN_ARG(sl_function_new(ssc, odd_values, &calls))), "pprint");
    assert_int_equal(run(ssc, out), 0);
    char text[1024] = "";
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = 0;
    assert_int_equal(calls, 6);
    assert_non_null(strstr(text, "\n{'a': 3, 'b': 2}\n"));
    assert_null(strstr(text, "[["));
    assert_null(strstr(text, "{1"));
    assert_null(strstr(text, "4"));
    fclose(out);
    sl_context_free(ssc);
}

static void test_values_that_are_no_arguments_are_refused(void **state)
{
    struct sl_field circle = sl_list(&circle, 1);
    struct sl_context *ssc = sl_context_new("test", ".");
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    assert_null(sl_source(ssc, "queueStream", sl_value_arg(circle)));
    assert_non_null(strstr(sl_context_error(ssc), "nested more than 64 deep"));
    sl_context_free(ssc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_of_a_function_in_c_is_kept),
        cmocka_unit_test(test_state_of_a_function_in_c_cannot_change_after_its_removal),
        cmocka_unit_test(test_dataset_of_each_batch_is_given_to_a_function_in_c),
        cmocka_unit_test(test_function_in_c_that_fails_fails_the_batch),
        cmocka_unit_test(test_function_over_records_is_none_for_datasets),
        cmocka_unit_test(test_function_in_c_sees_the_event_time_of_its_record),
        cmocka_unit_test(test_status_that_is_none_sets_the_record_aside),
        cmocka_unit_test(test_values_of_a_function_in_c_are_checked),
        cmocka_unit_test(test_values_that_are_no_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
