/* Places of the job in messages. */
#include "core/contract/site.h"

#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct sl_site site = {"map", "job.lua", 4};

static void test_what_a_message_has_already_is_stripped(void **state)
{
    static const struct {
        const char *text, *rest;
    } cases[] = {
        {"job.lua:4: map: no luck", "no luck"},
        {"job.lua:4: no luck", "no luck"},
        {"map: no luck", "no luck"},
        {"no luck", "no luck"},
        {"", ""},
        {"job.lua:4: map: map: no luck", "map: no luck"},
        {"job.lua:5: no luck", "job.lua:5: no luck"},   /* where in the function it was */
        {"job.lua:42: no luck", "job.lua:42: no luck"}, /* begins with the same digit */
        {"mapValues: no luck", "mapValues: no luck"},
        {"job.lua:4", "job.lua:4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(sl_site_strip(&site, cases[i].text), cases[i].rest);
}

static void test_a_place_is_found_anywhere(void **state)
{
    assert_true(sl_site_is_in(&site, "the first at line 1: job.lua:4: map: no luck"));
    assert_false(sl_site_is_in(&site, "the first at line 1: job.lua:42: map: no luck"));
}

static void test_an_error_has_its_place_once(void **state)
{
    struct sl_error err;
    sl_error_set(&err, SL_EUSAGE, "no luck");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sl_site_wrap(&site, &err), SL_EUSAGE);
        assert_string_equal(err.text, "job.lua:4: map: no luck");
    }
    assert_true(sl_site_wrap(&site, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_message_has_already_is_stripped),
        cmocka_unit_test(test_a_place_is_found_anywhere),
        cmocka_unit_test(test_an_error_has_its_place_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
