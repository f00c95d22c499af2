/* Lists of files, and when two are the same. */
#include "core/contract/arrivals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static void test_files_are_copied_with_their_paths(void **state)
{
    struct sl_files files = {0};
    char path[32];
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "in/%d", i);
        struct sl_file file = {.path = path, .inode = (uint64_t)i, .size = i};
        assert_int_equal(sl_files_add(&files, &file), 0);
    }
    assert_int_equal(files.count, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "in/%d", i);
        assert_string_equal(files.file[i].path, path);
        assert_int_equal(files.file[i].inode, i);
    }
    sl_files_done(&files);
    assert_int_equal(files.count, 0);
    sl_files_done(&files); /* an empty list */
}

static void test_file_is_the_same_by_identity_not_by_path(void **state)
{
    char here[] = "in/a", there[] = "in/b";
    const struct sl_file born = {here, 7, 100, 5, 10}, old = {here, 7, INT64_MIN, 5, 10};
    const struct {
        struct sl_file a, b;
        bool same;
    } cases[] = {
        {born, born, true},
        {born, {there, 7, 100, 5, 10}, true},
        {born, {here, 7, 100, 6, 11}, true},  /* it grew */
        {born, {here, 8, 100, 5, 10}, false}, /* another file */
        {born, {here, 7, 101, 5, 10}, false}, /* the inode number was used again */
        {old, old, true},
        {old, {there, 7, INT64_MIN, 5, 10}, true},
        {old, {here, 7, INT64_MIN, 6, 10}, false},
        {old, {here, 7, INT64_MIN, 5, 11}, false},
        {born, old, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sl_file_same(&cases[i].a, &cases[i].b), cases[i].same);
        assert_int_equal(sl_file_same(&cases[i].b, &cases[i].a), cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_copied_with_their_paths),
        cmocka_unit_test(test_file_is_the_same_by_identity_not_by_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
