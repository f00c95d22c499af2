#include "text/time_format.h"

#include "text/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct sl_time_format *format_of(const char *text, const char *zone)
{
    struct sl_time_format *format;
    struct sl_error err;
    if (sl_time_format_new(text, strlen(text), zone, strlen(zone), &format, &err) < 0)
        fail_msg("%s", err.text);
    return format;
}

/* The time of the text, or INT64_MIN. Memory of its own size, so that reading beyond it is caught. */
static int64_t parse(const struct sl_time_format *format, struct sl_time_memo *memo, const char *text)
{
    size_t len = strlen(text);
    char *bytes = malloc(len ? len : 1);
    const char *trouble = NULL;
    int64_t ms = INT64_MIN;
    assert_non_null(bytes);
    memcpy(bytes, text, len);
    bool ok = sl_time_parse(format, memo, bytes, len, &ms, &trouble);
    assert_true(ok || trouble);
    free(bytes);
    return ok ? ms : INT64_MIN;
}

#define NONE INT64_MIN

static const struct {
    const char *format, *text;
    int64_t expected;
} text_cases[] = {
    {"%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", 971211336000},
    {"%d/%b/%Y:%H:%M:%S %z", "10/oct/2000:13:55:36 -07:00", 971211336000},
    {"%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:60 -0700", NONE},
    {"%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700 x", NONE},
    {"%d/%b/%Y:%H:%M:%S %z", "31/Sep/2000:13:55:36 -0700", NONE},
    {"%Y-%m-%d", "2024-02-29", 1709164800000},
    {"%Y-%m-%d", "2023-02-29", NONE},
    {"%Y-%m-%d", "1900-02-29", NONE},
    {"%Y-%m-%d", "2000-02-29", 951782400000},
    {"%Y-%m-%d %H:%M:%S.%f", "2024-02-29 12:30:00.123999", 1709209800123},
    {"%Y-%m-%d %H:%M:%S.%f", "2024-02-29 12:30:00.1", 1709209800100},
    {"%Y-%m-%d %H:%M:%S.%f", "2024-02-29 12:30:00.", NONE},
    {"%Y %j", "2024 366", 1735603200000},
    {"%Y %j", "2023 366", NONE},
    {"%y", "69", -31536000000},
    {"%y", "68", 3092601600000},
    {"%I:%M %p", "12:00 AM", 0},
    {"%I:%M %p", "12:00 pm", 43200000},
    {"%p %I", "PM 1", 46800000},
    {"%s", "1700000000", 1700000000000},
    {"%s.%f", "1700000000.25", 1700000000250},
    {"%a, %d %b %Y %T %Z", "Thu, 29 Feb 2024 12:30:00 GMT", 1709209800000},
    {"%H%%", "13%", 46800000},
    {"%e %k", " 1  2", 7200000},
    {"iso8601", "2024-02-29T12:30:00.123Z", 1709209800123},
    {"iso8601", "2024-02-29T12:30:00,1239+01:00", 1709206200123},
    {"iso8601", "2024-02-29 12:30", 1709209800000},
    {"iso8601", "2024-02-29", 1709164800000},
    {"iso8601", "20240229T123000Z", 1709209800000},
    {"iso8601", "2024-02-29t12:30:00z", 1709209800000},
    {"iso8601", "2024-02-29T12:30:00-0230", 1709218800000},
    {"iso8601", "1969-12-31T23:59:59.9999", -1},
    {"iso8601", "0001-01-01T00:00:00Z", SL_TIME_MIN_MS},
    {"iso8601", "9999-12-31T23:59:59.999Z", SL_TIME_MAX_MS},
    {"iso8601", "0000-12-31T00:00:00Z", NONE},
    {"iso8601", "2024-02-29T24:00:00", NONE},
    {"iso8601", "2024-02-29T12:60:00", NONE},
    {"iso8601", "2024-02-29T12:30:60", NONE},
    {"iso8601", "2024-02-30", NONE},
    {"iso8601", "2024-02-29T", NONE},
    {"iso8601", "2024-02-29T12:30:00+24:00", NONE},
    {"iso8601", "", NONE},
    {"s", "1700000000", 1700000000000},
    {"s", "1700000000.1239", 1700000000123},
    {"s", "-0.5", -500},
    {"s", "-0.0001", -1},
    {"s", "1700000000000", NONE},
    {"s", "1.", NONE},
    {"s", "1e3", NONE},
    {"ms", "1700000000123.9", 1700000000123},
    {"us", "1700000000123999", 1700000000123},
    {"us", "-1", -1},
    {"us", "999999999999999999999999", NONE},
};

