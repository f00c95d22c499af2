/* Rules on names, and the marker of a file. */
#include "core/contract/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_names_are_ignored_by_their_beginning_or_end(void **state)
{
    static const struct {
        const char *name;
        bool ignored;
    } cases[] = {
        {".a", true},       {"_a", true},     {"a~", true},  {"~", true},       {"a.tmp", true},
        {".tmp", true},     {"a.part", true}, {"a", false},  {"a.b", false},    {"a_", false},
        {"tmp", false},     {"part", false},  {"~a", false}, {"a.tmp2", false}, {"A.TMP", false},
        {"a.parts", false}, {"\xff", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (sl_name_ignored(cases[i].name) != cases[i].ignored)
            fail_msg("%s", cases[i].name);
}

static void test_names_and_markers_lead_to_each_other(void **state)
{
    static const struct {
        const char *complete, *name, *marker;
    } cases[] = {
        {"%.done", "a", "a.done"},
        {"%.done", "a.done", "a.done.done"},
        {".%.ok", "a", ".a.ok"},
        {"done-%", "a%b", "done-a%b"},
    };
    char text[SL_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(sl_marker_of(cases[i].complete, cases[i].name, text));
        assert_string_equal(text, cases[i].marker);
        assert_true(sl_marker_for(cases[i].complete, cases[i].marker, text));
        assert_string_equal(text, cases[i].name);
    }
}

static void test_names_without_room_have_no_marker_and_are_none(void **state)
{
    char longest[SL_NAME_MAX + 1], text[SL_NAME_MAX + 1];
    memset(longest, 'x', SL_NAME_MAX);
    longest[SL_NAME_MAX] = 0;
    assert_false(sl_marker_of("%.done", longest, text));
    assert_true(sl_marker_of("%.done", longest + 5, text));
    assert_int_equal(strlen(text), SL_NAME_MAX);
    assert_false(sl_marker_for("%.done", ".done", text));
    assert_false(sl_marker_for("%.done", "a.don", text));
    assert_false(sl_marker_for("a%a", "a", text));
    assert_false(sl_marker_for("a%a", "aa", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_ignored_by_their_beginning_or_end),
        cmocka_unit_test(test_names_and_markers_lead_to_each_other),
        cmocka_unit_test(test_names_without_room_have_no_marker_and_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
