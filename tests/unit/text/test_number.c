#include "text/number.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void assert_formats(double number, const char *expected)
{
    char text[SL_FLOAT_TEXT_MAX + 1];
    size_t len = sl_float_format(number, text);
    assert_true(len <= SL_FLOAT_TEXT_MAX);
    text[len] = 0;
    assert_string_equal(text, expected);
}

/* What Python 3 prints. */
static void test_floats_are_formatted_as_python_does(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {1.0, "1.0"},
        {-1.0, "-1.0"},
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e22, "1e+22"},
        {1e21, "1e+21"},
        {1e23, "1e+23"},
        {5e-324, "5e-324"},
        {1.5e-323, "1.5e-323"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {2.225073858507201e-308, "2.225073858507201e-308"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {100.0 / 3, "33.333333333333336"},
        {2.0 / 3, "0.6666666666666666"},
        {9007199254740992.0, "9007199254740992.0"},
        {9007199254740993.0, "9007199254740992.0"},
        {9999999999999998.0, "9999999999999998.0"},
        {4503599627370495.5, "4503599627370495.5"},
        {2251799813685247.75, "2251799813685247.8"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {1e17, "1e+17"},
        {123456789012345680.0, "1.2345678901234568e+17"},
        {12345678901234567.0, "1.2345678901234568e+16"},
        {123456789.0, "123456789.0"},
        {1e-5, "1e-05"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00099999999999999989, "0.0009999999999999998"},
        {1.5e-7, "1.5e-07"},
        {1.0 / 1024, "0.0009765625"},
        {5.684341886080802e-14, "5.684341886080802e-14"},
        {-2.5, "-2.5"},
        {3.141592653589793, "3.141592653589793"},
        {1e100, "1e+100"},
        {9.5367431640625e-07, "9.5367431640625e-07"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_formats(cases[i].number, cases[i].text);
    assert_formats((double)INFINITY, "inf");
    assert_formats(-(double)INFINITY, "-inf");
    assert_formats((double)NAN, "nan");
    assert_formats(-(double)NAN, "nan");
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Significant digits of a text, to tell whether it is as short as can be. */
static int digits_of(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && !count))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

static void assert_round_trip(double number)
{
    char text[SL_FLOAT_TEXT_MAX + 1], shorter[64];
    double back = 0;
    size_t len = sl_float_format(number, text);
    text[len] = 0;
    if (!sl_float_parse(text, len, &back) || memcmp(&back, &number, sizeof back) != 0 ||
        strtod(text, NULL) != number)
        fail_msg("%a became %s and then %a", number, text, back);
    int digits = digits_of(text);
    snprintf(shorter, sizeof shorter, "%.*e", digits > 1 ? digits - 2 : 0, number);
    if (digits > 1 && strtod(shorter, NULL) == number)
        fail_msg("%s could be %s", text, shorter);
}

static void test_random_floats_read_back_and_are_short(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 30000; i++) {
        uint64_t bits = next_random(&seed);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (isfinite(number))
            assert_round_trip(number);
        assert_round_trip((double)(int64_t)next_random(&seed) / (double)(1 + next_random(&seed) % 100000));
        assert_round_trip((double)(next_random(&seed) % 1000000) / 100);
        assert_round_trip(ldexp((double)(next_random(&seed) >> 11), -(int)(next_random(&seed) % 80)));
    }
}

static void test_powers_of_two_read_back(void **state)
{
    for (int exponent = -1074; exponent < 1024; exponent++)
        assert_round_trip(ldexp(1, exponent));
}

static void test_integers_are_read_in_range_only(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t integer;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"+7", true, 7},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+-1", false, 0},
        {"1 ", false, 0},
        {" 1", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
        {"1_000", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t integer = 0;
        assert_int_equal(sl_integer_parse(cases[i].text, strlen(cases[i].text), &integer), cases[i].good);
        assert_int_equal(integer, cases[i].integer);
    }
}

static void test_floats_are_read_as_python_reads_them(void **state)
{
    static const struct {
        const char *text;
        double number;
    } cases[] = {
        {"1", 1},
        {"1.", 1},
        {".5", 0.5},
        {"-.5e1", -5},
        {"+1.25E-2", 0.0125},
        {"1e22", 1e22},
        {"1e23", 1e23},
        {"0.1", 0.1},
        {"0.30000000000000004", 0.30000000000000004},
        {"5e-324", 5e-324},
        {"2e-324", 0},
        {"1e-400", 0},
        {"0e999999999999999999999", 0},
        {"0000000000000000000000000000000000001.50000000000000000000000", 1.5},
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.0000000000000000000000000000001", 9007199254740994.0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"0.000000000000000000000000000000000000000000000000123e48", 0.123},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double number = -1;
        assert_true(sl_float_parse(cases[i].text, strlen(cases[i].text), &number));
        if (number != cases[i].number)
            fail_msg("%s became %a", cases[i].text, number);
    }
}

static void test_infinities_and_nan_are_read(void **state)
{
    static const char *const infinite[] = {"inf", "-inf", "Infinity", "+INF", "1e999", "-1e400"};
    double number;
    for (size_t i = 0; i < sizeof infinite / sizeof *infinite; i++) {
        assert_true(sl_float_parse(infinite[i], strlen(infinite[i]), &number));
        assert_true(isinf(number) && (number < 0) == (infinite[i][0] == '-'));
    }
    assert_true(sl_float_parse("NaN", 3, &number));
    assert_true(isnan(number));
}

static void test_what_is_no_float_is_refused(void **state)
{
    static const char *const cases[] = {"",   "-",     ".",   "e5",     "1e",   "1e+", "1.5.2", " 1",
                                        "1 ", "0x1p3", "1_0", "nan(1)", "infi", "--1", "1,5",   "+"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double number;
        if (sl_float_parse(cases[i], strlen(cases[i]), &number))
            fail_msg("'%s' became %a", cases[i], number);
    }
}

/* More digits than are kept: the last one, far away, still decides a tie. */
static void test_a_digit_far_away_decides_a_tie(void **state)
{
    static const char half[] = "9007199254740993.";
    char text[3000];
    double number;
    memcpy(text, half, sizeof half - 1);
    memset(text + sizeof half - 1, '0', sizeof text - sizeof half + 1);
    assert_true(sl_float_parse(text, sizeof text, &number));
    assert_true(number == 9007199254740992.0);
    text[sizeof text - 1] = '1';
    assert_true(sl_float_parse(text, sizeof text, &number));
    assert_true(number == 9007199254740994.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_are_formatted_as_python_does),
        cmocka_unit_test(test_random_floats_read_back_and_are_short),
        cmocka_unit_test(test_powers_of_two_read_back),
        cmocka_unit_test(test_integers_are_read_in_range_only),
        cmocka_unit_test(test_floats_are_read_as_python_reads_them),
        cmocka_unit_test(test_infinities_and_nan_are_read),
        cmocka_unit_test(test_what_is_no_float_is_refused),
        cmocka_unit_test(test_a_digit_far_away_decides_a_tie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
