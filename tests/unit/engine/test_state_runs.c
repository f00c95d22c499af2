/* The state of mapWithState beyond memoryLimit, against a plain array: what is found, shown, changed, counted and times
 * out is the same wherever a key is; a write or read that fails is returned. */
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
    int64_t timeout; /* 0: none */
    struct sl_error err;
};

static int bench_open(struct bench *bench, int fail, size_t bytes, int64_t timeout)
{
    *bench = (struct bench){.fault = fault_calls_new(fail, ENOSPC), .timeout = timeout};
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
    return r < 0 ? r : sl_state_map_bound(&bench->parts, &bench->stage, timeout > 0);
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

enum { KEY_BYTES = 70000, LONG_EACH = 599 };

/* Numbers, and strings: a few are longer than a block, begin alike, and are in a list at that. */
static struct sl_field key_of(size_t i, char text[KEY_BYTES])
{
    static struct sl_field item[2];
    if (i % 3 == 0)
        return sl_integer((int64_t)i);
    int digits = snprintf(text, 100, "%zu", i * 7919 % KEYS + KEYS);
    if (i % LONG_EACH > 1)
        return sl_string(text, (size_t)digits);
    memmove(text + KEY_BYTES - digits, text, (size_t)digits);
    memset(text, 'x', KEY_BYTES - (size_t)digits);
    item[0] = sl_string(text, KEY_BYTES);
    return i % LONG_EACH ? item[0] : sl_list(item, 1);
}

static size_t number_of(const struct sl_field *key)
{
    static size_t number[KEYS]; /* by what the text of a key begins with */
    char digits[16] = "";
    if (key->tag == SL_INT)
        return (size_t)key->integer;
    for (size_t i = 0; i < KEYS && !number[(KEYS - 1) * 7919 % KEYS]; i++)
        number[i * 7919 % KEYS] = i;
    if (key->tag == SL_LIST)
        key = key->items;
    size_t len = key->len < 5 ? key->len : 5;
    memcpy(digits, key->str + (key->len == KEY_BYTES ? key->len - len : 0), len);
    return number[strtoul(digits + (digits[0] == 'x'), NULL, 10) - KEYS];
}

/* A record of key i in the batch at t, as mapWithState treats it: the state is read, then changed, removed or left. */
static int touch_key(struct bench *bench, size_t i, int64_t t, unsigned what)
{
    static char text[KEY_BYTES];
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
    if (what == 0 && (!bench->timeout || !model->exists))
        return 0;
    if (what == 0) {
        model->seen = model->changed = t;
        return sl_state_shard_touch(cells, cell, t, true);
    }
    r = what == 1 ? sl_state_shard_remove(cells, cell) : sl_state_shard_put(cells, cell, &value);
    *model = (struct model){what != 1, value.integer, t, t};
    return r < 0 ? r : sl_state_shard_touch(cells, cell, t, bench->timeout > 0);
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

/* ---- time-outs ---- */

static size_t count_idle(const struct bench *bench, int64_t t)
{
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++)
        count += bench->model[i].exists && bench->model[i].seen < t;
    return count;
}

static int end_key(struct bench *bench, const struct sl_field *key)
{
    uint64_t hash = sl_field_hash(key, 12345);
    struct sl_state_shard *cells = &bench->parts.part[sl_state_map_number(hash)];
    struct sl_state_entry *cell = sl_state_shard_look(cells, key, (uint32_t)hash);
    struct model *model = &bench->model[number_of(key)];
    assert_true(cell && cell->exists && cell->value.integer == model->value && cell->seen_ms == model->seen);
    model->exists = false;
    model->changed = bench->stage.batch_ms;
    return sl_state_shard_remove(cells, cell);
}

/* Ends the next keys that are idle, which come after `last`. 1; 0: there are none; or a failure. */
static int end_idle(struct bench *bench, int64_t t, struct sl_arena *keys, struct sl_field *last,
                    size_t *ended)
{
    struct sl_cell_list idle SL_CLEANUP(sl_cell_list_done) = {0};
    int r = sl_state_map_take_idle(&bench->parts, &bench->stage, t, &idle);
    for (size_t i = 0; i < idle.count && r == 0; i++, ++*ended) {
        const struct sl_field *key = &idle.entry[i].key;
        assert_true(*ended == 0 || sl_field_compare(last, key) < 0);
        assert_true(bench->model[number_of(key)].seen < t);
        r = sl_field_copy(keys, key, last) ? end_key(bench, key) : SL_ENOMEM;
    }
    return r < 0 ? r : idle.count > 0;
}

static int time_out(struct bench *bench, int64_t t)
{
    size_t wanted = count_idle(bench, t), ended = 0;
    struct sl_arena keys SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field last;
    int r;
    while ((r = end_idle(bench, t, &keys, &last, &ended)) > 0)
        ;
    if (r == 0)
        assert_int_equal(ended, wanted);
    return r;
}

static bool has_failed(const struct bench *bench)
{
    return bench->fault.fail_at && bench->fault.calls >= bench->fault.fail_at;
}

/* What fails here is found by the batch that is then wanted, where it fails again. */
static void check_wants(struct bench *bench, int64_t t)
{
    bool wanted = count_idle(bench, t) > 0;
    bool found = sl_state_map_has_idle(&bench->parts, t);
    assert_true(found == wanted || (found && has_failed(bench)));
}

static int run_batch(struct bench *bench, struct chance *chance, int64_t t, bool checks)
{
    bench->stage.batch_ms = t;
    if (bench->timeout && chance_below(chance, 2))
        check_wants(bench, t - bench->timeout);
    int r = touch_keys(bench, chance, t);
    r = r == 0 && bench->timeout ? time_out(bench, t - bench->timeout) : r;
    r = r < 0 ? r : sl_state_map_sort_changed(&bench->parts, &bench->stage);
    if (r == 0 && checks)
        r = check_all(bench, true);
    if (r == 0 && checks)
        r = check_all(bench, false);
    sl_state_map_saved(&bench->parts);
    return r < 0 ? r : sl_state_map_tidy(&bench->parts, &bench->stage);
}

/* Where keys time out, batches take longer. */
static int64_t batches_of(int64_t timeout)
{
    return timeout ? BATCHES / 3 : BATCHES;
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

static void check_limits(int64_t timeout)
{
    static const size_t bytes[] = {1, 60 << 10, 300 << 10, 1 << 30};
    struct chance chance = chance_new();
    struct bench *bench = malloc(sizeof *bench);
    for (size_t i = timeout > 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        assert_int_equal(bench_open(bench, 0, bytes[i], timeout), 0);
        assert_int_equal(run_batches(bench, &chance, batches_of(timeout), true), 0);
        assert_true(sl_state_map_is_stored(&bench->parts) == (bytes[i] < 1 << 30));
        for (size_t n = 1; bench->parts.runs->count > n; n++)
            assert_true(bench->parts.runs->run[n - 1].rows->count >=
                        2 * bench->parts.runs->run[n].rows->count);
        bench_done(bench);
    }
    free(bench);
}

static void test_state_on_disk_is_what_it_is_in_memory(void **state)
{
    check_limits(0);
}

static void test_keys_time_out_on_disk_as_in_memory(void **state)
{
    check_limits(1);
    check_limits(5);
}

/* A failure of looking for idle keys may be got over: nothing is lost then. */
static void check_failures(int64_t timeout)
{
    struct bench *bench = malloc(sizeof *bench);
    bool failed = true;
    for (int fail = 1; failed; fail += 1 + fail / 8) {
        struct chance chance = {7};
        int r = bench_open(bench, fail, 60 << 10, timeout);
        r = r < 0 ? r : run_batches(bench, &chance, 6, false);
        failed = has_failed(bench);
        assert_true(r == 0 || (failed && bench->err.text[0]));
        assert_true(r < 0 || !failed || timeout);
        bench_done(bench);
    }
    free(bench);
}

static void test_every_call_that_fails_is_returned(void **state)
{
    check_failures(0);
    check_failures(2);
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
        cmocka_unit_test(test_keys_time_out_on_disk_as_in_memory),
        cmocka_unit_test(test_every_call_that_fails_is_returned),
        cmocka_unit_test(test_a_filter_has_all_its_keys_and_hardly_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
