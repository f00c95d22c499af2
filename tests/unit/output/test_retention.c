/* opts.keep: old directories go, but only what the catalog knows and nobody has changed. */
#include "output/outputs.h"
#include "tests/unit/output/rig.h"

enum { MADE_MAX = 64 };

/* A catalog in an array. */
struct array_history {
    struct sl_history history;
    struct sl_manifest made[MADE_MAX];
    int64_t time_ms[MADE_MAX];
    bool gone[MADE_MAX];
    size_t count;
};

static struct rig rig;
static struct array_history array;

static int array_oldest(struct sl_history *history, const char *series, uint64_t keep,
                        int (*visit)(void *arg, int64_t time_ms, const char *path), void *arg,
                        struct sl_error *err)
{
    size_t there = 0;
    int r = 0;
    assert_string_equal(series, "out/counts-*");
    for (size_t i = 0; i < array.count; i++)
        there += !array.gone[i];
    for (size_t i = 0; r == 0 && i < array.count && there > keep; i++)
        if (!array.gone[i] && there--)
            r = visit(arg, array.time_ms[i], array.made[i].path);
    return r;
}

static size_t array_find(int64_t time_ms, const char *path)
{
    size_t i = 0;
    while (array.time_ms[i] != time_ms || strcmp(array.made[i].path, path) != 0)
        i++;
    assert_true(i < array.count);
    return i;
}

static int array_manifest(struct sl_history *history, int64_t time_ms, const char *path,
                          struct sl_manifest *ret, struct sl_error *err)
{
    const struct sl_manifest *made = &array.made[array_find(time_ms, path)];
    *ret = *made;
    ret->path = strdup(made->path);
    ret->series = NULL;
    ret->file = calloc(made->count, sizeof *ret->file);
    memcpy(ret->file, made->file, made->count * sizeof *ret->file);
    return 0;
}

static int array_release(struct sl_history *history, int64_t time_ms, const char *path, struct sl_error *err)
{
    array.gone[array_find(time_ms, path)] = true;
    return 0;
}

static const struct sl_history_ops array_ops = {array_oldest, array_manifest, array_release};

static int setup(void **state)
{
    rig_open(&rig, &sl_output_save, SL_OP_SOURCE);
    rig.node.arg[0] = SL_STR_ARG("out/counts");
    array = (struct array_history){.history = {&array_ops}};
    rig.services.history = &array.history;
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < array.count; i++)
        sl_manifest_done(&array.made[i]);
    rig_close(&rig);
    return 0;
}

/* A batch and its commit; the directory is known from the next batch on, which is soon enough here. */
static void run(int64_t t)
{
    if (rig_batch(&rig, t, &(struct rig_rows){.partitions = 1, .rows = 2, .width = 1}) < 0)
        fail_msg("%s", rig.err.text);
    assert_true(rig.manifest.retained);
    array.time_ms[array.count] = t;
    array.made[array.count++] = rig.manifest;
    rig.manifest = (struct sl_manifest){0};
}

static bool is_there(int t)
{
    char path[64];
    snprintf(path, sizeof path, "out/counts-%d", t);
    return rig_exists(&rig, path);
}

static void test_keep_a_number_of_directories(void **state)
{
    rig_option(&rig, "keep", SL_INT_ARG(3));
    for (int t = 1000; t <= 8000; t += 1000)
        run(t);
    /* The array learns of a directory a batch late, hence 3 and the newest. */
    for (int t = 1000; t <= 8000; t += 1000)
        assert_int_equal(is_there(t), t >= 5000);
    assert_false(rig_exists(&rig, "out/.counts-1000.sluice-tmp"));
}

static void test_keep_a_duration(void **state)
{
    rig_option(&rig, "keep", SL_STR_ARG("3s"));
    for (int t = 1000; t <= 8000; t += 1000)
        run(t);
    for (int t = 1000; t <= 8000; t += 1000)
        assert_int_equal(is_there(t), t > 5000);
}

static void test_keep_leaves_what_was_changed(void **state)
{
    rig_option(&rig, "keep", SL_INT_ARG(1));
    run(1000);
    assert_int_equal(unlinkat(rig.dirfd, "out/counts-1000/_SUCCESS", 0), 0);
    for (int t = 2000; t <= 5000; t += 1000)
        run(t);
    assert_true(is_there(1000));
    assert_false(is_there(2000));
    assert_true(array.gone[0]); /* it is not compared again with every batch */
}

static void test_keep_leaves_what_it_does_not_know(void **state)
{
    rig_option(&rig, "keep", SL_INT_ARG(1));
    assert_int_equal(mkdirat(rig.dirfd, "out", 0777), 0);
    assert_int_equal(mkdirat(rig.dirfd, "out/counts-500", 0777), 0);
    for (int t = 1000; t <= 4000; t += 1000)
        run(t);
    assert_true(is_there(500));
}

static void test_keep_does_not_miss_what_others_removed(void **state)
{
    rig_option(&rig, "keep", SL_INT_ARG(1));
    run(1000);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, rig.dirfd, "out/counts-1000", &rig.err), 0);
    for (int t = 2000; t <= 4000; t += 1000)
        run(t);
    assert_true(array.gone[0]);
}

/* Whatever fails on the way: no directory is ever seen half-removed, and the next batch goes on. */
static void test_keep_faults_show_nothing_half_removed(void **state)
{
    bool reached = true;
    rig_option(&rig, "keep", SL_INT_ARG(1));
    for (int n = 1; reached && n < 200; n++) {
        int64_t t = 10000 * (int64_t)n;
        run(t);
        run(t + 1000);
        rig.fault.calls = 0;
        rig.fault.fail_at = n;
        struct rig_rows rows = {.partitions = 1, .rows = 2, .width = 1};
        (void)rig_batch(&rig, t + 2000, &rows); /* may fail: that is the point */
        reached = rig.fault.calls >= n;
        rig.fault.fail_at = 0;
        for (int64_t old = t; old <= t + 1000; old += 1000)
            if (is_there((int)old)) {
                char path[64];
                snprintf(path, sizeof path, "out/counts-%d/part-00000", (int)old);
                rig_assert_text(&rig, path, "k0-00000\nk0-00001\n");
                snprintf(path, sizeof path, "out/counts-%d/_SUCCESS", (int)old);
                assert_true(rig_exists(&rig, path));
            }
        for (size_t i = 0; i < array.count; i++)
            sl_manifest_done(&array.made[i]);
        array.count = 0;
        memset(array.gone, 0, sizeof array.gone);
    }
    assert_false(reached);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_keep_a_number_of_directories),           TEST(test_keep_a_duration),
        TEST(test_keep_leaves_what_was_changed),           TEST(test_keep_leaves_what_it_does_not_know),
        TEST(test_keep_does_not_miss_what_others_removed), TEST(test_keep_faults_show_nothing_half_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
