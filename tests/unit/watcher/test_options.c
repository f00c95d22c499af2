/* The file options of a job: filter, newFilesOnly, minAge, complete, watch, pollInterval. */
#include "yard.h"

static void test_options_filter_by_glob(void **state)
{
    struct yard *yard = *state;
    yard->options.glob = "*.log";
    yard_append(yard, "in/a.log", "one\n");
    yard_append(yard, "in/a.txt", "one\n");
    yard_open(yard);
    yard_move_in(yard, "b.log", "one\n");
    yard_move_in(yard, "b.txt", "one\n");
    yard_take_until_standing(yard, "b.txt", SL_STANDING_FILTERED);
    yard_assert_taken(yard, "in/a.log in/b.log");
    assert_int_equal(yard_counts(yard).standing[SL_STANDING_FILTERED], 2);
}

static bool accept_short(void *arg, const char *name)
{
    ++*(int *)arg;
    return strlen(name) < 2;
}

static void test_options_filter_by_function_called_once_per_name(void **state)
{
    struct yard *yard = *state;
    int calls = 0;
    yard->options.accept = accept_short;
    yard->options.accept_arg = &calls;
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/longer", "one\n");
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/a");
    yard_refresh(yard);
    yard_refresh(yard);
    assert_int_equal(calls, 2);
}

static void test_options_new_files_only_leaves_what_was_there(void **state)
{
    struct yard *yard = *state;
    yard->options.existing = false;
    yard_append(yard, "in/old", "one\n");
    yard_append(yard, "in/replaced", "one\n");
    yard_append(yard, "in/appended", "one\n");
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "");
    yard_move_in(yard, "new", "one\n");
    yard_move_in(yard, "replaced", "two\n");
    yard_append(yard, "in/appended", "more\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/appended in/new in/replaced");
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_standing(yard, "old"), SL_STANDING_OLD);
}

static void test_options_new_files_only_takes_what_arrives_between_opening_and_the_first_take(void **state)
{
    struct yard *yard = *state;
    yard->options.existing = false;
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
}

static void test_options_new_files_only_after_a_restart_leaves_what_was_there(void **state)
{
    struct yard *yard = *state;
    struct sl_files gone = {0};
    yard->options.existing = false;
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_move_in(yard, "b", "one\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a in/b");
    yard_shut(yard);
    yard_move_in(yard, "b", "another\n");
    yard_open(yard);
    yard_remember(yard, &yard->taken);
    yard_take(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_standing(yard, "a"), SL_STANDING_TAKEN);
    assert_int_equal(yard_standing(yard, "b"), SL_STANDING_OLD);
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 1);
    assert_string_equal(gone.file[0].path, "in/b");
    sl_files_done(&gone);
}

static void test_options_min_age_waits_since_the_last_change(void **state)
{
    struct yard *yard = *state;
    yard->options.age_min_ms = 1000;
    yard_open(yard);
    yard_take(yard); /* so that it is an event that tells of the file */
    yard_move_in(yard, "a", "one\n");
    yard_take_until_standing(yard, "a", SL_STANDING_AGING);
    assert_false(yard->arrivals->ops->pending(yard->arrivals));
    yard->clock.now_ms += 999;
    assert_false(yard->arrivals->ops->pending(yard->arrivals));
    yard_append(yard, "in/a", "two\n"); /* begins anew */
    yard_wait_pending(yard);
    yard_take(yard);
    yard->clock.now_ms += 1;
    yard_take(yard);
    yard_assert_taken(yard, "");
    yard->clock.now_ms += 999;
    assert_true(yard->arrivals->ops->pending(yard->arrivals));
    yard_take(yard);
    yard_assert_taken(yard, "in/a");
    assert_int_equal(yard->taken.file[0].size, 8);
}

static void test_options_min_age_counts_the_time_before_the_start(void **state)
{
    struct yard *yard = *state;
    yard->options.age_min_ms = 1000;
    yard_append(yard, "in/a", "one\n");
    yard->clock.now_ms = sl_clock_real.now_ms(&sl_clock_real) + 1000;
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/a");
}

static void set_age(const struct yard *yard, const char *path, time_t seconds)
{
    struct timespec times[2];
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    assert_int_equal(utimensat(yard->dirfd, path, times, 0), 0);
}

/* It is of an earlier file of that name. */
static void test_options_complete_ignores_a_marker_that_is_older_than_its_file(void **state)
{
    struct yard *yard = *state;
    yard->options.complete = "%.done";
    yard_append(yard, "in/a.done", "");
    set_age(yard, "in/a.done", 3600);
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/b", "one\n");
    yard_append(yard, "in/b.done", "");
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/b");
    assert_int_equal(yard_standing(yard, "a"), SL_STANDING_UNMARKED);
}

