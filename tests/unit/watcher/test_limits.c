/* No watches or no inotify instances left: in a user namespace of our own, whose limits are 0; skipped where
 * we may not have one. */
#include "yard.h"

#include <sched.h>

static bool set_limit(const char *name, const char *value)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/proc/sys/user/%s", name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    if (fd >= 0)
        close(fd);
    return done;
}

/* "auto" polls and names the limit in the log; "inotify" refuses by name. */
static void assert_polls_and_names(struct yard *yard, const char *limit)
{
    struct sl_error err = {0};
    struct sl_arrivals *arrivals;
    yard->options.poll_interval_ms = TICK_MS;
    yard_open(yard);
    assert_true(yard_counts(yard).polling);
    assert_non_null(strstr(yard->logged, limit));
    yard_move_in(yard, "a", "one\n");
    yard_take_until(yard, 1);
    assert_string_equal(yard_paths(yard), "in/a");
    yard->options.watch = SL_WATCH_INOTIFY;
    assert_int_equal(sl_watcher_open_arrivals(&yard->services, "in", &yard->options, &arrivals, &err),
                     SL_EFAIL);
    assert_non_null(strstr(err.text, limit));
    assert_non_null(strstr(err.text, "watched directory in"));
}

static void test_limits_on_watches_are_named(void **state)
{
    assert_polls_and_names(*state, "fs.inotify.max_user_watches");
}

static void test_limits_on_watches_of_a_large_directory_are_named(void **state)
{
    struct yard *yard = *state;
    yard_enlarge(yard);
    yard->options.poll_interval_ms = TICK_MS;
    yard_open(yard);
    yard_take(yard);
    assert_true(yard_counts(yard).polling);
    assert_non_null(strstr(yard->logged, "fs.inotify.max_user_watches"));
    yard_move_in(yard, "a", "one\n");
    yard_take_until(yard, 1);
    assert_string_equal(yard_paths(yard), "in/a");
}

static void test_limits_on_instances_are_named(void **state)
{
    assert_true(set_limit("max_inotify_instances", "0"));
    assert_polls_and_names(*state, "fs.inotify.max_user_instances");
}

int main(void)
{
    if (unshare(CLONE_NEWUSER) || !set_limit("max_inotify_watches", "0")) {
        printf("skipped: no user namespace of our own: %s\n", strerror(errno));
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limits_on_watches_are_named, yard_set_up, yard_tear_down),
        cmocka_unit_test_setup_teardown(test_limits_on_watches_of_a_large_directory_are_named, yard_set_up,
                                        yard_tear_down),
        cmocka_unit_test_setup_teardown(test_limits_on_instances_are_named, yard_set_up, yard_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
