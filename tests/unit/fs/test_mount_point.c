/* Where a view may appear, and what an earlier run left there. */
#include "mounted.h"

#include "fs/mount/mount_point.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static bool have_fuse(void)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void test_a_missing_directory_is_made(void **state)
{
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    char *nested = mounted_path(&mounted, "a/b");
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, nested, &err), 0);
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, nested, &err), 0);
    free(nested);
    mounted_remove(&mounted);
}

static void test_what_is_in_the_way_is_named_and_stays(void **state)
{
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    mounted_touch(&mounted, "mine");
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "mine"));
    char *file = mounted_path(&mounted, "mine");
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, file, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "Not a directory"));
    free(file);
    assert_int_equal(mounted_errno(&mounted, "mine"), 0);
    mounted_remove(&mounted);
}

static void test_a_living_mount_is_left_alone(void **state)
{
    if (!have_fuse())
        skip();
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_open(&mounted, 5);
    mounted_publish(&mounted, shown_version(1, "a\t1"));
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
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
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    if (mount("none", mounted.dir, "tmpfs", 0, "size=16k") < 0) {
        rmdir(mounted.dir);
        skip();
    }
    assert_int_equal(sl_mount_point_prepare(&sl_io_system, mounted.dir, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "something else is mounted"));
    assert_int_equal(umount(mounted.dir), 0);
    mounted_remove(&mounted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_missing_directory_is_made),
        cmocka_unit_test(test_what_is_in_the_way_is_named_and_stays),
        cmocka_unit_test(test_a_living_mount_is_left_alone),
        cmocka_unit_test(test_a_dead_mount_of_ours_is_taken_over),
        cmocka_unit_test(test_somebody_elses_mount_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
