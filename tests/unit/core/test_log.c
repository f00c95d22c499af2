/* Log lines reach whoever wants them. */
#include "core/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

struct heard {
    struct sl_log log;
    int lines;
    enum sl_log_level level;
    char text[8192];
};

static void hear(struct sl_log *log, enum sl_log_level level, const char *text)
{
    struct heard *heard = (struct heard *)log;
    heard->lines++;
    heard->level = level;
    snprintf(heard->text, sizeof heard->text, "%s", text);
}

static void test_log_formats_and_hands_on(void **state)
{
    struct heard heard = {.log = {hear}};
    sl_log(&heard.log, SL_LOG_WARNING, "batch %d: %s", 7, "late");
    assert_int_equal(heard.lines, 1);
    assert_int_equal(heard.level, SL_LOG_WARNING);
    assert_string_equal(heard.text, "batch 7: late");
}

static void test_log_cuts_long_lines(void **state)
{
    static char text[9000];
    struct heard heard = {.log = {hear}};
    memset(text, 'x', sizeof text - 1);
    sl_log(&heard.log, SL_LOG_INFO, "%s", text);
    assert_in_range(strlen(heard.text), 1000, 8000);
}

static void test_log_may_be_nobody(void **state)
{
    sl_log(NULL, SL_LOG_ERROR, "nobody hears %d", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_formats_and_hands_on),
        cmocka_unit_test(test_log_cuts_long_lines),
        cmocka_unit_test(test_log_may_be_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
