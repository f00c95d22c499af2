/* Waits by CLOCK_MONOTONIC. */
#include "core/base/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/clock.h"

#include <errno.h>

static int64_t ns_of(struct timespec at)
{
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void test_an_end_is_so_much_later_on_the_monotonic_clock(void **state)
{
    static const int64_t waits_ms[] = {0, 1, 999, 1000, 1001, 86400999};
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        int64_t before = sl_monotonic_ns();
        struct timespec end = sl_condition_end(waits_ms[i]);
        int64_t after = sl_monotonic_ns();
        assert_in_range(end.tv_nsec, 0, 999999999);
        assert_true(ns_of(end) >= before + waits_ms[i] * 1000000);
        assert_true(ns_of(end) <= after + waits_ms[i] * 1000000);
    }
}

static void test_a_wait_ends_by_that_clock(void **state)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    struct timespec end = sl_condition_end(5);
    int r = 0;
    sl_condition_init(&condition);
    pthread_mutex_lock(&lock);
    while (r == 0)
        r = pthread_cond_timedwait(&condition, &lock, &end);
    pthread_mutex_unlock(&lock);
    assert_int_equal(r, ETIMEDOUT);
    assert_true(sl_monotonic_ns() >= ns_of(end));
    pthread_cond_destroy(&condition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_end_is_so_much_later_on_the_monotonic_clock),
        cmocka_unit_test(test_a_wait_ends_by_that_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
