/* Durations as users write them. */
#include "core/base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static void test_duration_reads_what_users_write(void **state)
{
    const struct {
        const char *text;
        int64_t ms; /* 0: refused */
    } cases[] = {
        {"250ms", 250},
        {"1.5s", 1500},
        {"5m", 300000},
        {"1h", 3600000},
        {"2d", 172800000},
        {"3", 3000},
        {"0.001", 1},
        {"1.s", 1000},
        {".5s", 500},
        {"007s", 7000},
        {"0.1s", 100},
        {"1.001s", 1001},
        {"0.29s", 290},
        {"4.35s", 4350},
        {"0.0166667m", 0},
        {"10000d", 864000000000},
        {"10001d", 0},
        {"", 0},
        {"s", 0},
        {".", 0},
        {".s", 0},
        {"0", 0},
        {"0s", 0},
        {"-1s", 0},
        {"+1s", 0},
        {"1 s", 0},
        {" 1s", 0},
        {"1s ", 0},
        {"1S", 0},
        {"1min", 0},
        {"1w", 0},
        {"1.2.3s", 0},
        {"1e3", 0},
        {"0x10", 0},
        {"0.5ms", 0},
        {"1.0005s", 0},
        {"nan", 0},
        {"inf", 0},
        {"9999999999999999999999s", 0},
        {"1ss", 0},
        {"1,5s", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        bool is = sl_duration_parse(cases[i].text, strlen(cases[i].text), &ms);
        if (is != (cases[i].ms != 0) || ms != cases[i].ms)
            fail_msg("%s: %d, %lld", cases[i].text, is, (long long)ms);
    }
}

static void test_duration_ends_where_its_text_ends(void **state)
{
    int64_t ms;
    assert_true(sl_duration_parse("15ms", 2, &ms));
    assert_int_equal(ms, 15000);
    assert_false(sl_duration_parse("1s\0s", 4, &ms));
}

static void test_duration_is_read_from_seconds(void **state)
{
    const struct {
        double seconds;
        int64_t ms;
    } cases[] = {{1, 1000},
                 {0.25, 250},
                 {0.1, 100},
                 {1.1, 1100},
                 {0.0005, 0},
                 {0, 0},
                 {-1, 0},
                 {NAN, 0},
                 {INFINITY, 0},
                 {1e300, 0},
                 {864000000, 864000000000},
                 {864000001, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        assert_int_equal(sl_duration_from_seconds(cases[i].seconds, &ms), cases[i].ms != 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void test_duration_formatted_is_short_and_reads_back(void **state)
{
    const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{1, "1ms"},       {250, "250ms"},          {1000, "1s"},
                 {1500, "1500ms"}, {60000, "1m"},           {90000, "90s"},
                 {300000, "5m"},   {3600000, "1h"},         {5400000, "90m"},
                 {86400000, "1d"}, {864000000000, "10000d"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        int64_t ms;
        sl_duration_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_true(sl_duration_parse(text, strlen(text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration_reads_what_users_write),
        cmocka_unit_test(test_duration_ends_where_its_text_ends),
        cmocka_unit_test(test_duration_is_read_from_seconds),
        cmocka_unit_test(test_duration_formatted_is_short_and_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
