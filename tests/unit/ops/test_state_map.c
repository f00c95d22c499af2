/* The state of mapWithState in parts, and calls dealt to them in rounds: against a plain array of cells, and
 * against calls made one after the other. */
#include "harness.h"
#include "ops/state/keyed_calls.h"
#include "ops/state/state_map.h"

enum { WORKERS = 3, KEYS = 20000, STEPS = 60000 };

struct stand {
    struct harness h;
    struct sl_task task[WORKERS];
    struct sl_arena scratch[WORKERS];
    struct sl_stage stage;
};

static void stand_init(struct stand *stand)
{
    harness_init(&stand->h);
    for (unsigned w = 0; w < WORKERS; w++) {
        sl_arena_init(&stand->scratch[w]);
        stand->task[w] = stand->h.task;
        stand->task[w].worker = w;
        stand->task[w].scratch = &stand->scratch[w];
    }
    stand->stage = (struct sl_stage){
        .pool = sl_pool_new(WORKERS, &stand->h.err), .tasks = stand->task, .err = &stand->h.err};
    assert_non_null(stand->stage.pool);
}

static void stand_done(struct stand *stand)
{
    sl_pool_free(stand->stage.pool);
    for (unsigned w = 0; w < WORKERS; w++)
        sl_arena_done(&stand->scratch[w]);
    harness_done(&stand->h);
}

/* Keys whose order is not that of their numbers. */
static struct sl_field key_of(unsigned i, char text[32])
{
    int len = snprintf(text, 32, "key %u", i * 7919 % KEYS);
    return i % 2 ? sl_integer(i) : sl_string(text, (size_t)len);
}

struct model {
    bool exists, dirty;
    int64_t value, seen;
};

static struct sl_state_entry *find(struct sl_state_map *parts, const struct sl_field *key,
                                   struct sl_state_shard **ret)
{
    uint64_t hash = sl_field_hash(key, 7);
    *ret = &parts->part[sl_state_map_number(hash)];
    struct sl_state_entry *cell = sl_state_shard_find(*ret, key, (uint32_t)hash);
    assert_non_null(cell);
    return cell;
}

/* A record of key i at time t: it gets a state, or loses it. */
static void change(struct sl_state_map *parts, struct model *model, unsigned i, int64_t t)
{
    char text[32];
    struct sl_field key = key_of(i, text), value = sl_integer((int64_t)i * 1000 + t);
    struct sl_state_shard *cells;
    struct sl_state_entry *cell = find(parts, &key, &cells);
    bool removes = (i + (unsigned)t) % 5 == 0;
    assert_int_equal(cell->exists, model[i].exists);
    assert_int_equal(removes ? sl_state_shard_remove(cells, cell) : sl_state_shard_put(cells, cell, &value),
                     0);
    assert_int_equal(sl_state_shard_touch(cells, cell, t, true), 0);
    model[i] = (struct model){!removes, true, value.integer, t};
}

static unsigned number_of(const struct sl_field *key)
{
    char text[32];
    if (key->tag == SL_INT)
        return (unsigned)key->integer;
    for (unsigned i = 0; i < KEYS; i += 2) {
        struct sl_field other = key_of(i, text);
        if (sl_field_equals(key, &other))
            return i;
    }
    fail_msg("a key that was never put");
    return 0;
}

static void check_order(const struct sl_cell_list *found)
{
    for (size_t i = 1; i < found->count; i++)
        assert_true(sl_field_compare(&found->entry[i - 1].key, &found->entry[i].key) < 0);
}

static void check_changed(const struct sl_state_map *parts, struct model *model)
{
    size_t dirty = 0;
    check_order(&parts->changed);
    for (unsigned i = 0; i < KEYS; i++)
        dirty += model[i].dirty;
    assert_int_equal(parts->changed.count, dirty);
    for (size_t i = 0; i < parts->changed.count; i += 97) {
        const struct sl_state_entry *cell = parts->changed.entry[i].state.pointer;
        const struct model *wanted = &model[number_of(&cell->key)];
        assert_true(wanted->dirty && wanted->exists == cell->exists);
        assert_true(!cell->exists || (cell->value.integer == wanted->value && cell->seen_ms == wanted->seen));
    }
    for (unsigned i = 0; i < KEYS; i++)
        model[i].dirty = false;
}

