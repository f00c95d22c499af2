/* Command lines against option tables. */
#include "cli/flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct sl_flag flags[] = {
    {"e", SL_FLAG_TEXT, "CODE", NULL, "code"},
    {"once", SL_FLAG_SWITCH, NULL, NULL, "once"},
    {"batches", SL_FLAG_COUNT, "N", NULL, "batches"},
    {"start-time", SL_FLAG_NUMBER, "MS", NULL, "start"},
    {"interval", SL_FLAG_DURATION, "D", "interval", "interval"},
    {"clock", SL_FLAG_CHOICE, "virtual|real", NULL, "clock"},
    {"mount", SL_FLAG_PATH, "DIR", "mount", "mount"},
    {"set", SL_FLAG_SETTING, "NAME=VALUE", NULL, "set"},
    {0},
};

enum { WORDS_MAX = 8 };

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (count < WORDS_MAX && words[count])
        count++;
    return count;
}

static void test_flags_read_every_kind_of_value(void **state)
{
    const char *const argv[] = {"job.lua", "--batches", "3",  "--interval=1s", "--clock", "real",
                                "--once",  "-e",        "-x", "--start-time",  "0",       "--mount",
                                "m"};
    struct sl_line *line;
    struct sl_error err;
    assert_int_equal(sl_line_parse(flags, argv, sizeof argv / sizeof argv[0], &line, &err), 0);
    assert_int_equal(line->operand_count, 1);
    assert_string_equal(line->operands[0], "job.lua");
    assert_int_equal(sl_line_integer(line, "batches", 0), 3);
    assert_int_equal(sl_line_integer(line, "start-time", 9), 0);
    assert_string_equal(sl_line_text(line, "interval"), "1s");
    assert_string_equal(sl_line_text(line, "clock"), "real");
    assert_string_equal(sl_line_text(line, "e"), "-x");
    assert_string_equal(sl_line_text(line, "mount"), "m");
    assert_true(sl_line_has(line, "once"));
    sl_line_free(line);
}

static void test_flags_that_are_not_given_have_no_value(void **state)
{
    struct sl_line *line;
    struct sl_error err;
    assert_int_equal(sl_line_parse(flags, NULL, 0, &line, &err), 0);
    assert_null(sl_line_text(line, "e"));
    assert_false(sl_line_has(line, "once"));
    assert_int_equal(sl_line_integer(line, "batches", -1), -1);
    assert_int_equal(line->operand_count + line->setting_count + line->rest_count, 0);
    sl_line_free(line);
}

static void test_flags_leave_what_follows_two_dashes_alone(void **state)
{
    const char *const argv[] = {"job.lua", "--", "--once", "x"};
    struct sl_line *line;
    struct sl_error err;
    assert_int_equal(sl_line_parse(flags, argv, 4, &line, &err), 0);
    assert_int_equal(line->rest_count, 2);
    assert_string_equal(line->rest[0], "--once");
    assert_false(sl_line_has(line, "once"));
    sl_line_free(line);
}

static void test_flags_collect_settings(void **state)
{
    const char *const argv[] = {"--set", "a=1", "--set=b=x=y"};
    struct sl_line *line;
    struct sl_error err;
    assert_int_equal(sl_line_parse(flags, argv, 3, &line, &err), 0);
    assert_int_equal(line->setting_count, 2);
    assert_string_equal(line->settings[0], "a=1");
    assert_string_equal(line->settings[1], "b=x=y");
    sl_line_free(line);
}

static void test_flags_refuse_what_cannot_be_meant(void **state)
{
    static const struct {
        const char *argv[WORDS_MAX], *message;
    } cases[] = {
        {{"--onec"}, "there is no option --onec; did you mean --once?"},
        {{"--zzzzzz"}, "there is no option --zzzzzz"},
        {{"-x"}, "there is no option -x"},
        {{"--batches"}, "--batches needs a value: N"},
        {{"--batches", "0"}, "--batches must be an integer of at least 1, got \"0\""},
        {{"--batches", "-1"}, "--batches must be an integer of at least 1, got \"-1\""},
        {{"--batches", "1x"}, "got \"1x\""},
        {{"--start-time", "-5"}, "--start-time must be an integer of at least 0"},
        {{"--interval", "1x"},
         "--interval must be a duration such as 1s, 250ms or 5m, of 1ms to 10000d, in whole milliseconds, got \"1x\""},
        {{"--interval="}, "--interval must be a duration"},
        {{"--clock", "wall"}, "--clock must be virtual|real, got \"wall\""},
        {{"--clock", "virt"}, "--clock must be virtual|real"},
        {{"--clock", ""}, "--clock must be virtual|real"},
        {{"--mount", ""}, "--mount must be a path"},
        {{"--once=1"}, "--once takes no value"},
        {{"--set", "x"}, "--set must be NAME=VALUE"},
        {{"--set", "=x"}, "--set must be NAME=VALUE"},
        {{"-e"}, "-e needs a value: CODE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_line *line;
        struct sl_error err = {0};
        int r = sl_line_parse(flags, cases[i].argv, count_words(cases[i].argv), &line, &err);
        if (r != SL_EUSAGE || !strstr(err.text, cases[i].message))
            fail_msg("%s: %d: %s", cases[i].argv[0], r, err.text);
    }
}

static void test_flags_of_a_command_without_any_refuse_all(void **state)
{
    const char *const argv[] = {"--once"};
    struct sl_line *line;
    struct sl_error err;
    assert_int_equal(sl_line_parse(NULL, argv, 1, &line, &err), SL_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_read_every_kind_of_value),
        cmocka_unit_test(test_flags_that_are_not_given_have_no_value),
        cmocka_unit_test(test_flags_leave_what_follows_two_dashes_alone),
        cmocka_unit_test(test_flags_collect_settings),
        cmocka_unit_test(test_flags_refuse_what_cannot_be_meant),
        cmocka_unit_test(test_flags_of_a_command_without_any_refuse_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
