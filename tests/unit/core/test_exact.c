#include "core/base/exact.h"

#include "tests/unit/core/random.h"

#include <math.h>
#include <string.h>

/* The oracle is the processor: it rounds the sum of two doubles, and the quotient of a double and an integer below 2^53, once,
 * to the nearest, ties to even. */

enum { TRIES = 200000 };

static double any_double(struct chance *chance)
{
    uint64_t bits = chance_next(chance);
    double number;
    if (bits % 3 == 0) /* near each other, so that sums have digits of both */
        bits = (bits & ~(UINT64_C(0x7ff) << 52)) | (1000 + (bits >> 52 & 63)) << 52;
    if (bits % 7 == 0) /* subnormal */
        bits &= ~(UINT64_C(0x7ff) << 52);
    memcpy(&number, &bits, sizeof number);
    return isfinite(number) ? number : 1.5;
}

static void assert_same(double got, double want)
{
    if (want == 0 && got == 0) /* the sign of zero is not kept */
        return;
    assert_memory_equal(&got, &want, sizeof got);
}

static void test_exact_rounds_a_sum_of_two_as_the_processor_does(void **unused)
{
    struct chance chance = chance_new();
    struct sl_arena arena = {0};
    for (int i = 0; i < TRIES; i++) {
        double a = any_double(&chance), b = any_double(&chance), got = 0;
        struct sl_exact sum = {0};
        sl_arena_reset(&arena);
        if (!isfinite(a + b))
            continue;
        assert_true(sl_exact_add(&sum, &arena, a, false) && sl_exact_add(&sum, &arena, b, false));
        assert_true(sl_exact_round(&sum, 1, &arena, &got));
        assert_same(got, a + b);
        assert_true(sl_exact_add(&sum, &arena, b, true) && sl_exact_round(&sum, 1, &arena, &got));
        assert_same(got, a);
    }
    sl_arena_done(&arena);
}

static void test_exact_rounds_a_quotient_as_the_processor_does(void **unused)
{
    struct chance chance = chance_new();
    struct sl_arena arena = {0};
    for (int i = 0; i < TRIES; i++) {
        double a = any_double(&chance), got = 0;
        uint64_t divisor = (chance_next(&chance) >> (11 + chance_next(&chance) % 53)) + 1;
        struct sl_exact sum = {0};
        sl_arena_reset(&arena);
        assert_true(sl_exact_add(&sum, &arena, a, false) && sl_exact_round(&sum, divisor, &arena, &got));
        assert_same(got, a / (double)divisor);
    }
    sl_arena_done(&arena);
}

static void test_exact_does_not_depend_on_the_order(void **unused)
{
    struct chance chance = chance_new();
    struct sl_arena arena = {0};
    for (int i = 0; i < TRIES / 100; i++) {
        enum { COUNT = 40 };
        double number[COUNT], forth = 0, back = 0;
        struct sl_exact a = {0}, b = {0};
        sl_arena_reset(&arena);
        for (int k = 0; k < COUNT; k++)
            number[k] = any_double(&chance) / COUNT;
        for (int k = 0; k < COUNT; k++)
            assert_true(sl_exact_add(&a, &arena, number[k], false) &&
                        sl_exact_add(&b, &arena, number[COUNT - 1 - k], false));
        assert_true(sl_exact_round(&a, 1, &arena, &forth) && sl_exact_round(&b, 1, &arena, &back));
        assert_same(forth, back);
    }
    sl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_rounds_a_sum_of_two_as_the_processor_does),
        cmocka_unit_test(test_exact_rounds_a_quotient_as_the_processor_does),
        cmocka_unit_test(test_exact_does_not_depend_on_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
