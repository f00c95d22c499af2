/* Groups of exact reducers in tables that all workers share: the same as those of one worker. */
#include "tests/unit/ops/aggregate_bench.h"

enum { MOST = 100000 }; /* so that one of the most workers has 17,000 rows */

static char most_words[MOST][8];

static int setup_most(void **state)
{
    for (unsigned i = 0; i < MOST; i++)
        snprintf(most_words[i], sizeof most_words[i], "%07u", i);
    return 0;
}

/* Both halves have the same keys, and those that are floats in one are integers in the other. */
static struct sl_field most_key(uint32_t number)
{
    static const struct sl_field map = {.tag = SL_MAP};
    uint32_t key = number * 7919 % MOST;
    if (key % 3 == 0)
        return number < MOST ? F(key) : I(key);
    if (key % 3 == 1)
        return sl_string(most_words[key], strlen(most_words[key]));
    return key % 50 == 0 ? map : I(-(int64_t)key);
}

/* Hardly a key comes twice soon. Some values are refused, some keys are, and some sums are too large. */
static void most_row(uint32_t number, struct sl_field *fields)
{
    uint32_t key = number * 7919 % MOST;
    fields[0] = most_key(number);
    fields[1] = key % 1000 == 1 ? S("no number") : key % 1000 == 2 ? I(INT64_MAX) : I(number);
}

static void check_sharing(struct job *job, const char *name, enum sl_key_of key_of, enum sl_result_form shape)
{
    struct sl_function *fn = make(name, 0, NULL);
    check_seeds(job, name, fn->reducer, key_of, shape, 1);
    assert_true(job->has_shared);
    fn->ops->free(fn);
}

static void test_shared_tables_give_the_same_for_any_number_of_workers(void **state)
{
    struct job job = {.rows = 2 * MOST, .width = 2, .row = most_row};
    check_sharing(&job, "sum", SL_KEY_FIELD, SL_FORM_PAIR);
    check_sharing(&job, "count", SL_KEY_RECORD, SL_FORM_KEY);
}

/* Other keys at first, then always the same. */
static void hot_row(uint32_t number, struct sl_field *fields)
{
    fields[0] = number < 30000 ? I(number) : I(7);
    fields[1] = I(number);
}

static void test_a_key_of_most_rows_is_combined_beside_shared_tables(void **state)
{
    struct job job = {.rows = 100000, .width = 2, .row = hot_row};
    struct sl_function *sum = make("sum", 0, NULL);
    check_seeds(&job, "sum", sum->reducer, SL_KEY_FIELD, SL_FORM_PAIR, 1);
    sum->ops->free(sum);
}

static void few_keys_row(uint32_t number, struct sl_field *fields)
{
    fields[0] = I(number / 20);
    fields[1] = I(1);
}

static void test_a_table_with_several_rows_for_each_group_is_not_shared(void **state)
{
    struct job job = {.rows = 400000, .width = 2, .row = few_keys_row};
    struct sl_function *count = make("count", 0, NULL);
    struct sl_buf text;
    run_job(&job, count->reducer, SL_KEY_FIELD, SL_FORM_PAIR, 2, 1, &text);
    assert_memory_equal(text.bytes, "0,20\n1,20\n2,20\n", 15);
    assert_false(job.has_shared);
    sl_buf_done(&text);
    count->ops->free(count);
}

/* Rows [from, end), each with a key of its own. */
static void push_keys(struct sl_aggregate *aggregate, struct sl_lane *lane, uint32_t from, uint32_t end)
{
    static struct sl_field key[SL_CHUNK_ROWS], value[SL_CHUNK_ROWS];
    while (from < end) {
        struct sl_chunk chunk = {.width = 2, .column = {key, value}};
        for (; from < end && chunk.rows < SL_CHUNK_ROWS; from++, chunk.rows++) {
            key[chunk.rows] = I(from);
            value[chunk.rows] = I(1);
        }
        assert_int_equal(sl_aggregate_push(aggregate, lane, &chunk), 0);
        sl_arena_reset(lane->task->scratch);
    }
}

static void lock_all(struct sl_aggregate *aggregate, int (*act)(pthread_mutex_t *))
{
    for (unsigned p = 0; p < aggregate->shared_parts; p++)
        assert_int_equal(act(&aggregate->shared[p].lock), 0);
}

static void test_rows_of_partitions_that_are_not_free_are_combined_by_the_worker(void **state)
{
    struct bench bench;
    struct sl_aggregate aggregate;
    struct sl_sorted_groups *groups;
    struct sl_function *count = make("count", 0, NULL);
    bench_init(&bench, 2, 1);
    assert_int_equal(sl_aggregate_init(&aggregate, &bench.stage, count->reducer, SL_KEY_FIELD), 0);
    struct sl_lane lane = {.task = &bench.task[0]};
    assert_int_equal(sl_aggregate_lane_open(&aggregate, &lane), 0);
    push_keys(&aggregate, &lane, 0, 30000);
    assert_non_null(aggregate.shared);
    assert_int_equal(aggregate.own[0].table.used, 0);
    lock_all(&aggregate, pthread_mutex_lock);
    push_keys(&aggregate, &lane, 20000, 34000);
    assert_int_equal(aggregate.own[0].table.used, 14000);
    lock_all(&aggregate, pthread_mutex_unlock);
    push_keys(&aggregate, &lane, 34000, 35000);
    assert_int_equal(aggregate.own[0].table.used, 14000);
    assert_int_equal(sl_aggregate_finish(&aggregate, &groups), 0);
    assert_int_equal(groups->count, 35000);
    for (size_t i = 0; i < groups->count; i++) {
        struct sl_field value;
        assert_int_equal(
            count->reducer->ops->finish(count->reducer, lane.task, &groups->entry[i].state, &value), 0);
        assert_int_equal(value.integer, i >= 20000 && i < 30000 ? 2 : 1);
    }
    sl_sorted_groups_unref(groups);
    sl_aggregate_done(&aggregate);
    bench_done(&bench);
    count->ops->free(count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_shared_tables_give_the_same_for_any_number_of_workers, setup_most),
        cmocka_unit_test(test_a_key_of_most_rows_is_combined_beside_shared_tables),
        cmocka_unit_test(test_a_table_with_several_rows_for_each_group_is_not_shared),
        cmocka_unit_test(test_rows_of_partitions_that_are_not_free_are_combined_by_the_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
