/* Help in few columns. */
#include "cli/wrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void check_wrap(size_t columns, const char *text, const char *wanted)
{
    struct sl_buf buf = {0};
    assert_true(sl_wrap(&buf, text, columns));
    assert_true(sl_buf_byte(&buf, 0));
    assert_string_equal((const char *)buf.bytes, wanted);
    sl_buf_done(&buf);
}

static void test_wrap_leaves_alone_what_fits(void **state)
{
    const char *const text = "usage: sluice x\n\noptions:\n  --once   runs one\n\nWords,\nand words.\n";
    check_wrap(0, text, text);
    check_wrap(17, "", "");
    check_wrap(19, text, text);
}

static void test_wrap_continues_an_item_below_its_explanation(void **state)
{
    check_wrap(20, "  --once   runs one batch and ends\n",
               "  --once   runs one\n           batch and\n           ends\n");
    check_wrap(20, "  --a-very-long-option  runs one batch\n",
               "  --a-very-long-option\n      runs one batch\n");
    check_wrap(20, "                    runs one batch\n", "      runs one batch\n");
    check_wrap(12, "  some names of things\n", "  some names\n  of things\n");
}

static void test_wrap_fills_a_paragraph(void **state)
{
    check_wrap(10, "The run finishes\nits batch.\n\nIt ends.\n",
               "The run\nfinishes\nits batch.\n\nIt ends.\n");
}

static void test_wrap_does_not_break_words_and_counts_characters(void **state)
{
    check_wrap(4, "incomprehensible\n", "incomprehensible\n");
    check_wrap(9, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\n",
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\n");
}

static void test_wrap_leaves_code_alone(void **state)
{
    check_wrap(10, "    sluice cat counts JOB.lua\n", "    sluice cat counts JOB.lua\n");
    check_wrap(10, "example:\n  s:map(sluice.pair(1)):print()\n\nmore words here\n",
               "example:\n  s:map(sluice.pair(1)):print()\n\nmore words\nhere\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrap_leaves_alone_what_fits),
        cmocka_unit_test(test_wrap_continues_an_item_below_its_explanation),
        cmocka_unit_test(test_wrap_fills_a_paragraph),
        cmocka_unit_test(test_wrap_does_not_break_words_and_counts_characters),
        cmocka_unit_test(test_wrap_leaves_code_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
