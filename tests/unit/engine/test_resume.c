/* Whole small jobs that are run again: by other workers, after another run, after a batch that failed. */
#include "tests/unit/engine/small_run.h"

static const unsigned worker_counts[] = {1, 2, 7};

/* ---- the same for any number of workers ---- */

/* Words with repeats; every hundredth or so is refused by the function. */
static int first_letters(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    if (argv[0].integer % 101 == 10)
        return sl_reject(call, "refused here");
    struct sl_field row[] = {sl_integer(argv[0].integer % 97), argv[0]};
    return sl_return(call, row, 2);
}

static int bracket(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    struct sl_field result =
        sl_integer((argv[0].integer * 31 + argv[1].integer) % 1000003); /* not associative */
    return argv[0].integer % 307 == 12 ? 0 : sl_return(call, &result, 1);
}

static void run_big_job(unsigned workers)
{
    enum { RECORDS = 20000 };
    static struct sl_field records[RECORDS];
    for (int i = 0; i < RECORDS; i++)
        records[i] = sl_integer(i * 7919LL % RECORDS);
    const struct sl_option options[] = {{"partitions", SL_INT_ARG(64)}};
    struct sl_field batch = sl_list(records, RECORDS);
    const struct sl_arg argv[] = {VALUE_ARG(sl_list(&batch, 1)),
                                  {.kind = SL_ARG_OPTIONS, .count = 1, .options = options}};
    struct sl_context *ssc = job_new(&place);
    sl_context_set(ssc, "workers", SL_INT_ARG(workers));
    sl_context_set(ssc, "checkpoint", SL_STR_ARG("ck"));
    sl_context_at(ssc, "job.c", 1);
    struct sl_stream *pairs = apply(sl_source_args(ssc, "queueStream", argv, 2), "map", first_letters, NULL);
    save(apply(pairs, "reduceByKey", bracket, NULL));
    assert_runs(ssc, 1);
    sl_context_free(ssc);
}

static void test_results_and_dead_letters_do_not_depend_on_the_workers(void **state)
{
    char *expected[2] = {NULL, NULL};
    for (size_t i = 0; i < 6; i++) {
        struct sl_error err;
        char *text[2];
        size_t len;
        run_big_job(worker_counts[i % 3]);
        text[0] = part("out/r-1000");
        assert_non_null(text[0]);
        assert_int_equal(sl_io_read_file(&sl_io_system, place.fd, "ck/deadletter/1000.jsonl", 1 << 24,
                                         &text[1], &len, &err),
                         0);
        for (int k = 0; k < 2; k++) {
            if (expected[k] && strcmp(text[k], expected[k]) != 0)
                fail_msg("%u workers: %s\nnot\n%s", worker_counts[i % 3], text[k], expected[k]);
            free(expected[k]);
            expected[k] = text[k];
        }
        forget("out");
        forget("ck");
    }
    assert_non_null(strstr(expected[1], "refused here"));
    assert_non_null(strstr(expected[1], "returned nothing"));
    free(expected[0]);
    free(expected[1]);
}

/* ---- with a checkpoint ---- */

static struct sl_context *durable_job(void)
{
    struct sl_context *ssc = job_new(&place);
    sl_context_set(ssc, "checkpoint", SL_STR_ARG("ck"));
    sl_context_at(ssc, "job.c", 1);
    save(queue(ssc, LIST(LIST(TEXT("a")), LIST(TEXT("b")), LIST(TEXT("c")), LIST(TEXT("d")))));
    return ssc;
}

static void test_a_run_goes_on_where_the_last_one_ended(void **state)
{
    static const char *const expected[][2] = {
        {"out/r-1000", "a\n"}, {"out/r-2000", "b\n"}, {"out/r-3000", "c\n"}, {"out/r-4000", "d\n"}};
    for (int i = 0; i < 4; i++) {
        struct sl_context *ssc = durable_job();
        assert_runs(ssc, 1);
        sl_context_free(ssc);
        for (int k = 0; k < 4; k++)
            assert_part(expected[k][0], k <= i ? expected[k][1] : NULL);
    }
}

static void test_a_planned_batch_is_redone_with_the_same_records(void **state)
{
    struct sl_context *ssc = durable_job();
    assert_runs(ssc, 1);
    sl_context_free(ssc);
    place_make_dir(&place, "out/r-2000"); /* a stranger's: the batch fails after its plan */
    ssc = durable_job();
    assert_fails(ssc, 1, "r-2000");
    sl_context_free(ssc);
    forget("out/r-2000");
    ssc = durable_job();
    assert_runs(ssc, 2);
    sl_context_free(ssc);
    assert_part("out/r-1000", "a\n");
    assert_part("out/r-2000", "b\n");
    assert_part("out/r-3000", "c\n");
    assert_part("out/r-4000", NULL);
}

static void test_a_changed_interval_goes_on_at_its_own_multiples(void **state)
{
    static const struct {
        const char *interval, *dir, *expected;
    } runs[] = {{"300ms", "out/r-300", "a\n"}, {"1s", "out/r-1000", "b\n"}, {"700ms", "out/r-1400", "c\n"}};
    for (int i = 0; i < 3; i++) {
        struct sl_context *ssc = sl_context_new("job", place.path);
        sl_context_set(ssc, "interval", SL_STR_ARG(runs[i].interval));
        sl_context_set(ssc, "checkpoint", SL_STR_ARG("ck"));
        sl_context_at(ssc, "job.c", 1);
        save(queue(ssc, LIST(LIST(TEXT("a")), LIST(TEXT("b")), LIST(TEXT("c")))));
        assert_runs(ssc, 1);
        assert_part(runs[i].dir, runs[i].expected);
        sl_context_free(ssc);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_results_and_dead_letters_do_not_depend_on_the_workers),
        TEST(test_a_run_goes_on_where_the_last_one_ended),
        TEST(test_a_planned_batch_is_redone_with_the_same_records),
        TEST(test_a_changed_interval_goes_on_at_its_own_multiples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
