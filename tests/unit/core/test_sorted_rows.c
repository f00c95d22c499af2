/* Keyed rows against a plain array: whatever is added, removed and merged, each revision shows what its model
 * had, also when it is read late, or by several threads. */
#include "core/rows/sorted_rows.h"

#include "core/base/error.h"
#include "core/base/pool.h"
#include "tests/unit/core/random.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { KEYS = 500, ROUNDS = 300 };

/* What the model has under each key; 0: nothing. */
struct model {
    int64_t value[KEYS];
    uint64_t count;
};

static struct sl_field key_field(struct sl_arena *arena, unsigned key)
{
    char text[32];
    int len = snprintf(text, sizeof text, "key-%05u", key);
    return sl_string(sl_arena_copy(arena, text, (size_t)len), (size_t)len);
}

/* Sets the keys that `chosen` says; the value 0 removes. */
static struct sl_rows *change(struct model *model, const bool *chosen, const int64_t *value)
{
    struct sl_rows *rows = sl_rows_new();
    assert_non_null(rows);
    for (unsigned key = 0; key < KEYS; key++) {
        if (!chosen[key])
            continue;
        struct sl_field row[2] = {key_field(&rows->arena, key), sl_integer(value[key])};
        assert_int_equal(sl_rows_append_row(rows, row, value[key] ? 2 : 1), 0);
        model->count = model->count + !!value[key] - !!model->value[key];
        model->value[key] = value[key];
    }
    return rows;
}

static struct sl_rows *change_some(struct chance *chance, struct model *model, unsigned share)
{
    bool chosen[KEYS];
    int64_t value[KEYS];
    for (unsigned key = 0; key < KEYS; key++) {
        chosen[key] = chance_below(chance, 100) < share;
        value[key] = chance_below(chance, 3) ? (int64_t)chance_below(chance, 1000000) + 1 : 0;
    }
    return change(model, chosen, value);
}

static void check(struct sl_dataset *dataset, const struct model *model)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    struct sl_arena arena;
    uint32_t width;
    sl_arena_init(&arena);
    assert_int_equal(dataset->count, model->count);
    assert_int_equal(sl_dataset_resolve(dataset, NULL), 0);
    assert_int_equal(dataset->count, model->count);
    sl_cursor_init(&cursor, dataset);
    for (unsigned key = 0; key < KEYS; key++) {
        if (!model->value[key])
            continue;
        struct sl_field expected = key_field(&arena, key);
        assert_true(sl_cursor_next(&cursor, fields, &width));
        assert_int_equal(width, 2);
        assert_true(sl_field_equals(&fields[0], &expected));
        assert_int_equal(fields[1].integer, model->value[key]);
    }
    assert_false(sl_cursor_next(&cursor, fields, &width));
    sl_arena_done(&arena);
}

static void test_every_revision_shows_what_was_there(void **state)
{
    struct sl_sorted_rows keyed = {0};
    struct model model = {0};
    struct chance chance = chance_new();
    for (int round = 0; round < ROUNDS; round++) {
        struct sl_rows *changes = change_some(&chance, &model, round % 7 == 0 ? 60 : 2);
        assert_int_equal(sl_sorted_rows_add(&keyed, NULL, changes, model.count), 0);
        if (chance_below(&chance, 3) == 0)
            check(keyed.newest, &model);
    }
    check(keyed.newest, &model);
    sl_sorted_rows_done(&keyed);
}

static void test_old_revisions_stay_what_they_were(void **state)
{
    static struct model model[ROUNDS];
    struct sl_dataset *kept[ROUNDS];
    struct sl_sorted_rows keyed = {0};
    struct model now = {0};
    struct chance chance = chance_new();
    for (int round = 0; round < ROUNDS; round++) {
        struct sl_rows *changes = change_some(&chance, &now, 5);
        assert_int_equal(sl_sorted_rows_add(&keyed, NULL, changes, now.count), 0);
        kept[round] = sl_dataset_ref(keyed.newest);
        model[round] = now;
        if (round % 10 == 0)
            check(kept[round], &now);
    }
    sl_sorted_rows_done(&keyed);
    for (int round = ROUNDS; round-- > 0;) {
        check(kept[round], &model[round]);
        sl_dataset_unref(kept[round]);
    }
}

static void test_a_revision_says_what_changed(void **state)
{
    struct sl_sorted_rows keyed = {0};
    struct model model = {0};
    struct chance chance = chance_new();
    for (uint64_t round = 1; round < 20; round++) {
        struct sl_rows *changes = change_some(&chance, &model, 10);
        uint64_t changed = changes->count;
        assert_int_equal(sl_sorted_rows_add(&keyed, NULL, changes, model.count), 0);
        assert_ptr_equal(keyed.newest->revision.of, &keyed);
        assert_int_equal(keyed.newest->revision.number, round);
        assert_int_equal(keyed.newest->revision.changes->count, changed);
    }
    sl_sorted_rows_done(&keyed);
}

