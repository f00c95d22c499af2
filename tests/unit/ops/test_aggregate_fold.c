/* Folding a table of groups into another. */
#include "ops/group/aggregate_internal.h"

#include "tests/unit/ops/harness.h"

#include <time.h>

static void fill_table(struct sl_table *table, uint32_t count, uint32_t salt)
{
    sl_table_init(table, 1);
    assert_int_equal(sl_table_reserve(table, count), 0);
    for (uint32_t i = 0; i < count; i++) {
        struct sl_field key = I(((int64_t)salt << 32) + i);
        uint32_t hash = (i + salt) * 2654435761u;
        assert_int_equal(sl_table_take(table, sl_table_slot(table, hash, &key), hash, &key, 0), 0);
    }
}

/* Processor time of folding these many groups into those many others. */
static double fold_seconds(struct sl_stage *stage, const struct sl_reducer *reducer, uint32_t from_count,
                           uint32_t to_count)
{
    struct sl_aggregate aggregate;
    struct sl_table from, to;
    assert_int_equal(sl_aggregate_init(&aggregate, stage, reducer, SL_KEY_FIELD), 0);
    fill_table(&from, from_count, 1);
    fill_table(&to, to_count, 1000000);
    struct sl_fold fold = {&aggregate, &stage->tasks[0], &to, &from, 0, 1, true};
    clock_t begun = clock();
    assert_int_equal(sl_aggregate_fold(&fold), 0);
    double seconds = (double)(clock() - begun) / CLOCKS_PER_SEC;
    assert_int_equal(to.used, from_count + to_count);
    sl_table_done(&from);
    sl_table_done(&to);
    sl_aggregate_done(&aggregate);
    return seconds;
}

/* Groups come out of a table in the order of slots: they must not crowd one that was made for fewer. */
static void test_many_groups_fold_into_few(void **state)
{
    struct sl_error err = {0};
    struct sl_arena scratch = {0};
    struct sl_task task = {.scratch = &scratch, .seed = 1};
    struct sl_pool *pool = sl_pool_new(1, &err);
    assert_non_null(pool);
    struct sl_stage stage = {.pool = pool, .tasks = &task, .err = &err};
    struct sl_function *sum = make("sum", 0, NULL);
    double few_into_many = fold_seconds(&stage, sum->reducer, 10000, 400000);
    double many_into_few = fold_seconds(&stage, sum->reducer, 400000, 10000);
    if (many_into_few > 1 + 100 * few_into_many)
        fail_msg("400,000 groups into 10,000 took %.2f s, 10,000 into 400,000 %.4f s", many_into_few,
                 few_into_many);
    sum->ops->free(sum);
    sl_pool_free(pool);
    sl_arena_done(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_groups_fold_into_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
