/* The ways a file can arrive, through real directories: each is taken exactly once. */
#include "core/base/clock.h"
#include "yard.h"

static void test_arrivals_take_what_is_there_at_start_in_name_order(void **state)
{
    struct yard *yard = *state;
    yard_append(yard, "in/b", "two\n");
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/c", "three\n");
    yard_open(yard);
    assert_true(yard->arrivals->ops->pending(yard->arrivals));
    yard_take(yard);
    yard_assert_taken(yard, "in/a in/b in/c");
    assert_int_equal(yard->taken.file[0].size, 4);
    assert_true(yard->taken.file[0].inode != 0);
    yard_take(yard);
    yard_assert_taken(yard, "");
    assert_false(yard->arrivals->ops->pending(yard->arrivals));
}

static void test_arrivals_take_a_renamed_file_once(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_take(yard);
    assert_false(yard->arrivals->ops->pending(yard->arrivals));
    yard_move_in(yard, "a", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/a");
    yard_take_all(yard);
    yard_assert_taken(yard, "");
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "");
}

static void test_arrivals_take_a_renamed_file_that_its_writer_still_holds(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    int fd = openat(yard->dirfd, "out/a", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "one\n", 4), 4);
    yard_rename(yard, "out/a", "in/a");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    close(fd);
    yard_take_all(yard);
    yard_assert_taken(yard, "");
}

static void test_arrivals_take_each_hard_link(void **state)
{
    struct yard *yard = *state;
    yard_append(yard, "out/a", "one\n");
    yard_open(yard);
    assert_int_equal(linkat(yard->dirfd, "out/a", yard->dirfd, "in/a", 0), 0);
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    assert_int_equal(linkat(yard->dirfd, "out/a", yard->dirfd, "in/b", 0), 0);
    yard_take_all(yard);
    yard_assert_taken(yard, "in/b");
}

