/* Making directories along a path that others may change meanwhile. */
#include "core/base/trust.h"

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

static bool is_there(const char *path)
{
    return faccessat(dir, path, F_OK, 0) == 0;
}

static int make(const char *path, struct sl_error *err)
{
    return sl_trust_make_dirs(&sl_io_system, dir, path, 0700, err);
}

static void test_make_dirs_makes_what_is_missing(void **state)
{
    const char *const paths[] = {"p", "p/q/r", "p/q/r", "p//q///s/", "./p/./t", "p/u/../v", "."};
    struct sl_error err;
    struct stat st;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(make(paths[i], &err), 0);
    const char *const made[] = {"p/q/r", "p/q/s", "p/t", "p/u", "p/v"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        assert_true(is_there(made[i]));
    assert_int_equal(fstatat(dir, "p/q/r", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_make_dirs_follows_our_links_but_does_not_make_what_they_lead_to(void **state)
{
    struct sl_error err = {0};
    assert_int_equal(mkdirat(dir, "real", 0777), 0);
    assert_int_equal(symlinkat("real", dir, "link"), 0);
    assert_int_equal(symlinkat("../link", dir, "real/back"), 0);
    assert_int_equal(make("link/sub", &err), 0);
    assert_int_equal(make("real/back/back/other", &err), 0);
    assert_true(is_there("real/sub") && is_there("real/other"));
    assert_int_equal(symlinkat("nowhere", dir, "dangling"), 0);
    assert_int_equal(symlinkat("real/disk/mounted", dir, "farther"), 0);
    assert_int_equal(make("dangling/sub", &err), SL_EFAIL);
    assert_non_null(strstr(err.text, "making directory dangling/sub: a link on the way leads to "));
    assert_int_equal(make("farther", &err), SL_EFAIL);
    assert_false(is_there("nowhere") || is_there("real/disk"));
}

static void test_make_dirs_names_the_path_where_a_file_is_in_the_way(void **state)
{
    struct sl_error err = {0};
    close(openat(dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(make("file/sub", &err), SL_EFAIL);
    assert_non_null(strstr(err.text, "file: Not a directory"));
    assert_int_equal(make("file", &err), SL_EFAIL);
}

/* ---- others change the path ---- */

struct swapping {
    struct sl_io io;
    const char *before; /* the name of the directory before which it is done */
    bool puts_link;     /* else the directory above is moved away, and a link put in its place */
};

static void swap(const struct swapping *swapping)
{
    if (swapping->puts_link) {
        assert_int_equal(symlinkat("../private", dir, "shared/made"), 0);
    } else {
        assert_int_equal(renameat(dir, "shared", dir, "taken"), 0);
        assert_int_equal(symlinkat("private", dir, "shared"), 0);
    }
}

static int swapping_mkdirat(struct sl_io *io, int dirfd, const char *path, mode_t mode)
{
    struct swapping *swapping = (struct swapping *)io;
    if (swapping->before && strcmp(path, swapping->before) == 0) {
        swapping->before = NULL;
        swap(swapping);
    }
    return mkdirat(dirfd, path, mode);
}

static int make_swapped(bool puts_link, struct sl_error *err)
{
    struct sl_io_ops ops = *sl_io_system.ops;
    struct swapping swapping = {.io = {&ops}, .before = "made", .puts_link = puts_link};
    ops.mkdirat = swapping_mkdirat;
    assert_int_equal(mkdirat(dir, "shared", 0777), 0);
    assert_int_equal(mkdirat(dir, "private", 0777), 0);
    return sl_trust_make_dirs(&swapping.io, dir, "shared/made/deeper", 0700, err);
}

static void test_make_dirs_makes_in_the_directory_that_was_looked_at(void **state)
{
    struct sl_error err = {0};
    assert_int_equal(make_swapped(false, &err), 0); /* the link is ours: who opens the path decides */
    assert_true(is_there("taken/made/deeper"));
    assert_false(is_there("private/made"));
}

static void test_make_dirs_looks_again_where_a_link_was_put(void **state)
{
    struct sl_error err = {0};
    assert_int_equal(make_swapped(true, &err), 0); /* as ours it is followed, by a walk of its own */
    assert_true(is_there("private/deeper"));
}

static void test_make_dirs_fails_with_each_call_that_fails_and_leaves_nothing_open(void **state)
{
    for (int n = 1;; n++) {
        struct fault_calls fault = fault_calls_new(n, EIO);
        struct sl_error err = {0};
        int r = sl_trust_make_dirs(&fault.io, dir, "a/b/c", 0700, &err);
        assert_int_equal(fault.open, 0);
        assert_true(r == 0 || strstr(err.text, "Input/output error"));
        assert_int_equal(sl_io_remove_tree(&sl_io_system, dir, "a", &err), 0);
        if (fault.calls < n)
            break;
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_make_dirs_makes_what_is_missing),
        CASE(test_make_dirs_follows_our_links_but_does_not_make_what_they_lead_to),
        CASE(test_make_dirs_names_the_path_where_a_file_is_in_the_way),
        CASE(test_make_dirs_makes_in_the_directory_that_was_looked_at),
        CASE(test_make_dirs_looks_again_where_a_link_was_put),
        CASE(test_make_dirs_fails_with_each_call_that_fails_and_leaves_nothing_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
