/* Many new files that all workers look at: each is taken once, as it is, and only when it is not being written. */
#include "core/base/pool.h"
#include "watcher/file_stat.h"
#include "yard.h"

#include <stdatomic.h>

enum { NAMES = 700, WORKERS = 3, OPEN = 5 };

struct see_io {
    struct sl_io io;
    struct sl_io_ops ops;
    _Atomic long looks;
    long fault; /* the look that fails; 0: none */
};

static int see_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                     struct statx *ret)
{
    struct see_io *see = (struct see_io *)io;
    if (atomic_fetch_add(&see->looks, 1) + 1 != see->fault)
        return statx(dirfd, path, flags, mask, ret);
    errno = ENOMEM;
    return -1;
}

static void make_names(const struct yard *yard)
{
    char path[32];
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(path, sizeof path, "in/f%03d", i);
        int fd = openat(yard->dirfd, path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "x\n", 2), 2);
        close(fd);
    }
}

/* Without events: nothing but looks tells what is there. */
static int set_up(void **state)
{
    (void)yard_set_up(state);
    struct yard *yard = *state;
    yard->options.watch = SL_WATCH_POLL;
    yard->services.pool = sl_pool_new(WORKERS, NULL);
    assert_non_null(yard->services.pool);
    make_names(yard);
    return 0;
}

static int tear_down(void **state)
{
    struct yard *yard = *state;
    struct sl_pool *pool = yard->services.pool;
    yard_shut(yard);
    sl_pool_free(pool);
    return yard_tear_down(state);
}

static void assert_in_order(const struct yard *yard, size_t count)
{
    assert_int_equal(yard->taken.count, count);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(yard->taken.file[i - 1].path, yard->taken.file[i].path) < 0);
}

static void test_see_files_that_are_being_written_wait(void **state)
{
    struct yard *yard = *state;
    int fd[OPEN];
    char path[32];
    for (int i = 0; i < OPEN; i++) {
        (void)snprintf(path, sizeof path, "in/f%03d", 200 + i);
        fd[i] = openat(yard->dirfd, path, O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_true(fd[i] >= 0);
    }
    yard_open(yard);
    yard_take(yard);
    assert_in_order(yard, NAMES - OPEN);
    assert_int_equal(yard_counts(yard).standing[SL_STANDING_WRITING], OPEN);
    for (int i = 0; i < OPEN; i++) {
        assert_int_equal(write(fd[i], "more\n", 5), 5);
        close(fd[i]);
    }
    yard_refresh(yard);
    yard_take(yard);
    assert_in_order(yard, OPEN);
    assert_int_equal(yard->taken.file[0].size, 7);
    yard_refresh(yard);
    yard_take(yard);
    assert_int_equal(yard->taken.count, 0);
}

static void test_see_what_changed_after_the_refresh_is_taken_as_it_is(void **state)
{
    struct yard *yard = *state;
    struct sl_file_stat look;
    yard_open(yard);
    yard_refresh(yard);
    yard_move_in(yard, "f300", "another\n");
    yard_delete(yard, "in/f301");
    yard_take(yard);
    assert_in_order(yard, NAMES - 1);
    assert_int_equal(sl_file_stat_get(&sl_io_system, yard->dirfd, "in", "in/f300", &look, NULL), 0);
    assert_string_equal(yard->taken.file[300].path, "in/f300");
    assert_int_equal(yard->taken.file[300].inode, look.inode);
    assert_int_equal(yard->taken.file[300].size, look.size);
}

static void test_see_keeps_within_the_limit_of_files(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_refresh(yard);
    sl_files_done(&yard->taken);
    yard_take_more(yard, 450, UINT64_MAX);
    assert_in_order(yard, 450);
    yard_take_more(yard, 450, UINT64_MAX);
    assert_in_order(yard, NAMES);
}

static bool accept_on_main_thread(void *arg, const char *name)
{
    const pthread_t *main_thread = arg;
    assert_true(pthread_equal(*main_thread, pthread_self()));
    return name[3] != '7';
}

static void test_see_leaves_a_users_filter_to_the_main_thread(void **state)
{
    struct yard *yard = *state;
    pthread_t main_thread = pthread_self();
    yard->options.accept = accept_on_main_thread;
    yard->options.accept_arg = &main_thread;
    yard_open(yard);
    yard_take(yard);
    assert_in_order(yard, NAMES - NAMES / 10);
}

static void test_see_a_look_that_fails_once_is_made_again(void **state)
{
    struct yard *yard = *state;
    struct see_io see = {.ops = *sl_io_system.ops};
    see.ops.statx = see_statx;
    see.io.ops = &see.ops;
    yard->services.io = &see.io;
    yard_open(yard);
    see.fault = atomic_load(&see.looks) + 400; /* of a name */
    yard_refresh(yard);
    yard_take(yard);
    assert_in_order(yard, NAMES);
    yard_shut(yard); /* before see is no more */
}

static void test_see_what_was_there_before_is_old_with_new_files_only(void **state)
{
    struct yard *yard = *state;
    struct sl_files old = {0};
    struct sl_error err = {0};
    yard->options.existing = false;
    yard_open(yard);
    assert_int_equal(yard->arrivals->ops->decide(yard->arrivals, false, &old, &err), 0);
    assert_int_equal(old.count, NAMES);
    sl_files_done(&old);
    yard_move_in(yard, "g", "new\n");
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/g");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_see_files_that_are_being_written_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_see_what_changed_after_the_refresh_is_taken_as_it_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_see_keeps_within_the_limit_of_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_see_leaves_a_users_filter_to_the_main_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_see_a_look_that_fails_once_is_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_see_what_was_there_before_is_old_with_new_files_only, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
