/* saveAsTextFiles when the disk fails or the process dies at the 1st, 2nd, ... call: nothing half-made is
 * ever visible, and doing the batch again gives what an undisturbed run gives. */
#include "output/outputs.h"
#include "tests/unit/output/rig.h"

enum { CALLS_MAX = 500 };

static const struct rig_rows rows = {.partitions = 4, .rows = 100, .width = 2};

static struct rig rig;
static int parts;

static int setup(void **state)
{
    rig_open(&rig, &sl_output_save, SL_OP_SOURCE);
    rig.node.arg[0] = SL_STR_ARG("out/counts");
    rig.node.arg[1] = SL_STR_ARG("txt");
    parts = 1;
    return 0;
}

static int teardown(void **state)
{
    rig_close(&rig);
    return 0;
}

/* Several parts: rows are collected first; one: written by the workers as they come. */
static void use_parts(int count)
{
    parts = count;
    rig_option(&rig, "partitions", SL_INT_ARG(count));
}

/* The directory is complete; its parts together are the rows. */
static void assert_complete(void)
{
    char path[64], *expected = rig_tsv(&rows);
    size_t len = strlen(expected) / (size_t)parts;
    rig_assert_text(&rig, "out/counts-1000.txt/_SUCCESS", "");
    for (int i = 0; i < parts; i++) {
        snprintf(path, sizeof path, "out/counts-1000.txt/part-%05d", i);
        char *part = rig_read(&rig, path);
        assert_int_equal(strlen(part), len);
        assert_memory_equal(part, expected + (size_t)i * len, len);
        free(part);
    }
    free(expected);
}

static void assert_nothing_hidden(void)
{
    assert_false(rig_exists(&rig, "out/.counts-1000.txt.sluice-tmp"));
    assert_false(rig_exists(&rig, "out/.counts.txt.sluice-link"));
}

/* A new process: nothing is remembered, the batch is the one that was planned. */
static void do_again(void)
{
    rig.fault.fail_at = 0;
    rig.services.replay = true;
    memset(rig.memory, 0, rig.node.op->wide->memory_size);
    if (rig_batch(&rig, 1000, &rows) < 0)
        fail_msg("again: %s", rig.err.text);
    assert_complete();
    assert_nothing_hidden();
    rig.services.replay = false;
}

/* One run with the fault at call `n`; false: the run makes fewer calls. */
static bool run_with_fault(int n)
{
    assert_int_equal(sl_io_remove_tree(&sl_io_system, rig.dirfd, "out", &rig.err), 0);
    memset(rig.memory, 0, rig.node.op->wide->memory_size);
    rig.fault.calls = 0;
    rig.fault.fail_at = n;
    int r = rig_batch(&rig, 1000, &rows);
    if (r < 0 && !strstr(rig.err.text, strerror(rig.fault.sys)))
        fail_msg("call %d: the errno is lost: %s", n, rig.err.text);
    bool visible = rig_exists(&rig, "out/counts-1000.txt");
    if (r == 0)
        assert_true(visible);
    if (visible)
        assert_complete();
    bool reached = rig.fault.calls >= n;
    if (!rig.fault.dies)
        assert_nothing_hidden();
    do_again();
    return reached;
}

static void every_call(int sys, bool dies)
{
    rig.fault.sys = sys;
    rig.fault.dies = dies;
    for (int count = 1; count <= 2; count++) {
        int n = 1;
        use_parts(count);
        while (n < CALLS_MAX && run_with_fault(n))
            n++;
        assert_in_range(n, 20, CALLS_MAX - 1);
    }
}

static void test_faults_of_every_call_show_nothing_half_made(void **state)
{
    every_call(EIO, false);
    every_call(ENOSPC, false);
}

static void test_faults_death_at_every_call_is_made_good(void **state)
{
    every_call(EIO, true);
}

static void test_faults_short_writes_lose_nothing(void **state)
{
    rig.fault.short_writes = true;
    assert_int_equal(rig_batch(&rig, 1000, &rows), 0);
    assert_complete();
}

/* ---- the order of the protocol ---- */

/* The offset of the line in the trace, behind `from`. */
static size_t find_call(const char *call, size_t from)
{
    const char *trace = (const char *)rig.fault.trace.bytes;
    const char *at = strstr(trace + from, call);
    if (!at)
        fail_msg("no \"%s\" behind byte %zu of:\n%s", call, from, trace);
    return (size_t)(at - trace);
}

static void trace_batch(void)
{
    rig.fault.trace.len = 0;
    assert_int_equal(rig_batch(&rig, 1000, &rows), 0);
    sl_buf_byte(&rig.fault.trace, 0);
}

static void test_faults_everything_is_synced_in_order(void **state)
{
    use_parts(2);
    trace_batch();
    static const char *const file[] = {"part-00000", "part-00001", "_SUCCESS"};
    size_t directory = find_call("fsync .counts-1000.txt.sluice-tmp\n", 0), first_sync = directory;
    for (size_t i = 0; i < 3; i++) {
        char call[64];
        snprintf(call, sizeof call, "fsync %s\n", file[i]);
        size_t synced = find_call(call, 0);
        assert_true(synced < directory);
        first_sync = synced < first_sync ? synced : first_sync;
        snprintf(call, sizeof call, "writeback %s\n", file[i]);
        assert_true(find_call(call, 0) < synced);
    }
    /* All are on their way before the first is waited for. */
    assert_true(find_call("writeback _SUCCESS\n", 0) < first_sync);
    size_t renamed = find_call("rename-new counts-1000.txt\n", directory);
    size_t parent = find_call("fsync out\n", renamed);
    find_call("rename counts.txt\n", parent);
}

static void test_faults_the_names_above_are_synced_once(void **state)
{
    trace_batch();
    assert_true(find_call("fsync .\n", 0) < find_call("rename-new counts-1000.txt\n", 0));
    rig.fault.trace.len = 0;
    assert_int_equal(rig_batch(&rig, 2000, &rows), 0);
    sl_buf_byte(&rig.fault.trace, 0);
    assert_null(strstr((const char *)rig.fault.trace.bytes, "fsync .\n"));
}

static void test_faults_a_directory_that_is_made_again_is_synced_again(void **state)
{
    (void)state;
    trace_batch();
    assert_int_equal(sl_io_remove_tree(&sl_io_system, rig.dirfd, "out", &rig.err), 0);
    trace_batch();
    size_t made = find_call("mkdir out\n", 0);
    assert_true(find_call("fsync .\n", made) < find_call("rename-new counts-1000.txt\n", 0));
}

static void test_faults_nothing_is_synced_without_a_checkpoint(void **state)
{
    rig.services.durable = false;
    trace_batch();
    assert_complete();
    assert_null(strstr((const char *)rig.fault.trace.bytes, "fsync"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_faults_of_every_call_show_nothing_half_made),
        TEST(test_faults_death_at_every_call_is_made_good),
        TEST(test_faults_short_writes_lose_nothing),
        TEST(test_faults_everything_is_synced_in_order),
        TEST(test_faults_the_names_above_are_synced_once),
        TEST(test_faults_a_directory_that_is_made_again_is_synced_again),
        TEST(test_faults_nothing_is_synced_without_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
