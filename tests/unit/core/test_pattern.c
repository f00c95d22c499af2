/* Patterns of paths. */
#include "core/base/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static void test_a_pattern_has_one_of_three_characters(void **state)
{
    assert_true(sl_pattern_is("in/*") && sl_pattern_is("a?") && sl_pattern_is("[ab]"));
    assert_false(sl_pattern_is("in/a") || sl_pattern_is("") || sl_pattern_is("a\\{b}"));
}

static void assert_below(const char *dir, const char *pattern, const char *wanted)
{
    char *got = sl_pattern_below(dir, pattern, strlen(pattern));
    assert_non_null(got);
    assert_string_equal(got, wanted);
    free(got);
}

static void test_a_directory_matches_only_itself(void **state)
{
    assert_below("/job", "in/*", "/job/in/*");
    assert_below("/job", "/abs/*", "/abs/*");
    assert_below("/job", "", "/job/");
    char *pattern = sl_pattern_below("/a*b[c]?\\d", "x*", 2);
    assert_non_null(pattern);
    assert_int_equal(fnmatch(pattern, "/a*b[c]?\\d/x1", FNM_PATHNAME), 0);
    assert_int_equal(fnmatch(pattern, "/aab[c]?\\d/x1", FNM_PATHNAME), FNM_NOMATCH);
    free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pattern_has_one_of_three_characters),
        cmocka_unit_test(test_a_directory_matches_only_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
