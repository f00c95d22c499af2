/* The watched directory itself: refused, deleted, made again, renamed, replaced, watched twice. */
#include "yard.h"

static void test_places_that_are_no_directory_are_refused_by_name(void **state)
{
    static const struct {
        const char *dir, *text;
    } cases[] = {
        {"none", "watched directory none: No such file or directory; make it or correct the job"},
        {"none/", "watched directory none/: No such file or directory; make it or correct the job"},
        {"out/file",
         "watched directory out/file: Not a directory; name the directory that the files are moved into"},
    };
    struct yard *yard = *state;
    yard_append(yard, "out/file", "one\n");
    yard_open(yard);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_error err = {0};
        struct sl_arrivals *arrivals;
        int rc = sl_watcher_open_arrivals(&yard->services, cases[i].dir, &yard->options, &arrivals, &err);
        assert_int_equal(rc, SL_EUSAGE);
        assert_int_equal(err.code, SL_EUSAGE);
        assert_string_equal(err.text, cases[i].text);
    }
}

static void test_places_deleted_and_made_again_are_watched_again(void **state)
{
    struct yard *yard = *state;
    yard->options.poll_interval_ms = TICK_MS;
    yard_open(yard);
    for (int i = 0; i < 5; i++) {
        yard_move_in(yard, "a", "one\n");
        yard_take_until(yard, 1);
        yard_assert_taken(yard, "in/a");
        yard_delete(yard, "in/a");
        assert_int_equal(unlinkat(yard->dirfd, "in", AT_REMOVEDIR), 0);
        yard_wait_pending(yard);
        yard_take(yard);
        assert_int_equal(mkdirat(yard->dirfd, "in", 0755), 0);
    }
    assert_non_null(strstr(yard->logged, "in: the watched directory was removed or renamed"));
    assert_non_null(strstr(yard->logged, "in: the watched directory is there again"));
}

static void test_places_deleted_are_told_of_by_an_event(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_take(yard);
    assert_int_equal(unlinkat(yard->dirfd, "in", AT_REMOVEDIR), 0);
    yard_wait_pending(yard);
    assert_true(yard->arrivals->ops->pending(yard->arrivals));
    yard_take(yard);
    assert_false(yard->arrivals->ops->pending(yard->arrivals));
    yard_refresh(yard);
    assert_int_equal(mkdirat(yard->dirfd, "in", 0755), 0);
    yard_move_in(yard, "a", "one\n");
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/a");
}

static void test_places_renamed_away_and_back_are_not_read_again(void **state)
{
    struct yard *yard = *state;
    struct sl_files gone = {0};
    yard_open(yard);
    yard_append(yard, "in/a", "one\n");
    yard_take_until(yard, 1);
    yard_rename(yard, "in", "elsewhere");
    yard_wait_pending(yard);
    yard_take(yard);
    yard_append(yard, "elsewhere/b", "one\n");
    yard_take(yard);
    yard_assert_taken(yard, "");
    yard_rename(yard, "elsewhere", "in");
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/b");
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 0);
    yard_move_in(yard, "c", "one\n"); /* it is watched again */
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/c");
}

static void test_places_replaced_by_another_directory_are_read(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_append(yard, "in/a", "one\n");
    yard_take_until(yard, 1);
    yard_append(yard, "out/a", "two\n");
    yard_append(yard, "out/b", "two\n");
    assert_int_equal(renameat2(yard->dirfd, "in", yard->dirfd, "out", RENAME_EXCHANGE), 0);
    yard_wait_pending(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/a in/b");
    yard_move_in(yard, "c", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/c");
}

static void test_places_may_be_watched_twice_under_two_spellings(void **state)
{
    struct yard *yard = *state;
    struct sl_error err = {0};
    struct sl_arrivals *other;
    struct sl_files taken = {0};
    yard_open(yard);
    assert_int_equal(sl_watcher_open_arrivals(&yard->services, "./out/../in//", &yard->options, &other, &err),
                     0);
    yard_move_in(yard, "a", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/a");
    while (taken.count == 0) {
        assert_int_equal(other->ops->take(other, UINT64_MAX, UINT64_MAX, &taken, &err), 0);
        if (taken.count == 0)
            yard_wait(yard);
    }
    assert_string_equal(taken.file[0].path, "./out/../in/a");
    sl_files_done(&taken);
    other->ops->close(other);
    yard_move_in(yard, "b", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/b");
}

static void test_places_of_a_second_watcher_in_the_process_are_polled(void **state)
{
    struct yard *yard = *state;
    struct sl_watcher *first;
    struct sl_error err = {0};
    assert_int_equal(sl_watcher_new(&sl_io_system, yard_wake, yard, &first, &err), 0);
    yard->options.poll_interval_ms = TICK_MS;
    yard_open(yard);
    assert_true(yard_counts(yard).polling);
    assert_non_null(strstr(yard->logged, "it is scanned every pollInterval instead"));
    yard_take(yard);
    yard_move_in(yard, "a", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/a");
    struct sl_arrivals *arrivals;
    yard->options.watch = SL_WATCH_INOTIFY;
    assert_int_equal(sl_watcher_open_arrivals(&yard->services, "in", &yard->options, &arrivals, &err),
                     SL_EFAIL);
    yard_shut(yard);
    sl_watcher_free(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, yard_set_up, yard_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_places_that_are_no_directory_are_refused_by_name),
        TEST(test_places_deleted_and_made_again_are_watched_again),
        TEST(test_places_deleted_are_told_of_by_an_event),
        TEST(test_places_renamed_away_and_back_are_not_read_again),
        TEST(test_places_replaced_by_another_directory_are_read),
        TEST(test_places_may_be_watched_twice_under_two_spellings),
        TEST(test_places_of_a_second_watcher_in_the_process_are_polled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
