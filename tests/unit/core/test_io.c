/* The helpers above system calls: interruptions are retried, short reads and writes go on, every failure is
 * named and leaves behind what the header says. */
#include "core/base/io.h"

#include "tests/unit/core/fault_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/core/own_dir.h"

static void put(const char *path, const char *text)
{
    struct sl_error err;
    int fd = sl_io_open(&sl_io_system, dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0666, &err);
    assert_true(fd >= 0);
    assert_int_equal(sl_io_write(&sl_io_system, fd, text, strlen(text), path, &err), 0);
    sl_io_close(&sl_io_system, fd);
}

static bool is_there(const char *path)
{
    struct stat st;
    return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_text(const char *path, const char *expected)
{
    struct sl_error err;
    char *text;
    size_t len;
    assert_int_equal(sl_io_read_file(&sl_io_system, dir, path, 1 << 20, &text, &len, &err), 0);
    assert_int_equal(len, strlen(expected));
    assert_string_equal(text, expected);
    free(text);
}

/* ---- interruptions, short reads and writes ---- */

static void test_io_goes_on_after_interruptions_and_short_calls(void **state)
{
    const size_t most[] = {0, 1, 3, 1000};
    for (int interrupts = 0; interrupts < 3; interrupts++)
        for (size_t i = 0; i < 4; i++) {
            struct fault_calls fault = fault_calls_new(0, 0);
            struct sl_error err;
            char *text;
            size_t len;
            fault.interrupts = interrupts;
            fault.bytes_most = most[i];
            assert_int_equal(sl_io_replace_file(&fault.io, dir, "a", "0123456789", 10, &err), 0);
            assert_int_equal(sl_io_read_file(&fault.io, dir, "a", 10, &text, &len, &err), 0);
            assert_int_equal(len, 10);
            assert_string_equal(text, "0123456789");
            assert_int_equal(fault.open, 0);
            free(text);
        }
}

static void test_read_at_stops_at_the_end_only(void **state)
{
    struct fault_calls fault = fault_calls_new(0, 0);
    struct sl_error err;
    char text[16] = "";
    put("a", "0123456789");
    fault.bytes_most = 4;
    int fd = sl_io_open(&fault.io, dir, "a", O_RDONLY, 0, &err);
    assert_int_equal(sl_io_read_at(&fault.io, fd, text, 6, 2, "a", &err), 6);
    assert_memory_equal(text, "234567", 6);
    assert_int_equal(sl_io_read_at(&fault.io, fd, text, 16, 7, "a", &err), 3);
    assert_int_equal(sl_io_read_at(&fault.io, fd, text, 16, 10, "a", &err), 0);
    assert_int_equal(sl_io_read_at(&fault.io, fd, text, 0, 0, "a", &err), 0);
    sl_io_close(&fault.io, fd);
}

static void test_opened_files_are_not_inherited(void **state)
{
    struct sl_error err;
    int fd = sl_io_open(&sl_io_system, dir, ".", O_RDONLY | O_DIRECTORY, 0, &err);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    sl_io_close(&sl_io_system, fd);
}

static void test_close_keeps_errno(void **state)
{
    errno = EXDEV;
    sl_io_close(&sl_io_system, -1);
    assert_int_equal(errno, EXDEV);
}

/* ---- failures are named ---- */

static void test_errors_name_the_act_the_path_and_the_reason(void **state)
{
    struct sl_error err = {0};
    char *text;
    size_t len;
    put("a", "0123456789");
    assert_int_equal(sl_io_open(&sl_io_system, dir, "none/b", O_RDONLY, 0, &err), SL_EFAIL);
    assert_string_equal(err.text, "opening none/b: No such file or directory");
    assert_int_equal(err.sys, ENOENT);
    assert_int_equal(sl_io_write(&sl_io_system, -1, "x", 1, "a", &err), SL_EFAIL);
    assert_string_equal(err.text, "writing a: Bad file descriptor");
    assert_int_equal(sl_io_read_at(&sl_io_system, -1, &len, 1, 0, "a", &err), SL_EFAIL);
    assert_string_equal(err.text, "reading a: Bad file descriptor");
    assert_int_equal(sl_io_sync(&sl_io_system, -1, "a", &err), SL_EFAIL);
    assert_string_equal(err.text, "syncing a: Bad file descriptor");
    assert_int_equal(sl_io_read_file(&sl_io_system, dir, "a", 9, &text, &len, &err), SL_EFAIL);
    assert_string_equal(err.text, "reading a: more than 9 bytes");
    assert_int_equal(sl_io_make_dirs(&sl_io_system, dir, "a/b", 0777, &err), SL_EFAIL);
    assert_string_equal(err.text, "making directory a: Not a directory");
}

/* ---- directories ---- */

static void test_make_dirs_makes_what_is_missing(void **state)
{
    const char *const paths[] = {"p", "p/q/r", "p/q/r", "p//q///s/", "./p/./t", ""};
    struct sl_error err;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(sl_io_make_dirs(&sl_io_system, dir, paths[i], 0700, &err), 0);
    const char *const made[] = {"p/q/r", "p/q/s", "p/t"};
    for (size_t i = 0; i < 3; i++)
        assert_true(is_there(made[i]));
    struct stat st;
    assert_int_equal(fstatat(dir, "p/q/r", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_make_dirs_goes_through_links_to_directories(void **state)
{
    struct sl_error err = {0};
    assert_int_equal(mkdirat(dir, "real", 0777), 0);
    assert_int_equal(symlinkat("real", dir, "link"), 0);
    assert_int_equal(sl_io_make_dirs(&sl_io_system, dir, "link/sub", 0777, &err), 0);
    assert_true(is_there("real/sub"));
    assert_int_equal(symlinkat("nowhere", dir, "dangling"), 0);
    assert_true(sl_io_make_dirs(&sl_io_system, dir, "dangling/sub", 0777, &err) < 0);
    assert_non_null(strstr(err.text, "dangling"));
}

static void make_tree(void)
{
    struct sl_error err;
    assert_int_equal(sl_io_make_dirs(&sl_io_system, dir, "t/a/b", 0777, &err), 0);
    assert_int_equal(sl_io_make_dirs(&sl_io_system, dir, "kept", 0777, &err), 0);
    put("t/1", "x");
    put("t/a/2", "x");
    put("t/a/b/.hidden", "x");
    put("kept/file", "x");
    (void)symlinkat("../kept", dir, "t/link"); /* is there after a failed removal */
}

static void test_remove_tree_follows_no_links(void **state)
{
    struct sl_error err;
    make_tree();
    assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "t", &err), 0);
    assert_false(is_there("t"));
    assert_true(is_there("kept/file"));
    assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "t", &err), 0); /* a missing path is fine */
    assert_int_equal(symlinkat("kept", dir, "link"), 0);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "link", &err), 0);
    assert_false(is_there("link"));
    assert_true(is_there("kept/file"));
}

