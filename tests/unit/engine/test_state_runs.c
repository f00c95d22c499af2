/* The state of mapWithState beyond memoryLimit, against a plain array: what is found, shown, changed and counted is the
 * same wherever a key is; a write or read that fails is returned. */
#include "core/contract/services.h"
#include "ops/state/state_map.h"
#include "state/spill/spill.h"
#include "tests/unit/core/fault_calls.h"
#include "tests/unit/core/random.h"
#include "tests/unit/state/checkpoint.h"

enum { KEYS = 6000, BATCHES = 40, WORKERS = 2 };

static const struct sl_wide wide = {.bounded = 1};
static const struct sl_op op = {.name = "test", .wide = &wide};
static const struct sl_node node = {.op = &op};

struct model {
    bool exists;
    int64_t value, seen, changed;
};

struct bench {
    struct checkpoint place; /* its directory only */
    struct fault_calls fault;
    struct sl_services services;
    struct sl_task task[WORKERS];
    struct sl_arena scratch[WORKERS];
    struct sl_stage stage;
    struct sl_state_map parts;
    struct model model[KEYS];
    struct sl_error err;
};

static int bench_open(struct bench *bench, int fail, size_t bytes)
{
    *bench = (struct bench){.fault = fault_calls_new(fail, ENOSPC)};
    checkpoint_init(&bench->place);
    for (unsigned w = 0; w < WORKERS; w++)
        bench->task[w] =
            (struct sl_task){.worker = w, .seed = 12345, .scratch = &bench->scratch[w], .err = &bench->err};
    bench->stage = (struct sl_stage){.node = &node,
                                     .services = &bench->services,
                                     .pool = sl_pool_new(WORKERS, &bench->err),
                                     .tasks = bench->task,
                                     .err = &bench->err};
    assert_non_null(bench->stage.pool);
    int r = sl_spill_open(&bench->fault.io, bench->place.dirfd, "spill", false, &bench->services.spill,
                          &bench->err);
    if (r == 0)
        bench->services.spill->bytes = bytes;
    return r < 0 ? r : sl_state_map_bound(&bench->parts, &bench->stage);
}

static void bench_done(struct bench *bench)
{
    sl_state_map_done(&bench->parts);
    if (bench->services.spill)
        sl_spill_close(bench->services.spill);
    sl_pool_free(bench->stage.pool);
    for (unsigned w = 0; w < WORKERS; w++)
        sl_arena_done(&bench->scratch[w]);
    assert_int_equal(bench->fault.open, 0);
    checkpoint_done(&bench->place);
}

/* Numbers, and strings of which a few are longer than a block. */
static struct sl_field key_of(size_t i, char text[70000])
{
    if (i % 3 == 0)
        return sl_integer((int64_t)i);
    int len = snprintf(text, 100, "%zu", i * 7919 % KEYS + KEYS);
    if (i % 1999 == 1)
        memset(text + len, 'x', 69000);
    return sl_string(text, (size_t)len + (i % 1999 == 1 ? 69000 : 0));
}

static size_t number_of(const struct sl_field *key)
{
    static size_t number[KEYS]; /* by what the text of a key begins with */
    char digits[16] = "";
    if (key->tag == SL_INT)
        return (size_t)key->integer;
    for (size_t i = 0; i < KEYS && !number[(KEYS - 1) * 7919 % KEYS]; i++)
        number[i * 7919 % KEYS] = i;
    memcpy(digits, key->str, key->len < 5 ? key->len : 5);
    return number[strtoul(digits, NULL, 10) - KEYS];
}

/* A record of key i in the batch at t, as mapWithState treats it: the state is read, then changed, removed or left. */
static int touch_key(struct bench *bench, size_t i, int64_t t, unsigned what)
{
    static char text[70000];
    struct sl_field key = key_of(i, text), value = sl_integer((int64_t)i * 100 + t);
    struct model *model = &bench->model[i];
    struct sl_state_entry *cell;
    uint64_t hash = sl_field_hash(&key, 12345);
    struct sl_state_shard *cells = &bench->parts.part[sl_state_map_number(hash)];
    int r = sl_state_map_find(&bench->parts, &bench->task[0], &key, hash, &cell);
    if (r < 0)
        return r;
    assert_true(cell->exists == model->exists);
    if (cell->exists)
        assert_true(cell->value.integer == model->value && cell->seen_ms >= model->seen);
    if (what == 0)
        return 0;
    r = what == 1 ? sl_state_shard_remove(cells, cell) : sl_state_shard_put(cells, cell, &value);
    *model = (struct model){what != 1, value.integer, t, t};
    return r < 0 ? r : sl_state_shard_touch(cells, cell, t, false);
}

static int touch_keys(struct bench *bench, struct chance *chance, int64_t t)
{
    size_t count = t % 7 == 0 ? KEYS : chance_below(chance, 800), base = chance_below(chance, KEYS);
    int r = 0;
    for (size_t n = 0; n < count && r == 0; n++) {
        if (n % 500 == 0)
            r = sl_state_map_make_room(&bench->parts, &bench->stage);
        if (r == 0)
            r = touch_key(bench, (base + chance_below(chance, count)) % KEYS, t,
                          (unsigned)chance_below(chance, 5));
    }
    return r;
}

