/* A directory that holds _SUCCESS is one arrival. */
#include "yard.h"

static void make_job(struct yard *yard, const char *dir, bool finished)
{
    static const char *const names[] = {"part-00001", "part-00000", ".part-00000.crc", "_logs", "x.tmp"};
    char path[PATH_MAX];
    assert_int_equal(mkdirat(yard->dirfd, dir, 0755), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        yard_append(yard, path, "one\n");
    }
    (void)snprintf(path, sizeof path, "%s/_SUCCESS", dir);
    if (finished)
        yard_append(yard, path, "");
}

static void remove_tree(struct yard *yard, const char *path)
{
    assert_int_equal(sl_io_remove_tree(&sl_io_system, yard->dirfd, path, NULL), 0);
}

static void test_parts_of_a_directory_renamed_in_arrive_together(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    make_job(yard, "out/job", true);
    yard_move_in(yard, "a", "one\n");
    yard_rename(yard, "out/job", "in/job");
    yard_move_in(yard, "z", "one\n");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/a in/job/part-00000 in/job/part-00001 in/z");
    assert_int_equal(yard->taken.file[1].size, 4);
    yard_refresh(yard);
    yard_take_all(yard);
    yard_assert_taken(yard, "");
}

static void test_parts_of_an_unfinished_directory_are_not_read(void **state)
{
    struct yard *yard = *state;
    make_job(yard, "in/job", false);
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_standing(yard, "job"), SL_STANDING_UNFINISHED);
    yard_append(yard, "in/job/_SUCCESS", "");
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/job/part-00000 in/job/part-00001");
}

static void test_parts_are_never_cut_over_two_batches(void **state)
{
    struct yard *yard = *state;
    yard_append(yard, "in/a", "one\n");
    make_job(yard, "in/job", true);
    yard_append(yard, "in/z", "one\n");
    yard_open(yard);
    yard_take_more(yard, 2, UINT64_MAX);
    yard_assert_taken(yard, "in/a");
    sl_files_done(&yard->taken);
    yard_take_more(yard, 1, UINT64_MAX);
    yard_assert_taken(yard, "in/job/part-00000 in/job/part-00001");
    sl_files_done(&yard->taken);
    yard_take_more(yard, 1, UINT64_MAX);
    yard_assert_taken(yard, "in/z");
}

static void test_parts_of_a_replaced_directory_arrive_again(void **state)
{
    struct yard *yard = *state;
    yard_open(yard);
    make_job(yard, "in/job", true);
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/job/part-00000 in/job/part-00001");
    remove_tree(yard, "in/job");
    make_job(yard, "out/job", true);
    yard_rename(yard, "out/job", "in/job");
    yard_take_all(yard);
    yard_assert_taken(yard, "in/job/part-00000 in/job/part-00001");
}

static void test_parts_are_remembered_over_a_restart(void **state)
{
    struct yard *yard = *state;
    struct sl_files gone = {0};
    make_job(yard, "in/kept", true);
    make_job(yard, "in/replaced", true);
    make_job(yard, "in/removed", true);
    yard_open(yard);
    yard_take(yard);
    assert_int_equal(yard->taken.count, 6);
    yard_shut(yard);
    remove_tree(yard, "in/removed");
    remove_tree(yard, "in/replaced");
    make_job(yard, "in/replaced", true);
    yard_open(yard);
    yard_remember(yard, &yard->taken);
    yard_take(yard);
    yard_assert_taken(yard, "in/replaced/part-00000 in/replaced/part-00001");
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 4);
    sl_files_done(&gone);
}

/* "d" is the directory and "d/d" its file; it is remembered twice, as one taken and planned is. */
static void test_parts_may_have_the_name_of_their_directory(void **state)
{
    struct yard *yard = *state;
    struct sl_files gone = {0};
    assert_int_equal(mkdirat(yard->dirfd, "in/d", 0755), 0);
    yard_append(yard, "in/d/d", "one\n");
    yard_append(yard, "in/d/_SUCCESS", "");
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/d/d");
    yard_shut(yard);
    yard_open(yard);
    yard_remember(yard, &yard->taken);
    yard_remember(yard, &yard->taken);
    yard_take(yard);
    yard_assert_taken(yard, "");
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 0);
}

/* What the catalog remembers under one name, oldest first, where a newer file of the name was planned. */
static void test_parts_and_files_remembered_under_one_name(void **state)
{
    struct yard *yard = *state;
    struct sl_files remembered = {0}, gone = {0};
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/b", "one\n");
    yard_open(yard);
    yard_take(yard);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sl_files_add(&remembered, &yard->taken.file[i]), 0);
    yard_move_in(yard, "a", "two\n");
    yard_delete(yard, "in/b");
    make_job(yard, "in/b", true);
    yard_refresh(yard);
    yard_take(yard);
    yard_assert_taken(yard, "in/a in/b/part-00000 in/b/part-00001");
    yard_shut(yard);
    yard_open(yard);
    yard_remember(yard, &remembered);
    yard_remember(yard, &yard->taken);
    yard_take(yard);
    yard_assert_taken(yard, "");
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 2); /* the first of each name */
    sl_files_done(&gone);
    yard_delete(yard, "in/a");
    yard_refresh(yard);
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 1);
    sl_files_done(&gone);
    sl_files_done(&remembered);
}

static void test_parts_that_were_deleted_need_not_be_remembered(void **state)
{
    struct yard *yard = *state;
    struct sl_files gone = {0};
    make_job(yard, "in/job", true);
    yard_open(yard);
    yard_take(yard);
    yard_delete(yard, "in/job/part-00000");
    yard_refresh(yard);
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 1);
    assert_string_equal(gone.file[0].path, "in/job/part-00000");
    sl_files_done(&gone);
    remove_tree(yard, "in/job");
    yard_refresh(yard);
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 1);
    assert_string_equal(gone.file[0].path, "in/job/part-00001");
    sl_files_done(&gone);
    yard_take(yard);
    yard_assert_taken(yard, "");
}

static void test_parts_added_after_it_was_taken_are_not_read_and_counted(void **state)
{
    struct yard *yard = *state;
    make_job(yard, "in/job", true);
    yard_open(yard);
    yard_take(yard);
    yard_append(yard, "in/job/part-00002", "one\n");
    for (int i = 0; i < 2; i++) {
        yard_refresh(yard);
        yard_take(yard);
        yard_assert_taken(yard, "");
        assert_int_equal(yard_counts(yard).changed, 1);
    }
}

static void test_parts_of_a_linked_directory_are_not_read(void **state)
{
    struct yard *yard = *state;
    make_job(yard, "out/job", true);
    assert_int_equal(symlinkat("../out/job", yard->dirfd, "in/job"), 0);
    yard_open(yard);
    yard_take(yard);
    yard_assert_taken(yard, "");
    assert_int_equal(yard_standing(yard, "job"), SL_STANDING_IRREGULAR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, yard_set_up, yard_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parts_of_a_directory_renamed_in_arrive_together),
        TEST(test_parts_of_an_unfinished_directory_are_not_read),
        TEST(test_parts_are_never_cut_over_two_batches),
        TEST(test_parts_of_a_replaced_directory_arrive_again),
        TEST(test_parts_are_remembered_over_a_restart),
        TEST(test_parts_may_have_the_name_of_their_directory),
        TEST(test_parts_and_files_remembered_under_one_name),
        TEST(test_parts_that_were_deleted_need_not_be_remembered),
        TEST(test_parts_added_after_it_was_taken_are_not_read_and_counted),
        TEST(test_parts_of_a_linked_directory_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