static void test_remove_tree_has_a_limit(void **state)
{
    struct sl_error err = {0};
    assert_int_equal(sl_io_make_dirs(&sl_io_system, dir, "d/1/2/3/4/5/6/7", 0777, &err), 0);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "d", &err), 0);
    assert_int_equal(sl_io_make_dirs(&sl_io_system, dir, "d/1/2/3/4/5/6/7/8/9", 0777, &err), 0);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "d", &err), SL_EFAIL);
    assert_non_null(strstr(err.text, "too deep"));
    assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "d/1/2/3", &err), 0);
}

/* ---- fail the 1st call, the 2nd, ... ---- */

enum { CALLS_MAX = 100 };

static void test_replace_file_leaves_the_old_one_or_the_new_one(void **state)
{
    int at = 1;
    for (bool done = false; !done && at < CALLS_MAX; at++) {
        struct fault_calls fault = fault_calls_new(at, ENOSPC);
        struct sl_error err = {0};
        fault.bytes_most = 2;
        put("a", "old");
        done = sl_io_replace_file(&fault.io, dir, "a", "brand new", 9, &err) == 0;
        assert_text("a", done ? "brand new" : "old");
        assert_false(is_there(".a.sluice-tmp"));
        assert_int_equal(fault.open, 0);
        assert_int_equal(done, fault.calls < at);
        if (!done)
            assert_int_equal(err.sys, ENOSPC);
    }
    assert_in_range(at, 5, CALLS_MAX - 1);
}