static void check_all(const struct sl_state_map *parts, struct stand *stand, const struct model *model)
{
    size_t living = 0;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_rows *rows;
    struct sl_cursor cursor;
    uint32_t width;
    for (unsigned i = 0; i < KEYS; i++)
        living += model[i].exists;
    assert_int_equal(sl_state_map_living(parts), living);
    assert_int_equal(sl_state_map_rows(parts, &stand->stage, &rows), 0);
    struct sl_dataset *dataset = sl_dataset_of(rows);
    assert_int_equal(dataset->count, living);
    sl_cursor_init(&cursor, dataset);
    for (struct sl_field last = sl_nil(); sl_cursor_next(&cursor, row, &width); last = row[0]) {
        assert_int_equal(width, 2);
        assert_true(sl_field_compare(&last, &row[0]) < 0);
    }
    sl_dataset_unref(dataset);
}

static void take_idle(struct sl_state_map *parts, struct stand *stand, struct model *model, int64_t t)
{
    struct sl_cell_list idle;
    size_t wanted = 0;
    for (unsigned i = 0; i < KEYS; i++)
        wanted += model[i].exists && model[i].seen < t;
    assert_int_equal(sl_state_map_has_idle(parts, t), wanted > 0);
    assert_int_equal(sl_state_map_take_idle(parts, &stand->stage, t, &idle), 0);
    assert_int_equal(idle.count, wanted);
    check_order(&idle);
    for (size_t i = 0; i < idle.count; i++) {
        struct sl_state_shard *cells;
        struct sl_state_entry *cell = find(parts, &idle.entry[i].key, &cells);
        assert_int_equal(sl_state_shard_remove(cells, cell), 0);
    }
    for (unsigned i = 0; i < KEYS; i++)
        if (model[i].exists && model[i].seen < t)
            model[i].exists = false, model[i].dirty = true;
    sl_cell_list_done(&idle);
}

static void test_parts_are_one_state_through_changes_time_outs_and_compaction(void **state)
{
    struct stand stand;
    struct sl_state_map *parts = calloc(1, sizeof *parts);
    struct model *model = calloc(KEYS, sizeof *model);
    unsigned tidied = 0;
    stand_init(&stand);
    for (int64_t t = 1; t <= 20; t++) {
        unsigned keys = t < 12 ? KEYS : KEYS / 50;
        for (unsigned n = 0; n < STEPS / 20; n++)
            change(parts, model, (unsigned)((n * 104729u + t * 31) % keys), t);
        take_idle(parts, &stand, model, t - 3);
        assert_int_equal(sl_state_map_sort_changed(parts, &stand.stage), 0);
        check_changed(parts, model);
        sl_state_map_saved(parts);
        assert_int_equal(parts->changed.count, 0);
        for (unsigned p = 0; p < SL_PARTS; p++)
            tidied += sl_state_shard_is_wasteful(&parts->part[p]);
        assert_int_equal(sl_state_map_tidy(parts, &stand.stage), 0);
        for (unsigned p = 0; p < SL_PARTS; p++)
            assert_false(sl_state_shard_is_wasteful(&parts->part[p]));
        check_all(parts, &stand, model);
    }
    assert_true(tidied > SL_PARTS);
    sl_state_map_done(parts);
    free(parts);
    free(model);
    stand_done(&stand);
}

static void test_parts_are_shared_out_evenly(void **state)
{
    unsigned count[SL_PARTS] = {0};
    char text[32];
    for (unsigned i = 0; i < KEYS; i++) {
        struct sl_field key = key_of(i, text);
        count[sl_state_map_number(sl_field_hash(&key, 12345))]++;
    }
    for (unsigned p = 0; p < SL_PARTS; p++)
        assert_in_range(count[p], KEYS / SL_PARTS / 2, KEYS / SL_PARTS * 2);
}

/* ---- rounds ---- */

enum { NEVER = 1 << 30 };

struct script {
    unsigned refused_from, failing_from; /* items that are refused, or fail otherwise */
    unsigned last[500];                  /* item of each key that was called last */
    _Atomic unsigned disorders;
};

static int fill(void *arg, uint64_t from, size_t count, struct sl_keyed_calls_memory *memory,
                struct sl_keyed_call *item)
{
    for (size_t i = 0; i < count; i++) {
        item[i].key = sl_integer((int64_t)((from + i) * 7 % 500));
        item[i].value = sl_integer((int64_t)(from + i));
        item[i].hash = sl_field_hash(&item[i].key, 7);
    }
    return 0;
}

