/* Sizes as users write them. */
#include "core/base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_size_reads_what_users_write(void **state)
{
    const struct {
        const char *text;
        int64_t bytes; /* 0: refused */
    } cases[] = {
        {"1", 1},
        {"10000000000", 10000000000},
        {"512B", 512},
        {"10KB", 10000},
        {"1MB", 1000000},
        {"1GB", 1000000000},
        {"2TB", 2000000000000},
        {"10KiB", 10240},
        {"512MiB", 536870912},
        {"1GiB", 1073741824},
        {"1TiB", 1099511627776},
        {"1.5GB", 1500000000},
        {".5KiB", 512},
        {"0.0015KB", 1},
        {"", 0},
        {"KB", 0},
        {"0", 0},
        {"0MB", 0},
        {"0.5", 0},
        {"-1", 0},
        {"1 GB", 0},
        {"1gb", 0},
        {"1K", 0},
        {"1e9", 0},
        {"1.2.3MB", 0},
        {"999999999999999TiB", 0},
        {"1234567890123456", 0},
        {"9999999999999999999999GB", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t bytes = 0;
        bool is = sl_size_parse(cases[i].text, strlen(cases[i].text), &bytes);
        if (is != (cases[i].bytes != 0) || bytes != cases[i].bytes)
            fail_msg("%s: %d, %lld", cases[i].text, is, (long long)bytes);
    }
}

static void test_size_ends_where_its_text_ends(void **state)
{
    int64_t bytes;
    assert_true(sl_size_parse("15MB", 2, &bytes));
    assert_int_equal(bytes, 15);
    assert_false(sl_size_parse("1B\0B", 4, &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_reads_what_users_write),
        cmocka_unit_test(test_size_ends_where_its_text_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