static void test_arrivals_take_a_nameless_file_when_it_is_linked(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    int fd = openat(yard->dirfd, "in", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
    char path[64];
    if (fd < 0)
        skip();
    assert_int_equal(write(fd, "one\n", 4), 4);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_int_equal(linkat(AT_FDCWD, path, yard->dirfd, "in/a", AT_SYMLINK_FOLLOW), 0);
    close(fd);
    yard_take_until_standing(yard, "a", SL_STANDING_TAKEN);
    yard_assert_taken(yard, "in/a");
}

static void test_arrivals_take_a_file_written_in_place_when_it_is_closed(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    int fd = openat(yard->dirfd, "in/a", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    yard_take_all(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_standing(yard, "a"), SL_STANDING_WRITING);
    assert_int_equal(write(fd, "one\n", 4), 4);
    yard_refresh(yard);
    yard_take_all(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(write(fd, "two\n", 4), 4);
    close(fd);
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    assert_int_equal(yard->taken.file[0].size, 8);
    assert_int_equal(yard_counts(yard).changed, 0);
}

static void test_arrivals_leave_a_file_that_a_scan_finds_being_written(void **state)
{
    struct yard *yard = *state;
    int fd = openat(yard->dirfd, "in/a", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "one\n", 4), 4);
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_standing(yard, "a"), SL_STANDING_WRITING);
    close(fd);
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
}

static void test_arrivals_take_an_empty_file(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_move_in(yard, "a", "");
    yard_append(yard, "in/b", "");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a in/b");
}

static void test_arrivals_take_the_last_of_several_under_one_name(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_take(yard);
    yard_move_in(yard, "a", "one\n");
    yard_move_in(yard, "a", "second\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    assert_int_equal(yard->taken.file[0].size, 7);
}

static void test_arrivals_take_a_replacement_as_a_new_arrival(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_take_all(yard);
    uint64_t inode = yard->taken.file[0].inode;
    yard_move_in(yard, "a", "two\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    assert_non_null(strstr(yard->logged, "in/a: a new file of this name"));
    struct sl_files gone = {0};
    yard_gone(yard, &gone);
    size_t found = 0;
    for (size_t i = 0; i < gone.count; i++)
        if (strcmp(gone.file[i].path, "in/a") == 0) {
            assert_int_equal(gone.file[i].inode, inode);
            found++;
        }
    assert_int_equal(found, 1);
    sl_files_done(&gone);
}

static void test_arrivals_take_a_deleted_and_remade_file_again_though_its_inode_is_reused(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    for (int i = 0; i < 20; i++) {
        yard_append(yard, "in/a", "one\n");
        yard_take_all(yard);
        yard_assert_taken(yard, "in/a");
        yard_delete(yard, "in/a");
    }
}

static void test_arrivals_take_the_replacement_a_scan_finds(void **state)
{
    struct yard *yard = *state;
    yard->options.watch = SL_WATCH_POLL;
    yard_open(yard);
    for (int i = 0; i < 20; i++) {
        yard_move_in(yard, "a", "one\n");
        yard_refresh(yard);
        yard_take(yard);
        yard_assert_taken(yard, "in/a");
    }
}

static void test_arrivals_take_both_sides_of_an_exchange(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_append(yard, "out/b", "second\n");
    yard_move_in(yard, "a", "one\n");
    assert_int_equal(renameat2(yard->dirfd, "in/a", yard->dirfd, "out/b", RENAME_EXCHANGE), 0);
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    assert_int_equal(yard->taken.file[0].size, 7);
    assert_int_equal(renameat2(yard->dirfd, "in/a", yard->dirfd, "out/b", RENAME_EXCHANGE), 0);
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    assert_int_equal(yard->taken.file[0].size, 4);
}

static void test_arrivals_take_what_moved_away_and_in_again(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    yard_rename(yard, "in/a", "out/a");
    yard_take_all(yard);
    yard_assert_taken(yard, "");
    yard_rename(yard, "out/a", "in/a");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    struct sl_files gone = {0};
    yard_gone(yard, &gone);
    for (size_t i = 0; i < gone.count; i++)
        assert_string_not_equal(gone.file[i].path, "in/a"); /* it is there, and taken */
    sl_files_done(&gone);
}

static void test_arrivals_drop_what_vanished_before_it_was_taken(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_move_in(yard, "b", "one\n");
    yard_refresh(yard);
    yard_delete(yard, "in/a");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/b");
    assert_int_equal(yard_standing(yard, "a"), SL_STANDING_NEW);
}

static void test_arrivals_count_what_changed_after_it_was_taken_and_warn_once(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_append(yard, "in/a", "one\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
    for (int i = 0; i < 3; i++) {
        yard_append(yard, "in/a", "more\n");
        yard_take_all(yard);
        yard_assert_taken(yard, "");
    }
    assert_int_equal(yard_counts(yard).changed, 1);
    char *told = strstr(yard->logged, "in/a: changed after it was taken");
    assert_non_null(told);
    assert_null(strstr(told + 1, "in/a: changed after it was taken"));
}

static void test_arrivals_ignore_names_by_rule(void **state)
{
    static const char *const names[] = {".a", "_a", "a~", "a.tmp", "a.part"};
    struct yard *yard = *state;
    yard_open(yard);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        yard_move_in(yard, names[i], "one\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "");
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_counts(yard).ignored, sizeof names / sizeof *names);
    yard_rename(yard, "in/a.part", "in/a");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a");
}

static void test_arrivals_ignore_and_count_what_is_not_a_regular_file(void **state)
{
    struct yard *yard = *state;
    yard_append(yard, "out/a", "one\n");
    yard_open(yard);
    assert_int_equal(symlinkat("../out/a", yard->dirfd, "in/link"), 0);
    assert_int_equal(mkfifoat(yard->dirfd, "in/fifo", 0644), 0);
    yard_take_all(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_counts(yard).standing[SL_STANDING_IRREGULAR], 2);
    yard_refresh(yard);
    assert_int_equal(yard_counts(yard).standing[SL_STANDING_IRREGULAR], 2);
    yard_delete(yard, "in/fifo");
    yard_move_in(yard, "fifo", "one\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/fifo");
    assert_int_equal(yard_counts(yard).standing[SL_STANDING_IRREGULAR], 1);
}

static void test_arrivals_take_names_of_any_bytes(void **state)
{
    char longest[256], paths[4096];
    memset(longest, 'x', 255);
    longest[255] = 0;
    const char *const names[] = {"\n", " ", "\"'$(x)\\", "\xff\xfe", "a\tb", longest, "\xc3\xa4"};
    struct yard *yard = *state;
    yard_open(yard);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        yard_move_in(yard, names[i], "one\n");
    yard_take_all(yard);
    (void)snprintf(paths, sizeof paths, "in/\n in/  in/\"'$(x)\\ in/a\tb in/%s in/\xc3\xa4 in/\xff\xfe",
                   longest);
    yard_assert_taken(yard, paths);
}

static void test_arrivals_take_up_to_the_limits_earliest_seen_first(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    yard_take(yard); /* so that events tell the order */
    yard_move_in(yard, "d", "one\n");
    yard_move_in(yard, "c", "one\n");
    yard_move_in(yard, "b", "longer than all\n");
    yard_move_in(yard, "a", "one\n");
    while (yard_take_more(yard, 0, UINT64_MAX), yard_standing(yard, "a") != SL_STANDING_WAITING)
        yard_wait(yard);
    yard_take_more(yard, 2, UINT64_MAX);
    yard_assert_taken(yard, "in/c in/d");
    sl_files_done(&yard->taken);
    assert_true(yard->arrivals->ops->pending(yard->arrivals));
    yard_take_more(yard, 2, 3);
    yard_assert_taken(yard, "in/b"); /* alone it is over the limit, and taken */
    sl_files_done(&yard->taken);
    yard_take_more(yard, 0, UINT64_MAX);
    yard_assert_taken(yard, "");
    yard_take(yard);
    yard_assert_taken(yard, "in/a");
    assert_false(yard->arrivals->ops->pending(yard->arrivals));
}

static void test_arrivals_look_again_at_what_the_limits_left(void **state)
{
    struct yard *yard = *state;
    yard->options.watch = SL_WATCH_POLL;
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/b", "one\n");
    yard_append(yard, "in/c", "one\n");
    yard_open(yard);
    yard_take_more(yard, 1, UINT64_MAX);
    yard_assert_taken(yard, "in/a");
    yard_delete(yard, "in/b");
    yard_append(yard, "in/c", "more\n");
    yard_take(yard);
    yard_assert_taken(yard, "in/c");
    assert_int_equal(yard->taken.file[0].size, 9);
}

static void test_arrivals_without_a_checkpoint_keep_nothing_of_what_has_gone(void **state)
{
    struct yard *yard = *state;
    struct sl_files gone = {0};
    yard->services.durable = false;
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_take_all(yard);
    yard_delete(yard, "in/a");
    yard_refresh(yard);
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 0);
}

enum { REFRESH_LASTS_NS = 100 * 1000000 }; /* as watcher/take.c has it */

/* How often files were asked for a writer, which opens them, and when the first one was looked at again. */
static struct {
    int leases;
    bool is_slow; /* the next look lasts longer than a refresh does */
    int64_t first_look_ns;
} asked;

static int counting_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    asked.leases += strncmp(path, "waits", 5) == 0;
    return sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
}

static int slow_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                      struct statx *ret)
{
    if (asked.is_slow && strncmp(path, "waits", 5) == 0) {
        asked.first_look_ns = sl_monotonic_ns();
        asked.is_slow = false;
        while (sl_monotonic_ns() - asked.first_look_ns <= REFRESH_LASTS_NS)
            continue;
    }
    return statx(dirfd, path, flags, mask, ret);
}

/* Two files wait; they are taken after a refresh. False: the machine was so busy that it was not right after it. */
static bool take_after_refresh(struct yard *yard)
{
    yard_append(yard, "in/waits1", "one\n");
    yard_append(yard, "in/waits2", "one\n");
    yard_open(yard);
    asked.leases = 0;
    int64_t before_ns = sl_monotonic_ns();
    yard_refresh(yard);
    assert_int_equal(asked.leases, 2);
    asked.is_slow = true;
    yard_take(yard);
    yard_assert_taken(yard, "in/waits1 in/waits2");
    return asked.first_look_ns - before_ns <= REFRESH_LASTS_NS;
}

static void test_arrivals_ask_once_for_a_writer_of_what_is_taken_right_after_a_refresh_though_it_takes_long(
    void **state)
{
    struct yard *yard = *state;
    struct sl_io_ops ops = *sl_io_system.ops;
    struct sl_io io = {&ops};
    ops.openat = counting_openat;
    ops.statx = slow_statx;
    yard->services.io = &io;
    while (!take_after_refresh(yard)) {
        yard_shut(yard);
        yard_delete(yard, "in/waits1");
        yard_delete(yard, "in/waits2");
    }
    assert_int_equal(asked.leases, 2);
    yard_shut(yard);
}

static void test_arrivals_see_what_changed_right_after_a_refresh(void **state)
{
    struct yard *yard = *state;
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/b", "one\n");
    yard_append(yard, "in/c", "one\n");
    yard_open(yard);
    yard_refresh(yard);
    yard_move_in(yard, "a", "other\n");
    yard_append(yard, "in/b", "and more\n");
    yard_take(yard);
    yard_assert_taken(yard, "in/a in/b in/c");
    assert_int_equal(yard->taken.file[0].size, strlen("other\n"));
    assert_int_equal(yard->taken.file[1].size, strlen("one\nand more\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, yard_set_up, yard_tear_down)

static void test_arrivals_see_what_comes_to_a_large_directory(void **state)
{
    struct yard *yard = *state;
    yard_enlarge(yard);
    yard_open(yard);
    yard_shut(yard); /* while it is being watched */
    yard_open(yard);
    yard_move_in(yard, "a", "one\n");
    yard_take(yard);
    yard_assert_taken(yard, "in/a");
    assert_false(yard_counts(yard).polling);
    yard_move_in(yard, "b", "one\n");
    yard_take_until(yard, 1);
    yard_assert_taken(yard, "in/b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arrivals_take_what_is_there_at_start_in_name_order),
        TEST(test_arrivals_take_a_renamed_file_once),
        TEST(test_arrivals_take_a_renamed_file_that_its_writer_still_holds),
        TEST(test_arrivals_take_each_hard_link),
        TEST(test_arrivals_take_a_nameless_file_when_it_is_linked),
        TEST(test_arrivals_take_a_file_written_in_place_when_it_is_closed),
        TEST(test_arrivals_leave_a_file_that_a_scan_finds_being_written),
        TEST(test_arrivals_take_an_empty_file),
        TEST(test_arrivals_take_the_last_of_several_under_one_name),
        TEST(test_arrivals_take_a_replacement_as_a_new_arrival),
        TEST(test_arrivals_take_a_deleted_and_remade_file_again_though_its_inode_is_reused),
        TEST(test_arrivals_take_the_replacement_a_scan_finds),
        TEST(test_arrivals_take_both_sides_of_an_exchange),
        TEST(test_arrivals_take_what_moved_away_and_in_again),
        TEST(test_arrivals_drop_what_vanished_before_it_was_taken),
        TEST(test_arrivals_count_what_changed_after_it_was_taken_and_warn_once),
        TEST(test_arrivals_ignore_names_by_rule),
        TEST(test_arrivals_see_what_comes_to_a_large_directory),
        TEST(test_arrivals_ignore_and_count_what_is_not_a_regular_file),
        TEST(test_arrivals_take_names_of_any_bytes),
        TEST(test_arrivals_take_up_to_the_limits_earliest_seen_first),
        TEST(test_arrivals_look_again_at_what_the_limits_left),
        TEST(test_arrivals_ask_once_for_a_writer_of_what_is_taken_right_after_a_refresh_though_it_takes_long),
        TEST(test_arrivals_see_what_changed_right_after_a_refresh),
        TEST(test_arrivals_without_a_checkpoint_keep_nothing_of_what_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