static void test_a_sync_that_fails_is_never_a_matter_of_room(void **state)
{
    struct fault_calls fault = fault_calls_new(1, ENOSPC);
    struct sl_error err = {0};
    assert_int_equal(sl_io_sync(&fault.io, dir, "a", &err), SL_EFAIL);
    assert_int_equal(err.code, SL_EFAIL);
    assert_int_equal(err.sys, ENOSPC);
}

static void test_read_file_gives_all_or_nothing(void **state)
{
    put("a", "0123456789");
    int at = 1;
    for (bool done = false; !done && at < CALLS_MAX; at++) {
        struct fault_calls fault = fault_calls_new(at, EIO);
        struct sl_error err = {0};
        char *text = NULL;
        size_t len = 77;
        fault.bytes_most = 3;
        done = sl_io_read_file(&fault.io, dir, "a", 100, &text, &len, &err) == 0;
        assert_int_equal(fault.open, 0);
        assert_int_equal(done, fault.calls < at);
        assert_int_equal(len, done ? 10 : 77);
        assert_int_equal(text != NULL, done);
        free(text);
    }
    assert_in_range(at, 5, CALLS_MAX - 1);
}

static void test_remove_tree_tells_every_failure_and_can_be_repeated(void **state)
{
    int at = 1;
    for (bool done = false; !done && at < CALLS_MAX; at++) {
        struct fault_calls fault = fault_calls_new(at, EIO);
        struct sl_error err = {0};
        make_tree();
        done = sl_io_remove_tree(&fault.io, dir, "t", &err) == 0;
        assert_int_equal(fault.open, 0);
        assert_int_equal(done, !is_there("t"));
        assert_true(is_there("kept/file"));
        done = done && fault.calls < at; /* a failing readdir may come after the last entry */
        assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "t", &err), 0);
    }
    assert_in_range(at, 10, CALLS_MAX - 1);
}

static void test_make_dirs_and_sync_dir_tell_every_failure(void **state)
{
    int at = 1;
    for (bool done = false; !done && at < CALLS_MAX; at++) {
        struct fault_calls fault = fault_calls_new(at, EIO);
        struct sl_error err = {0};
        done = sl_io_make_dirs(&fault.io, dir, "m/n/o", 0777, &err) == 0 &&
               sl_io_sync_dir(&fault.io, dir, "m/n/o", &err) == 0;
        assert_int_equal(fault.open, 0);
        assert_int_equal(done, fault.calls < at);
        assert_int_equal(err.sys, done ? 0 : EIO);
    }
    assert_true(is_there("m/n/o"));
    assert_in_range(at, 5, CALLS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_io_goes_on_after_interruptions_and_short_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_at_stops_at_the_end_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_opened_files_are_not_inherited, setup, teardown),
        cmocka_unit_test(test_close_keeps_errno),
        cmocka_unit_test_setup_teardown(test_errors_name_the_act_the_path_and_the_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(test_make_dirs_makes_what_is_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_make_dirs_goes_through_links_to_directories, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_tree_follows_no_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_tree_has_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replace_file_leaves_the_old_one_or_the_new_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_sync_that_fails_is_never_a_matter_of_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_file_gives_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_tree_tells_every_failure_and_can_be_repeated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_make_dirs_and_sync_dir_tell_every_failure, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
