/* A watched directory that is a mount: in a mount namespace of our own; skipped where we may not have one. */
#include "yard.h"

#include <sched.h>
#include <sys/mount.h>

static int tear_down(void **state)
{
    struct yard *yard = *state;
    char in[PATH_MAX + 8];
    (void)snprintf(in, sizeof in, "%s/in", yard->path);
    (void)umount2(in, MNT_DETACH); /* where the test has not done it */
    return yard_tear_down(state);
}

static void test_mounts_that_go_and_come_back_are_not_read_again(void **state)
{
    struct yard *yard = *state;
    struct sl_files gone = {0};
    char in[PATH_MAX + 8], from[PATH_MAX + 8];
    (void)snprintf(in, sizeof in, "%s/in", yard->path);
    (void)snprintf(from, sizeof from, "%s/from", yard->path);
    assert_int_equal(mkdirat(yard->dirfd, "from", 0755), 0);
    assert_int_equal(mount(from, in, NULL, MS_BIND, NULL), 0);
    yard_open(yard);
    yard_append(yard, "in/a", "one\n");
    yard_take_until(yard, 1);
    assert_string_equal(yard_paths(yard), "in/a");
    assert_int_equal(umount(in), 0); /* nothing of ours holds it */
    yard_append(yard, "in/below", "one\n");
    yard_refresh(yard);
    yard_take(yard);
    assert_int_equal(yard->taken.count, 0);
    assert_non_null(strstr(yard->logged, "in: another file system is there now"));
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 0);
    yard_append(yard, "from/b", "one\n");
    assert_int_equal(mount(from, in, NULL, MS_BIND, NULL), 0);
    yard_refresh(yard);
    yard_take(yard);
    assert_string_equal(yard_paths(yard), "in/b");
    yard_move_in(yard, "../from/c", "one\n");
    yard_take_until(yard, 1);
    assert_string_equal(yard_paths(yard), "in/c");
}

static void test_mounts_are_told_of_when_their_file_system_goes(void **state)
{
    struct yard *yard = *state;
    char in[PATH_MAX + 8];
    (void)snprintf(in, sizeof in, "%s/in", yard->path);
    assert_int_equal(mount("none", in, "tmpfs", 0, NULL), 0);
    yard_open(yard);
    yard_append(yard, "in/a", "one\n");
    yard_take_until(yard, 1);
    assert_int_equal(umount(in), 0);
    yard_wait_pending(yard);
    yard_take(yard);
    assert_non_null(strstr(yard->logged, "in: another file system is there now"));
}

int main(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        printf("skipped: no mount namespace of our own: %s\n", strerror(errno));
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mounts_that_go_and_come_back_are_not_read_again, yard_set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_mounts_are_told_of_when_their_file_system_goes, yard_set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
