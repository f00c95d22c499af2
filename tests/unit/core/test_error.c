/* Failures and their texts. */
#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_error_set_gives_code_and_text(void **state)
{
    struct sl_error err = {.sys = 5};
    assert_int_equal(sl_error_set(&err, SL_EUSAGE, "no %s", "name"), SL_EUSAGE);
    assert_int_equal(err.code, SL_EUSAGE);
    assert_int_equal(err.sys, 0);
    assert_string_equal(err.text, "no name");
    assert_int_equal(sl_error_nomem(&err), SL_ENOMEM);
    assert_string_equal(err.text, "out of memory");
}

static void test_error_of_a_system_call_says_why(void **state)
{
    const struct {
        int sys, code;
        const char *text;
    } cases[] = {
        {EIO, SL_EFAIL, "reading in/a: Input/output error"},
        {ENOENT, SL_EFAIL, "reading in/a: No such file or directory"},
        {ENOMEM, SL_ENOMEM, "reading in/a: Cannot allocate memory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_error err = {0};
        assert_int_equal(sl_error_sys(&err, cases[i].sys, "reading %s", "in/a"), cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.sys, cases[i].sys);
        assert_string_equal(err.text, cases[i].text);
    }
}

static void test_a_thread_that_cannot_be_started_may_lack_memory(void **state)
{
    struct sl_error err;
    (void)state;
    sl_error_thread(&err, EAGAIN, "starting worker %d", 2);
    assert_string_equal(err.text,
                        "starting worker 2: Resource temporarily unavailable; free some memory, or raise the "
                        "limit on threads, ulimit -u");
    sl_error_thread(&err, EPERM, "starting worker %d", 2);
    assert_string_equal(err.text, "starting worker 2: Operation not permitted");
}

static void test_error_grows_on_both_sides_and_keeps_its_class(void **state)
{
    struct sl_error err = {0};
    assert_int_equal(sl_error_sys(&err, EDQUOT, "writing a"), SL_EFULL);
    assert_int_equal(sl_error_sys(&err, ENOSPC, "writing a"), SL_EFULL);
    assert_int_equal(sl_error_wrap(&err, "batch %d", 7), SL_EFULL);
    assert_int_equal(sl_error_hint(&err, "free %s", "space"), SL_EFULL);
    assert_string_equal(err.text, "batch 7: writing a: No space left on device; free space");
    assert_int_equal(err.sys, ENOSPC);
}

static void test_error_need_not_be_wanted(void **state)
{
    assert_int_equal(sl_error_set(NULL, SL_EHELD, "x"), SL_EHELD);
    assert_int_equal(sl_error_sys(NULL, EIO, "x"), SL_EFAIL);
    assert_int_equal(sl_error_sys(NULL, ENOMEM, "x"), SL_ENOMEM);
    assert_true(sl_error_wrap(NULL, "x") < 0);
    assert_true(sl_error_hint(NULL, "x") < 0);
    assert_int_equal(sl_error_nomem(NULL), SL_ENOMEM);
}

static void test_error_cuts_what_is_too_long(void **state)
{
    char path[2 * SL_ERROR_TEXT_MAX];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = 0;
    for (size_t len = SL_ERROR_TEXT_MAX - 8; len < SL_ERROR_TEXT_MAX + 8; len++) {
        struct sl_error err = {0};
        sl_error_sys(&err, EIO, "%.*s", (int)len, path);
        sl_error_hint(&err, "%s", path);
        sl_error_wrap(&err, "batch");
        sl_error_wrap(&err, "%.*s", (int)len, path);
        assert_true(strlen(err.text) < sizeof err.text);
        assert_int_equal(err.sys, EIO);
    }
}

static void test_error_keeps_the_reason_and_the_remedy_of_a_long_path(void **state)
{
    char path[2 * SL_ERROR_TEXT_MAX];
    struct sl_error err;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = 0;
    sl_error_sys(&err, EIO, "reading %s", path);
    sl_error_hint(&err, "do this");
    assert_non_null(strstr(err.text, "ppp...: Input/output error; do this"));
    sl_error_set(&err, SL_EFAIL, "reading %s", path);
    sl_error_hint(&err, "do this");
    assert_non_null(strstr(err.text, "ppp...; do this"));
}

static void test_assert_says_that_we_are_wrong(void **state)
{
    int ends[2];
    char text[256] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        sl_assert(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t n, at = 0; (n = read(ends[0], text + at, sizeof text - 1 - (size_t)at)) > 0;)
        at += n;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "BUG: 1 + 1 == 3 does not hold in test_assert_says_that_we_are_wrong"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_set_gives_code_and_text),
        cmocka_unit_test(test_error_of_a_system_call_says_why),
        cmocka_unit_test(test_a_thread_that_cannot_be_started_may_lack_memory),
        cmocka_unit_test(test_error_grows_on_both_sides_and_keeps_its_class),
        cmocka_unit_test(test_error_need_not_be_wanted),
        cmocka_unit_test(test_error_cuts_what_is_too_long),
        cmocka_unit_test(test_error_keeps_the_reason_and_the_remedy_of_a_long_path),
        cmocka_unit_test(test_assert_says_that_we_are_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
