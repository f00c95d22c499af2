/* The plain-directory form of a view. */
#include "mounted.h"

#include "fs/mount/mount_point.h"
#include "tests/unit/output/fault_io.h"

static int plain_try(struct mounted *mounted, struct sl_io *io, struct sl_error *err)
{
    static const char *const views[] = {"counts", "lines"};
    static const unsigned keeps[] = {2, 2};
    struct sl_mount_options options = {
        .dir = mounted->dir, .view = views, .views = 2, .keep = keeps, .io = io};
    return sl_plain_view_open(&options, &mounted->viewer, err);
}

static void publish(struct mounted *mounted, struct sl_version *version)
{
    struct sl_error err = {0};
    if (mounted->viewer->ops->publish(mounted->viewer, 0, version, &err) < 0)
        fail_msg("%s", err.text);
    sl_version_unref(version);
}

static void test_plain_files_show_the_same_tree(void **state)
{
    static const struct {
        const char *path, *text;
    } files[] = {
        {"counts/current", "be\t2\n"},
        {"counts/current.json", "[\"be\",2]\n"},
        {"counts/at/2/data", "a\t1\nbe\t1\n"},
        {"counts/now/changes", "-\ta\t1\n~\tbe\t2\n"},
        {"counts/now/data.csv", "be,2\n"},
        {"counts/meta.json",
         "{\"time\": 3, \"window\": {\"from\": -997, \"to\": 3}, \"records\": 1, \"bytes\": 5, "
         "\"inputs\": {\"count\": 2, \"first\": [\"in/a.log\", \"in/b.log\"]}}\n"},
        {".sluice/status.json", "{}"},
    };
    static const char *const missing[] = {"counts/at/1",    "counts/keys",    "counts/log", "counts/next",
                                          "counts/at/.old", "counts/at/.new", "lines/now"};
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    assert_int_equal(plain_try(&mounted, &sl_io_system, &err), 0);
    assert_int_equal(mounted.viewer->ops->document(mounted.viewer, "status.json", "{}", 2, &err), 0);
    publish(&mounted, shown_version(1, "x\t1"));
    publish(&mounted, shown_version(2, "a\t1\nbe\t1"));
    publish(&mounted, shown_version(3, "be\t2"));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        mounted_assert_text(&mounted, files[i].path, files[i].text);
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        assert_int_equal(mounted_errno(&mounted, missing[i]), ENOENT);
    mounted.viewer->ops->close(mounted.viewer);
    mounted_assert_text(&mounted, "counts/current", "be\t2\n"); /* it stays */
    mounted_remove(&mounted);
}

static void test_an_old_plain_tree_of_ours_is_removed(void **state)
{
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    assert_int_equal(plain_try(&mounted, &sl_io_system, &err), 0);
    publish(&mounted, shown_version(1, "x\t1"));
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE); /* in use */
    mounted.viewer->ops->close(mounted.viewer);
    mounted_touch(&mounted, "mine");
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "mine"));
    mounted_assert_text(&mounted, "counts/current", "x\t1\n");
    char *mine = mounted_path(&mounted, "mine");
    unlink(mine);
    free(mine);
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, mounted.dir, &err), 0);
    assert_int_equal(rmdir(mounted.dir), 0); /* empty */
}

/* The names under at/, sorted, each with a blank; hidden ones too. */
static void assert_versions(const struct mounted *mounted, const char *expected)
{
    char names[512] = "", *at = mounted_path(mounted, "counts/at");
    struct dirent **entries;
    int count = scandir(at, &entries, NULL, alphasort);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        size_t len = strlen(names);
        if (i >= 2)
            snprintf(names + len, sizeof names - len, "%.20s ", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    free(at);
    assert_string_equal(names, expected);
}

/* Publishing version 3 while the n-th system call fails. Returns whether so many calls were made. */
static bool fail_nth(int n)
{
    struct mounted mounted;
    struct sl_error err = {0};
    struct fault_io fault;
    mounted_name(&mounted);
    fault_io_init(&fault);
    assert_int_equal(plain_try(&mounted, &fault.io, &err), 0);
    publish(&mounted, shown_version(1, "a\t1"));
    publish(&mounted, shown_version(2, "b\t2"));
    fault.fail_at = fault.calls + n;
    struct sl_version *version = shown_version(3, "c\t3");
    int r = mounted.viewer->ops->publish(mounted.viewer, 0, version, &err);
    bool failed = fault.calls >= fault.fail_at;
    mounted_assert_text(&mounted, "counts/current", r < 0 ? "b\t2\n" : "c\t3\n");
    fault.fail_at = 0;
    if (r < 0)
        publish(&mounted, sl_version_ref(version));
    mounted_assert_text(&mounted, "counts/current", "c\t3\n");
    publish(&mounted, shown_version(4, "d\t4"));
    mounted_assert_text(&mounted, "counts/now/changes", "-\tc\t3\n+\td\t4\n");
    assert_versions(&mounted, "3 4 ");
    sl_version_unref(version);
    mounted.viewer->ops->close(mounted.viewer);
    mounted_remove(&mounted);
    fault_io_done(&fault);
    return failed;
}

static void test_a_publish_that_fails_shows_nothing_and_can_be_tried_again(void **state)
{
    int n = 1;
    while (fail_nth(n))
        n++;
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_files_show_the_same_tree),
        cmocka_unit_test(test_an_old_plain_tree_of_ours_is_removed),
        cmocka_unit_test(test_a_publish_that_fails_shows_nothing_and_can_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