/* Every third item gives no row, every 1000th a wide one. */
static int call(void *arg, struct sl_task *task, struct sl_keyed_calls_memory *memory,
                struct sl_keyed_call *item)
{
    struct script *script = arg;
    unsigned number = (unsigned)item->value.integer, *last = &script->last[item->key.integer];
    script->disorders += task->ordinal != number || (*last && *last >= number);
    *last = number;
    item->is_refused = number >= script->refused_from;
    if (item->is_refused || number >= script->failing_from)
        return sl_error_set(task->err, SL_EFAIL, "item %u", number);
    struct sl_field *row = sl_arena_alloc(&memory->round, 3 * sizeof *row);
    assert_non_null(row);
    row[0] = item->key;
    row[1] = row[2] = item->value;
    item->row = row;
    item->width = number % 3 == 0 ? 0 : number % 1000 ? 2 : 3;
    return 0;
}

static int run(struct stand *stand, struct script *script, uint64_t count, struct sl_dataset **ret)
{
    const struct sl_keyed_calls_work work = {fill, call, NULL, script};
    struct sl_keyed_calls rounds;
    int r = sl_keyed_calls_init(&rounds, &stand->stage);
    if (r == 0)
        r = sl_keyed_calls_run(&rounds, &work, count);
    *ret = r == 0 ? sl_keyed_calls_take(&rounds) : NULL;
    sl_keyed_calls_done(&rounds);
    return r;
}

static void check_rows(const struct sl_dataset *rows, uint64_t count)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    assert_int_equal(rows->partitions, 1);
    sl_cursor_init(&cursor, rows);
    for (uint64_t i = 0; i < count; i++) {
        if (i % 3 == 0)
            continue;
        assert_true(sl_cursor_next(&cursor, row, &width));
        assert_int_equal(row[1].integer, i);
        assert_int_equal(width, i % 1000 ? 2 : 3);
    }
    assert_false(sl_cursor_next(&cursor, row, &width));
}

static void test_rows_of_rounds_are_in_the_order_of_items(void **state)
{
    static const uint64_t counts[] = {0, 1, 511, 512, 40000, 131072, 131073, 300000};
    struct stand stand;
    stand_init(&stand);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct script script = {NEVER, NEVER, {0}, 0};
        struct sl_dataset *rows;
        assert_int_equal(run(&stand, &script, counts[i], &rows), 0);
        assert_int_equal(script.disorders, 0);
        check_rows(rows, counts[i]);
        sl_dataset_unref(rows);
    }
    stand_done(&stand);
}

static void test_the_first_item_that_is_refused_is_the_failure(void **state)
{
    static const unsigned firsts[] = {0, 5, 600, 77777, 131072, 250000};
    struct stand stand;
    stand_init(&stand);
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        struct script script = {firsts[i], NEVER, {0}, 0};
        struct sl_dataset *rows;
        char wanted[32];
        snprintf(wanted, sizeof wanted, "item %u", firsts[i]);
        assert_int_equal(run(&stand, &script, 300000, &rows), SL_EFAIL);
        assert_string_equal(stand.h.err.text, wanted);
    }
    stand_done(&stand);
}

static void test_another_failure_and_a_stop_end_all_work(void **state)
{
    static const _Atomic int stop = 1;
    struct script script = {NEVER, 1000, {0}, 0};
    struct sl_dataset *rows;
    struct stand stand;
    unsigned called = 0;
    stand_init(&stand);
    assert_int_equal(run(&stand, &script, 100000, &rows), SL_EFAIL);
    assert_int_equal(strncmp(stand.h.err.text, "item ", 5), 0);
    for (unsigned w = 0; w < WORKERS; w++)
        stand.task[w].stop = &stop;
    script = (struct script){NEVER, NEVER, {0}, 0};
    assert_int_equal(run(&stand, &script, 100000, &rows), SL_ESTOP);
    for (unsigned i = 0; i < 500; i++)
        called += script.last[i] > 0;
    assert_int_equal(called, 0);
    stand_done(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_one_state_through_changes_time_outs_and_compaction),
        cmocka_unit_test(test_parts_are_shared_out_evenly),
        cmocka_unit_test(test_rows_of_rounds_are_in_the_order_of_items),
        cmocka_unit_test(test_the_first_item_that_is_refused_is_the_failure),
        cmocka_unit_test(test_another_failure_and_a_stop_end_all_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
