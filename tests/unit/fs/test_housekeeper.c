/* The thread that does something again after every kick. */
#include "fs/mount/housekeeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TIMES = 200 };

static bool count(void *arg)
{
    atomic_uint *rounds = arg;
    atomic_fetch_add(rounds, 1);
    return true;
}

/* Else readers who wait for a version would not get the last one of a run that ends behind it. */
static void test_what_was_kicked_for_is_done_before_the_end(void **state)
{
    for (int i = 0; i < TIMES; i++) {
        atomic_uint rounds = 0;
        struct sl_housekeeper *keeper;
        struct sl_error err;
        assert_int_equal(sl_housekeeper_start(count, &rounds, &keeper, &err), 0);
        sl_housekeeper_kick(keeper);
        sl_housekeeper_stop(keeper);
        assert_in_range(atomic_load(&rounds), 1, 1);
    }
}

static void test_without_a_kick_nothing_is_done(void **state)
{
    atomic_uint rounds = 0;
    struct sl_housekeeper *keeper;
    struct sl_error err;
    assert_int_equal(sl_housekeeper_start(count, &rounds, &keeper, &err), 0);
    sl_housekeeper_stop(keeper);
    assert_int_equal(atomic_load(&rounds), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_kicked_for_is_done_before_the_end),
        cmocka_unit_test(test_without_a_kick_nothing_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