struct check {
    struct bench *bench;
    bool changed;
    size_t count;
    struct sl_arena keys;
    struct sl_field last;
};

static int check_cell(void *arg, const struct sl_stored_cell *cell)
{
    struct check *check = arg;
    const struct model *model = &check->bench->model[number_of(&cell->key)];
    assert_true(check->count == 0 || sl_field_compare(&check->last, &cell->key) < 0);
    assert_true(cell->exists == model->exists && (check->changed || cell->exists));
    if (cell->exists)
        assert_true(cell->value.integer == model->value && cell->seen_ms == model->seen);
    if (check->changed)
        assert_int_equal(model->changed, check->bench->stage.batch_ms);
    check->count++;
    return sl_field_copy(&check->keys, &cell->key, &check->last) ? 0 : SL_ENOMEM;
}

/* All of what the model says is there, or changed, and nothing else. */
static int check_all(struct bench *bench, bool changed)
{
    struct check check = {.bench = bench, .changed = changed};
    int r = (changed ? sl_state_map_each_changed : sl_state_map_each)(&bench->parts, &bench->stage,
                                                                      check_cell, &check);
    size_t wanted = 0;
    for (size_t i = 0; i < KEYS; i++)
        wanted += changed ? bench->model[i].changed == bench->stage.batch_ms : bench->model[i].exists;
    sl_arena_done(&check.keys);
    if (r < 0)
        return r;
    assert_int_equal(check.count, wanted);
    if (changed)
        assert_true(sl_state_map_has_changed(&bench->parts, &bench->stage) == (wanted > 0));
    else
        assert_int_equal(sl_state_map_living(&bench->parts), wanted);
    return 0;
}

static int run_batch(struct bench *bench, struct chance *chance, int64_t t, bool checks)
{
    bench->stage.batch_ms = t;
    int r = touch_keys(bench, chance, t);
    r = r < 0 ? r : sl_state_map_sort_changed(&bench->parts, &bench->stage);
    if (r == 0 && checks)
        r = check_all(bench, true);
    if (r == 0 && checks)
        r = check_all(bench, false);
    sl_state_map_saved(&bench->parts);
    return r < 0 ? r : sl_state_map_tidy(&bench->parts, &bench->stage);
}

static int run_batches(struct bench *bench, struct chance *chance, int64_t batches, bool checks)
{
    int r = 0;
    for (int64_t t = 1; t <= batches && r == 0; t++)
        r = run_batch(bench, chance, t, checks);
    if (r == 0)
        r = sl_state_map_count_living(&bench->parts, &bench->stage);
    return r < 0 ? r : check_all(bench, false);
}

static void test_state_on_disk_is_what_it_is_in_memory(void **state)
{
    static const size_t bytes[] = {1, 60 << 10, 300 << 10, 1 << 30};
    struct chance chance = chance_new();
    struct bench *bench = malloc(sizeof *bench);
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        assert_int_equal(bench_open(bench, 0, bytes[i]), 0);
        assert_int_equal(run_batches(bench, &chance, BATCHES, true), 0);
        assert_true(sl_state_map_is_stored(&bench->parts) == (bytes[i] < 1 << 30));
        for (size_t n = 1; bench->parts.runs->count > n; n++)
            assert_true(bench->parts.runs->run[n - 1].rows->count >=
                        2 * bench->parts.runs->run[n].rows->count);
        bench_done(bench);
    }
    free(bench);
}

static void test_every_call_that_fails_is_returned(void **state)
{
    struct bench *bench = malloc(sizeof *bench);
    int r = SL_EFAIL;
    for (int fail = 1; r < 0; fail += 1 + fail / 30) {
        struct chance chance = {7};
        r = bench_open(bench, fail, 60 << 10);
        r = r < 0 ? r : run_batches(bench, &chance, 6, false);
        assert_true(r == 0 || bench->err.text[0]);
        bench_done(bench);
    }
    free(bench);
}

static void test_a_filter_has_all_its_keys_and_hardly_others(void **state)
{
    struct chance chance = chance_new();
    struct sl_key_filter filter;
    uint64_t hash[2000];
    unsigned wrong = 0;
    assert_int_equal(sl_key_filter_init(&filter, 2000), 0);
    for (size_t i = 0; i < 2000; i++)
        sl_key_filter_add(&filter, hash[i] = chance_next(&chance));
    for (size_t i = 0; i < 2000; i++)
        assert_true(sl_key_filter_may_have(&filter, hash[i]));
    for (size_t i = 0; i < 100000; i++)
        wrong += sl_key_filter_may_have(&filter, chance_next(&chance));
    assert_in_range(wrong, 0, 5000);
    sl_key_filter_done(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_on_disk_is_what_it_is_in_memory),
        cmocka_unit_test(test_every_call_that_fails_is_returned),
        cmocka_unit_test(test_a_filter_has_all_its_keys_and_hardly_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
