/* Published versions are counted and own what they show. */
#include "core/contract/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_version_copies_paths_and_takes_over_rows(void **state)
{
    char path[] = "in/a";
    const char *paths[] = {path, "in/b"};
    struct sl_dataset *rows = sl_dataset_new(1);
    struct sl_version *version = sl_version_new(5000, 4000, rows, 7, 2, paths);
    memset(path, 'x', 4);
    assert_string_equal(version->first[0], "in/a");
    assert_string_equal(version->first[1], "in/b");
    assert_int_equal(version->time_ms, 5000);
    assert_int_equal(version->from_ms, 4000);
    assert_int_equal(version->to_ms, 5000);
    assert_int_equal(version->inputs, 7);
    assert_ptr_equal(version->rows, rows);
    assert_int_equal(rows->refs, 1);
    sl_version_unref(version);
}

static void test_version_lives_as_long_as_somebody_reads(void **state)
{
    struct sl_version *version = sl_version_new(1, 0, sl_dataset_new(0), 0, 0, NULL);
    struct sl_version *reader = sl_version_ref(version);
    sl_version_unref(version);
    assert_int_equal(reader->time_ms, 1);
    sl_version_unref(reader);
    sl_version_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_copies_paths_and_takes_over_rows),
        cmocka_unit_test(test_version_lives_as_long_as_somebody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
