/* mount: what the viewer is given. */
#include "output/outputs.h"
#include "tests/unit/output/rig.h"

struct watching {
    struct sl_viewer viewer;
    size_t view;
    struct sl_version *version; /* the last one */
    int published;
};

static struct rig rig;
static struct watching watching;

static int watch_publish(struct sl_viewer *viewer, size_t view, struct sl_version *version,
                         struct sl_error *err)
{
    struct watching *mine = (struct watching *)viewer;
    sl_version_unref(mine->version);
    mine->version = sl_version_ref(version);
    mine->view = view;
    mine->published++;
    return 0;
}

static const struct sl_viewer_ops watch_ops = {.publish = watch_publish};

static int setup(void **state)
{
    rig_open(&rig, &sl_output_mount, SL_OP_SOURCE);
    rig.node.arg[0] = SL_STR_ARG("counts");
    rig.node.view = 3;
    watching = (struct watching){.viewer = {&watch_ops}};
    rig.services.viewer = &watching.viewer;
    return 0;
}

static int teardown(void **state)
{
    sl_version_unref(watching.version);
    rig_close(&rig);
    return 0;
}

static void run(int64_t t, struct rig_rows rows)
{
    if (rig_batch(&rig, t, &rows) < 0)
        fail_msg("%s", rig.err.text);
}

static void assert_rows_in_order(uint64_t count)
{
    struct sl_field fields[SL_WIDTH_MAX], before = sl_nil();
    struct sl_cursor cursor;
    uint32_t width;
    uint64_t found = 0;
    sl_cursor_init(&cursor, watching.version->rows);
    for (; sl_cursor_next(&cursor, fields, &width); found++) {
        assert_true(sl_field_compare(&before, &fields[0]) < 0);
        before = fields[0];
    }
    assert_int_equal(found, count);
}

static void test_mount_publishes_a_version_of_the_rows(void **state)
{
    static const char *const first[] = {"in/a", "in/b"};
    rig.services.inputs = 7;
    rig.services.first_count = 2;
    rig.services.first = first;
    for (int i = 0; i < 3; i++) {
        run(5000, (struct rig_rows){
                      .partitions = 9, .rows = 50, .width = 2, .backwards = i == 1, .as_dataset = i == 2});
        assert_int_equal(watching.view, 3);
        assert_int_equal(watching.version->time_ms, 5000);
        assert_int_equal(watching.version->from_ms, 4000);
        assert_int_equal(watching.version->to_ms, 5000);
        assert_int_equal(watching.version->inputs, 7);
        assert_string_equal(watching.version->first[1], "in/b");
        assert_rows_in_order(9 * 50);
    }
}

static void test_mount_knows_the_reach_of_windows(void **state)
{
    rig.node.window_ms = 30000;
    run(50000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    assert_int_equal(watching.version->from_ms, 20000);
}

static void test_mount_shows_that_there_is_nothing(void **state)
{
    run(1000, (struct rig_rows){.partitions = 1});
    assert_int_equal(watching.published, 1);
    assert_int_equal(watching.version->rows->count, 0);
}

static void test_mount_leaves_the_view_when_there_was_nothing_to_say(void **state)
{
    run(1000, (struct rig_rows){.partitions = 0});
    assert_int_equal(watching.published, 0);
}

static void test_mount_without_a_viewer_does_nothing(void **state)
{
    rig.services.viewer = NULL;
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    assert_int_equal(watching.published, 0);
}

static void test_mount_refuses_names_that_are_no_directory_names(void **state)
{
    static const char *const name[] = {"", "a/b", ".sluice", "..", "."};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        rig.node.arg[0] = SL_STR_ARG(name[i]);
        assert_int_equal(sl_output_mount.check(&rig.node, &rig.err), SL_EUSAGE);
    }
    rig.node.arg[0] = SL_STR_ARG("counts per minute");
    assert_int_equal(sl_output_mount.check(&rig.node, &rig.err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_mount_publishes_a_version_of_the_rows),
        TEST(test_mount_knows_the_reach_of_windows),
        TEST(test_mount_shows_that_there_is_nothing),
        TEST(test_mount_leaves_the_view_when_there_was_nothing_to_say),
        TEST(test_mount_without_a_viewer_does_nothing),
        TEST(test_mount_refuses_names_that_are_no_directory_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
