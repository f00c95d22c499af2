/* Where a view may appear, what an earlier run left there, and the plain-directory form. */
#include "mounted.h"

#include "fs/place.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static int plain_try(struct mounted *mounted, unsigned keep, struct sl_error *err)
{
    static const char *const views[] = {"counts", "lines"};
    static const int64_t slides[] = {1000, 1000};
    struct sl_mount_options options = {.dir = mounted->dir,
                                       .view = views,
                                       .slide_ms = slides,
                                       .views = 2,
                                       .keep = keep,
                                       .io = &sl_io_system};
    return sl_plain_view_open(&options, &mounted->viewer, err);
}

static void publish(struct mounted *mounted, struct sl_version *version)
{
    struct sl_error err = {0};
    if (mounted->viewer->ops->publish(mounted->viewer, 0, version, &err) < 0)
        fail_msg("%s", err.text);
    sl_version_unref(version);
}

static void remove_all(struct mounted *mounted)
{
    struct sl_error err = {0};
    if (sl_io_remove_tree(&sl_io_system, AT_FDCWD, mounted->dir, &err) < 0)
        fail_msg("%s", err.text);
}

static void touch(const struct mounted *mounted, const char *path)
{
    int fd = mounted_file(mounted, path, O_WRONLY | O_CREAT);
    assert_true(fd >= 0);
    close(fd);
}

static bool have_fuse(void)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void test_a_missing_directory_is_made(void **state)
{
    (void)state;
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    char *nested = mounted_path(&mounted, "a/b");
    assert_int_equal(sl_place_prepare(&sl_io_system, nested, &err), 0);
    assert_int_equal(sl_place_prepare(&sl_io_system, nested, &err), 0);
    free(nested);
    remove_all(&mounted);
}

static void test_what_is_in_the_way_is_named_and_stays(void **state)
{
    (void)state;
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    touch(&mounted, "mine");
    assert_int_equal(sl_place_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "mine"));
    char *file = mounted_path(&mounted, "mine");
    assert_int_equal(sl_place_prepare(&sl_io_system, file, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "Not a directory"));
    free(file);
    assert_int_equal(mounted_errno(&mounted, "mine"), 0);
    remove_all(&mounted);
}

static void test_a_living_mount_is_left_alone(void **state)
{
    (void)state;
    if (!have_fuse())
        skip();
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_open(&mounted, 5);
    mounted_publish(&mounted, shown_version(1, "a\t1"));
    assert_int_equal(sl_place_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "another sluice"));
    mounted_assert_text(&mounted, "counts/current", "a\t1\n");
    mounted_close(&mounted);
}

/* A process that mounts there, says so and is killed. */
static void leave_dead_mount(struct mounted *mounted)
{
    int ready[2];
    char byte;
    struct sl_error err = {0};
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!write(ready[1], mounted_try(mounted, 5, &err) == 0 ? "y" : "n", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

static void test_a_dead_mount_of_ours_is_taken_over(void **state)
{
    (void)state;
    if (!have_fuse())
        skip();
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    leave_dead_mount(&mounted);
    assert_int_equal(mounted_errno(&mounted, "counts"), ENOTCONN);
    if (mounted_try(&mounted, 5, &err) < 0)
        fail_msg("%s", err.text);
    mounted_publish(&mounted, shown_version(1, "a\t1"));
    mounted_assert_text(&mounted, "counts/current", "a\t1\n");
    mounted_close(&mounted); /* and nothing is left below */
}

static void test_somebody_elses_mount_is_refused(void **state)
{
    (void)state;
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    if (mount("none", mounted.dir, "tmpfs", 0, "size=16k") < 0) {
        rmdir(mounted.dir);
        skip();
    }
    assert_int_equal(sl_place_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "something else is mounted"));
    assert_int_equal(umount(mounted.dir), 0);
    remove_all(&mounted);
}

static void test_plain_files_show_the_same_tree(void **state)
{
    (void)state;
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
    assert_int_equal(plain_try(&mounted, 2, &err), 0);
    assert_int_equal(mounted.viewer->ops->status(mounted.viewer, "{}", 2, &err), 0);
    publish(&mounted, shown_version(1, "x\t1"));
    publish(&mounted, shown_version(2, "a\t1\nbe\t1"));
    publish(&mounted, shown_version(3, "be\t2"));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        mounted_assert_text(&mounted, files[i].path, files[i].text);
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        assert_int_equal(mounted_errno(&mounted, missing[i]), ENOENT);
    mounted.viewer->ops->close(mounted.viewer);
    mounted_assert_text(&mounted, "counts/current", "be\t2\n"); /* it stays */
    remove_all(&mounted);
}

static void test_an_old_plain_tree_of_ours_is_removed(void **state)
{
    (void)state;
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    assert_int_equal(plain_try(&mounted, 2, &err), 0);
    publish(&mounted, shown_version(1, "x\t1"));
    assert_int_equal(sl_place_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE); /* in use */
    mounted.viewer->ops->close(mounted.viewer);
    touch(&mounted, "mine");
    assert_int_equal(sl_place_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "mine"));
    mounted_assert_text(&mounted, "counts/current", "x\t1\n");
    char *mine = mounted_path(&mounted, "mine");
    unlink(mine);
    free(mine);
    assert_int_equal(sl_place_prepare(&sl_io_system, mounted.dir, &err), 0);
    assert_int_equal(rmdir(mounted.dir), 0); /* empty */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_missing_directory_is_made),
        cmocka_unit_test(test_what_is_in_the_way_is_named_and_stays),
        cmocka_unit_test(test_a_living_mount_is_left_alone),
        cmocka_unit_test(test_a_dead_mount_of_ours_is_taken_over),
        cmocka_unit_test(test_somebody_elses_mount_is_refused),
        cmocka_unit_test(test_plain_files_show_the_same_tree),
        cmocka_unit_test(test_an_old_plain_tree_of_ours_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