static void test_everything_may_go_and_come_again(void **state)
{
    struct sl_sorted_rows keyed = {0};
    struct model model = {0};
    bool all[KEYS];
    int64_t value[KEYS];
    memset(all, true, sizeof all);
    for (int round = 0; round < 6; round++) {
        for (unsigned key = 0; key < KEYS; key++)
            value[key] = round % 2 ? (int64_t)key + round : 0; /* the first round removes what never was */
        struct sl_rows *changes = change(&model, all, value);
        assert_int_equal(sl_sorted_rows_add(&keyed, NULL, changes, model.count), 0);
        check(keyed.newest, &model);
    }
    sl_sorted_rows_done(&keyed);
}

static void test_runs_stay_few(void **state)
{
    struct sl_sorted_rows keyed = {0};
    struct model model = {0};
    bool chosen[KEYS];
    int64_t value[KEYS];
    for (unsigned round = 0; round < 4 * KEYS; round++) {
        memset(chosen, false, sizeof chosen);
        chosen[round * 7 % KEYS] = true;
        value[round * 7 % KEYS] = round + 1;
        struct sl_rows *changes = change(&model, chosen, value);
        assert_int_equal(sl_sorted_rows_add(&keyed, NULL, changes, model.count), 0);
        assert_in_range(keyed.runs, 1, 10); /* 2^9 > KEYS */
    }
    check(keyed.newest, &model);
    sl_sorted_rows_done(&keyed);
}

/* Large runs are merged in pieces. */
static void test_a_pool_gives_the_same_rows(void **state)
{
    enum { MANY = 60000 };
    struct chance chance = chance_new();
    struct sl_error err;
    struct sl_pool *pool = sl_pool_new(3, &err);
    struct sl_sorted_rows alone = {0}, helped = {0};
    static bool there[MANY];
    uint64_t count = 0;
    assert_non_null(pool);
    for (int round = 0; round < 12; round++) {
        struct sl_rows *changes = sl_rows_new();
        size_t share = round % 3 == 0 ? 2 : 500;
        for (int64_t key = 0; key < MANY; key++) {
            if (chance_below(&chance, 500) >= share)
                continue;
            struct sl_field row[2] = {sl_integer(key), sl_integer(round)};
            bool goes = chance_below(&chance, 4) == 0;
            assert_int_equal(sl_rows_append_row(changes, row, goes ? 1 : 2), 0);
            count = count + !goes - there[key];
            there[key] = !goes;
        }
        assert_int_equal(sl_sorted_rows_add(&alone, NULL, sl_rows_ref(changes), count), 0);
        assert_int_equal(sl_sorted_rows_add(&helped, pool, changes, count), 0);
        assert_int_equal(sl_dataset_resolve(alone.newest, NULL), 0);
        assert_int_equal(sl_dataset_resolve(helped.newest, pool), 0);
        struct sl_cursor a, b;
        struct sl_field x[SL_WIDTH_MAX], y[SL_WIDTH_MAX];
        uint32_t width;
        sl_cursor_init(&a, alone.newest);
        sl_cursor_init(&b, helped.newest);
        for (int64_t key = 0; key < MANY; key++) {
            if (!there[key])
                continue;
            assert_true(sl_cursor_next(&a, x, &width) && sl_cursor_next(&b, y, &width));
            assert_true(x[0].integer == key && y[0].integer == key && x[1].integer == y[1].integer);
        }
        assert_false(sl_cursor_next(&a, x, &width) || sl_cursor_next(&b, y, &width));
    }
    sl_sorted_rows_done(&alone);
    sl_sorted_rows_done(&helped);
    sl_pool_free(pool);
}

/* Others look at the count while the rows are made. */
static void *resolve(void *arg)
{
    struct sl_dataset *dataset = arg;
    assert_true(dataset->count > 0);
    assert_int_equal(sl_dataset_resolve(dataset, NULL), 0);
    return NULL;
}

static void test_several_threads_may_read_first(void **state)
{
    struct sl_sorted_rows keyed = {0};
    struct model model = {0};
    pthread_t thread[4];
    struct chance chance = chance_new();
    for (int round = 0; round < 50; round++) {
        struct sl_rows *changes = change_some(&chance, &model, 10);
        assert_int_equal(sl_sorted_rows_add(&keyed, NULL, changes, model.count), 0);
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, resolve, keyed.newest), 0);
        for (int i = 0; i < 4; i++)
            pthread_join(thread[i], NULL);
        check(keyed.newest, &model);
    }
    sl_sorted_rows_done(&keyed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_revision_shows_what_was_there),
        cmocka_unit_test(test_old_revisions_stay_what_they_were),
        cmocka_unit_test(test_a_revision_says_what_changed),
        cmocka_unit_test(test_everything_may_go_and_come_again),
        cmocka_unit_test(test_runs_stay_few),
        cmocka_unit_test(test_a_pool_gives_the_same_rows),
        cmocka_unit_test(test_several_threads_may_read_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
