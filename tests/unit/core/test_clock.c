/* Time is injected. */
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

static void test_virtual_clock_shows_what_was_set(void **state)
{
    struct sl_clock_virtual clock;
    sl_clock_virtual_init(&clock, 5000);
    assert_int_equal(clock.clock.now_ms(&clock.clock), 5000);
    assert_int_equal(clock.clock.now_ms(&clock.clock), 5000);
    clock.now_ms = -1;
    assert_int_equal(clock.clock.now_ms(&clock.clock), -1);
}

static void test_real_clock_is_the_system_s(void **state)
{
    struct timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    int64_t now_ms = sl_clock_real.now_ms(&sl_clock_real);
    clock_gettime(CLOCK_REALTIME, &after);
    assert_true(now_ms >= before.tv_sec * 1000 + before.tv_nsec / 1000000);
    assert_true(now_ms <= after.tv_sec * 1000 + after.tv_nsec / 1000000);
}

static void test_monotonic_clock_never_goes_back(void **state)
{
    int64_t last = sl_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = sl_monotonic_ns();
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_virtual_clock_shows_what_was_set),
        cmocka_unit_test(test_real_clock_is_the_system_s),
        cmocka_unit_test(test_monotonic_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
