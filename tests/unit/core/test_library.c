/* A library that is loaded when it is needed: its functions, and what is said where it or one of them is missing. */
#include "core/base/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct functions {
    __typeof__(strlen) *first;
    __typeof__(strcmp) *second;
};

static bool load(const char *file, const char *first, const char *second, struct functions *ret, char why[64])
{
    const struct sl_library_function functions[] = {{first, offsetof(struct functions, first)},
                                                    {second, offsetof(struct functions, second)}};
    why[0] = 0;
    return sl_library_load(file, functions, 2, ret, why, 64);
}

static void test_functions_are_found_by_name(void **state)
{
    struct functions found;
    char why[64];
    assert_true(load("libc.so.6", "strlen", "strcmp", &found, why));
    assert_string_equal(why, "");
    assert_int_equal(found.first("abc"), 3);
    assert_int_equal(found.second("a", "a"), 0);
}

static void test_a_function_that_is_missing_is_named(void **state)
{
    struct functions found;
    char why[64];
    assert_false(load("libc.so.6", "strlen", "no_such_function", &found, why));
    assert_string_equal(why, "no_such_function is missing");
    assert_false(load("libc.so.6", "no_such_function", "strcmp", &found, why));
    assert_string_equal(why, "no_such_function is missing");
}

static void test_a_library_that_is_missing_is_named(void **state)
{
    struct functions found;
    char why[64];
    assert_false(load("libsluice-missing.so.1", "strlen", "strcmp", &found, why));
    assert_non_null(strstr(why, "libsluice-missing.so.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_are_found_by_name),
        cmocka_unit_test(test_a_function_that_is_missing_is_named),
        cmocka_unit_test(test_a_library_that_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