static void test_time_texts_are_read_by_their_formats(void **state)
{
    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++) {
        struct sl_time_format *format = format_of(text_cases[i].format, "UTC");
        struct sl_time_memo memo = {0};
        for (int again = 0; again < 2; again++) /* with what the memo knows */
            if (parse(format, &memo, text_cases[i].text) != text_cases[i].expected)
                fail_msg("%s of \"%s\": %lld", text_cases[i].format, text_cases[i].text,
                         (long long)parse(format, &memo, text_cases[i].text));
        sl_time_format_free(format);
    }
}

static void test_time_numbers_are_read_where_the_format_counts(void **state)
{
    static const struct {
        const char *format;
        struct sl_field field;
        int64_t expected;
    } cases[] = {
        {"s", {.tag = SL_INT, .integer = 1700000000}, 1700000000000},
        {"s", {.tag = SL_INT, .integer = INT64_MAX}, NONE},
        {"s", {.tag = SL_FLOAT, .number = 1700000000.123}, 1700000000123},
        {"s", {.tag = SL_FLOAT, .number = -1e-300}, -1},
        {"s", {.tag = SL_FLOAT, .number = 1e300}, NONE},
        {"ms", {.tag = SL_INT, .integer = -1}, -1},
        {"us", {.tag = SL_INT, .integer = -1}, -1},
        {"us", {.tag = SL_FLOAT, .number = 1.7e15}, 1700000000000},
        {"iso8601", {.tag = SL_INT, .integer = 1}, NONE},
        {"ms", {.tag = SL_NIL}, NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_time_format *format = format_of(cases[i].format, "UTC");
        struct sl_time_memo memo = {0};
        const char *trouble;
        int64_t ms;
        bool ok = sl_time_parse_field(format, &memo, &cases[i].field, &ms, &trouble);
        assert_int_equal(ok ? ms : NONE, cases[i].expected);
        sl_time_format_free(format);
    }
}

static void test_time_folds_are_the_earlier_and_gaps_have_the_offset_before(void **state)
{
    static const struct {
        const char *text;
        int64_t expected;
    } cases[] = {
        {"2024-10-27 02:30:00", 1729989000000},  /* twice: the first, +02:00 */
        {"2024-03-31 02:30:00", 1711848600000},  /* never: +01:00, the offset before */
        {"2099-07-01 12:00:00", 4086583200000},  /* by the rule: +02:00 */
        {"2599-07-01 12:00:00", 19865037600000}, /* 400 years after the last that is listed */
    };
    struct sl_time_format *format = format_of("%Y-%m-%d %H:%M:%S", "Europe/Berlin");
    struct sl_time_memo memo = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(parse(format, &memo, cases[i].text), cases[i].expected);
    sl_time_format_free(format);
}

/* Any text of one date after another, the memo in between: as without it. */
static void test_time_memo_changes_no_result(void **state)
{
    static const char *const texts[] = {"2024-01-1 1",  "2024-01-12 1", "2024-01-1 23",
                                        "2024-01-1  2", "2024-01-11",   "2024-01-1  3",
                                        "2024-1-1 1",   "2024-01-1",    "2024-01-12 1"};
    static const char *const formats[] = {"%Y-%m-%d %H", "%Y-%m-%d%n%H", "%Y-%m-%d%H", "iso8601"};
    enum { TEXTS = sizeof texts / sizeof *texts };
    for (size_t f = 0; f < 4; f++) {
        struct sl_time_format *format = format_of(formats[f], "America/New_York");
        for (size_t a = 0; a < TEXTS; a++)
            for (size_t b = 0; b < TEXTS; b++) {
                struct sl_time_memo memo = {0}, fresh = {0};
                (void)parse(format, &memo, texts[a]);
                assert_int_equal(parse(format, &memo, texts[b]), parse(format, &fresh, texts[b]));
            }
        sl_time_format_free(format);
    }
}

/* Every day from 1900 to 2200, and as the C library has it. */
static void test_time_dates_are_those_of_the_c_library(void **state)
{
    struct sl_time_format *format = format_of("%a %b %e %H:%M:%S %Y %j", "UTC");
    struct sl_time_memo memo = {0};
    struct sl_buf text = {0};
    for (int64_t days = -25567; days < 84000; days++) {
        time_t second = days * 86400 + (days * 7919 % 86400 + 86400) % 86400;
        char expected[64];
        struct tm tm;
        gmtime_r(&second, &tm);
        strftime(expected, sizeof expected, "%a %b %e %H:%M:%S %Y %j", &tm);
        text.len = 0;
        assert_true(sl_time_print(format, &memo, second * 1000, &text) && sl_buf_byte(&text, 0));
        assert_string_equal((const char *)text.bytes, expected);
        assert_int_equal(parse(format, &memo, expected), (int64_t)second * 1000);
    }
    sl_buf_done(&text);
    sl_time_format_free(format);
}

static void assert_reads_back(const char *text, const char *zone, int64_t ms, int64_t expected)
{
    struct sl_time_format *format = format_of(text, zone);
    struct sl_time_memo memo = {0};
    struct sl_buf printed = {0};
    assert_true(sl_time_print(format, &memo, ms, &printed) && sl_buf_byte(&printed, 0));
    assert_int_equal(parse(format, &memo, (const char *)printed.bytes), expected);
    sl_buf_done(&printed);
    sl_time_format_free(format);
}

static void test_time_prints_what_it_reads_back(void **state)
{
    static const int64_t times[] = {0, 1709209800123, -1, SL_TIME_MIN_MS + 86400001,
                                    SL_TIME_MAX_MS - 86400001};
    for (size_t t = 0; t < sizeof times / sizeof *times; t++) {
        int64_t second = times[t] - (times[t] % 1000 + 1000) % 1000;
        assert_reads_back("iso8601", "UTC", times[t], times[t]);
        assert_reads_back("iso8601", "-05:30", times[t], times[t]);
        assert_reads_back("ms", "UTC", times[t], times[t]);
        assert_reads_back("us", "UTC", times[t], times[t]);
        assert_reads_back("s", "UTC", times[t], second);
        assert_reads_back("%Y-%m-%d %H:%M:%S.%f %z", "+05:30", times[t], times[t]);
        assert_reads_back("%c %Z", "UTC", times[t], second);
    }
}

static void test_time_formats_and_zones_are_refused_by_name(void **state)
{
    static const struct {
        const char *format, *zone, *expected;
    } cases[] = {
        {"%Q", "UTC", "a conversion that is not known"},
        {"", "UTC", "is empty"},
        {"%", "UTC", "a lone %"},
        {"abc", "UTC", "has no conversion"},
        {"%Y", "Europe/Berln", "Europe/Berln"},
        {"%Y", "../../etc/passwd", "there is no time zone"},
        {"%Y", "/etc/passwd", "there is no time zone"},
        {"%Y", "+24:00", "+24:00"},
        {"%Y", "+1", "+1"},
        {"%Y", "zone.tab", "there is no time zone"},
        {"%Y", "Europe", "there is no time zone"},
        {"%Y", "tzdata", "there is no time zone"},
    };
    struct sl_time_format *format;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_error err = {0};
        int r = sl_time_format_new(cases[i].format, strlen(cases[i].format), cases[i].zone,
                                   strlen(cases[i].zone), &format, &err);
        assert_int_equal(r, SL_EUSAGE);
        assert_non_null(strstr(err.text, cases[i].expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_texts_are_read_by_their_formats),
        cmocka_unit_test(test_time_numbers_are_read_where_the_format_counts),
        cmocka_unit_test(test_time_folds_are_the_earlier_and_gaps_have_the_offset_before),
        cmocka_unit_test(test_time_memo_changes_no_result),
        cmocka_unit_test(test_time_dates_are_those_of_the_c_library),
        cmocka_unit_test(test_time_prints_what_it_reads_back),
        cmocka_unit_test(test_time_formats_and_zones_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