static void test_options_complete_waits_for_the_marker(void **state)
{
    struct yard *yard = *state;
    yard->options.complete = "%.done";
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/b", "one\n");
    yard_append(yard, "in/b.done", "");
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/b");
    assert_int_equal(yard_standing(yard, "a"), SL_STANDING_UNMARKED);
    yard_move_in(yard, "c.done", ""); /* before its file, and not older */
    set_age(yard, "in/c.done", -3600);
    yard_move_in(yard, "c", "one\n");
    yard_take_until_standing(yard, "c", SL_STANDING_TAKEN);
    yard_assert_taken(yard, "in/c");
    yard_append(yard, "in/a.done", "");
    yard_take_until_standing(yard, "a", SL_STANDING_TAKEN);
    yard_assert_taken(yard, "in/a");
    assert_int_equal(yard_counts(yard).changed, 0);
}

static void test_options_complete_accepts_hidden_markers(void **state)
{
    struct yard *yard = *state;
    yard->options.complete = ".%.ok";
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_move_in(yard, ".a.ok", "");
    yard_take_until_standing(yard, "a", SL_STANDING_TAKEN);
    yard_assert_taken(yard, "in/a");
}

static void test_options_complete_without_a_place_for_the_name_is_refused(void **state)
{
    static const char *const wrong[] = {"done", "%", "%%", "%/done", ""};
    struct yard *yard = *state;
    yard_open(yard);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sl_error err = {0};
        struct sl_arrivals *arrivals;
        yard->options.complete = wrong[i];
        assert_int_equal(sl_watcher_open_arrivals(&yard->services, "in", &yard->options, &arrivals, &err),
                         SL_EUSAGE);
    }
}

static void test_options_poll_finds_by_ticks(void **state)
{
    struct yard *yard = *state;
    yard->options.watch = SL_WATCH_POLL;
    yard->options.poll_interval_ms = TICK_MS;
    yard_open(yard);
    assert_true(yard_counts(yard).polling);
    yard_take(yard);
    yard_move_in(yard, "a", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/a");
    yard_append(yard, "in/a", "two\n");
    yard_move_in(yard, "b", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/b");
    yard_refresh(yard);
    assert_int_equal(yard_counts(yard).changed, 1);
}

static void test_options_poll_waits_for_a_slow_writer(void **state)
{
    struct yard *yard = *state;
    yard->options.watch = SL_WATCH_POLL;
    yard->options.poll_interval_ms = TICK_MS;
    yard_open(yard);
    int fd = openat(yard->dirfd, "in/a", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(write(fd, "one\n", 4), 4);
        yard_wait_pending(yard);
        yard_take(yard);
        yard_assert_taken(yard, "");
    }
    close(fd);
    yard_take_until(yard, 1);
    assert_int_equal(yard->taken.file[0].size, 20);
}

static void test_options_interval_looks_again_at_what_is_held_back(void **state)
{
    struct yard *yard = *state;
    yard->options.poll_interval_ms = TICK_MS;
    yard_open(yard);
    /* No event tells that a directory is finished. */
    assert_int_equal(mkdirat(yard->dirfd, "in/job", 0755), 0);
    yard_take_until_standing(yard, "job", SL_STANDING_UNFINISHED);
    yard_append(yard, "in/job/part-00000", "one\n");
    yard_append(yard, "in/job/_SUCCESS", "");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/job/part-00000");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, yard_set_up, yard_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_options_filter_by_glob),
        TEST(test_options_filter_by_function_called_once_per_name),
        TEST(test_options_new_files_only_leaves_what_was_there),
        TEST(test_options_new_files_only_takes_what_arrives_between_opening_and_the_first_take),
        TEST(test_options_new_files_only_after_a_restart_leaves_what_was_there),
        TEST(test_options_min_age_waits_since_the_last_change),
        TEST(test_options_min_age_counts_the_time_before_the_start),
        TEST(test_options_complete_ignores_a_marker_that_is_older_than_its_file),
        TEST(test_options_complete_waits_for_the_marker),
        TEST(test_options_complete_accepts_hidden_markers),
        TEST(test_options_complete_without_a_place_for_the_name_is_refused),
        TEST(test_options_poll_finds_by_ticks),
        TEST(test_options_poll_waits_for_a_slow_writer),
        TEST(test_options_interval_looks_again_at_what_is_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
