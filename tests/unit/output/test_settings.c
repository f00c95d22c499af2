/* The arguments of saveAsTextFiles: each mistake is named, and what was meant is suggested. */
#include "output/outputs.h"
#include "output/settings.h"
#include "tests/unit/output/rig.h"

static struct sl_node node;
static struct sl_error err;

static void option(const char *name, struct sl_arg arg)
{
    unsigned i = 0;
    while (strcmp(sl_save_options[i].name, name) != 0)
        i++;
    node.option[i] = arg;
}

static int setup(void **state)
{
    node = (struct sl_node){.op = &sl_output_save};
    node.arg[0] = SL_STR_ARG("out/counts");
    return 0;
}

static void refused(const char *expected)
{
    struct sl_save_settings settings;
    err.text[0] = 0;
    assert_int_equal(sl_save_settings_read(&node, &settings, &err), SL_EUSAGE);
    if (!strstr(err.text, expected))
        fail_msg("got \"%s\", not \"%s\"", err.text, expected);
}

static void test_settings_name_what_is_wrong_with_the_names(void **state)
{
    static char long_name[300];
    memset(long_name, 'x', sizeof long_name - 1);
    const struct {
        struct sl_field prefix, suffix;
        const char *expected;
    } cases[] = {
        {sl_string("", 0), sl_nil(), "prefix must not be empty"},
        {sl_string("a\0b", 3), sl_nil(), "prefix must not contain a NUL"},
        {sl_string("out/..", 6), sl_nil(), "must not end in . or .."},
        {sl_string(".", 1), sl_nil(), "must not end in . or .."},
        {sl_string("out", 3), sl_string("a/b", 3), "suffix must not contain a slash"},
        {sl_string("out", 3), sl_string("a\0b", 3), "suffix must not contain a slash or a NUL"},
        {sl_string(long_name, 299), sl_nil(), "too long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        node.arg[0] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = cases[i].prefix};
        node.arg[1] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = cases[i].suffix};
        refused(cases[i].expected);
    }
}

static void test_settings_suggest_the_format_that_was_meant(void **state)
{
    option("format", SL_STR_ARG("jsn"));
    refused("there is no format \"jsn\"; did you mean \"json\"?");
    option("format", SL_STR_ARG("par\033quet"));
    refused("there is no format \"par\\x1Bquet\"; known are ");
    option("format", SL_STR_ARG("tsv"));
    option("compression", SL_STR_ARG("gzp"));
    refused("there is no compression \"gzp\"; did you mean \"gzip\"?");
}

static void test_settings_bound_the_partitions(void **state)
{
    option("partitions", SL_INT_ARG(0));
    refused("partitions must be from 1 to 100000, got 0");
    option("partitions", SL_INT_ARG(100001));
    refused("got 100001");
}

static void test_settings_check_the_header_against_the_format(void **state)
{
    struct sl_field names[] = {sl_string("a", 1), sl_string("b", 1)};
    option("format", SL_STR_ARG("lines"));
    option("header", (struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_list(names, 2)});
    refused("header names 2 columns; rows of format \"lines\" have one");
}

static void test_settings_read_keep_as_a_number_or_a_duration(void **state)
{
    struct sl_save_settings settings;
    option("keep", SL_INT_ARG(5));
    assert_int_equal(sl_save_settings_read(&node, &settings, &err), 0);
    assert_int_equal(settings.keep_count, 5);
    option("keep", SL_STR_ARG("7d"));
    assert_int_equal(sl_save_settings_read(&node, &settings, &err), 0);
    assert_int_equal(settings.keep_count, 0);
    assert_int_equal(settings.keep_ms, 7 * 86400000LL);
    option("keep", SL_STR_ARG("week"));
    refused("keep must be a number of directories, or a duration such as \"7d\", of 1ms to 10000d");
    option("keep", SL_INT_ARG(0));
    refused("keep must be");
}

static void test_settings_have_defaults(void **state)
{
    struct sl_save_settings settings;
    assert_int_equal(sl_save_settings_read(&node, &settings, &err), 0);
    assert_string_equal(settings.format->name, "tsv");
    assert_null(settings.compression);
    assert_int_equal(settings.partitions, 1);
    assert_true(settings.latest);
    assert_false(settings.overwrite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_settings_name_what_is_wrong_with_the_names, setup),
        cmocka_unit_test_setup(test_settings_suggest_the_format_that_was_meant, setup),
        cmocka_unit_test_setup(test_settings_bound_the_partitions, setup),
        cmocka_unit_test_setup(test_settings_check_the_header_against_the_format, setup),
        cmocka_unit_test_setup(test_settings_read_keep_as_a_number_or_a_duration, setup),
        cmocka_unit_test_setup(test_settings_have_defaults, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
