#include "engine/batch/window_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A batch a second with t % 3 files; windows of every length up to the reach, also after older batches were forgotten. */
static void test_window_counts_are_those_of_the_window(void **state)
{
    enum { REACH_S = 700, BATCHES = 20000 };
    struct sl_window_counts counts = {0};
    assert_int_equal(sl_window_counts_since(&counts, 0), 0);
    for (int64_t t = 1; t <= BATCHES; t++) {
        assert_int_equal(sl_window_counts_add(&counts, t * 1000, (uint64_t)(t % 3), REACH_S * 1000), 0);
        for (int64_t length = 1; length <= REACH_S && length <= t; length += 233) {
            uint64_t files = 0;
            for (int64_t i = t - length + 1; i <= t; i++)
                files += (uint64_t)(i % 3);
            assert_int_equal(sl_window_counts_since(&counts, (t - length) * 1000), files);
        }
    }
    assert_true(counts.count < 8 * 1024); /* what no window reaches is forgotten */
    sl_window_counts_done(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_counts_are_those_of_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
