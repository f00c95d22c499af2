/* sum and mean against the same arithmetic done in another way: __int128 and quadruple precision, whatever the order,
 * the splits and what was taken out again. */
#include "tests/unit/ops/harness.h"

#include "core/base/exact.h"

#include <float.h>
#include <math.h>

#if LDBL_MANT_DIG == 113 /* arm64 */
typedef long double quad;
#else
typedef __float128 quad;
#endif

enum { VALUES = 64 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

struct group {
    struct harness h;
    struct sl_arena keep;
    struct sl_function *fn;
    const struct sl_reducer *r;
};

static void group_init(struct group *g, const char *name)
{
    harness_init(&g->h);
    sl_arena_init(&g->keep);
    g->fn = MAKE(name);
    g->r = g->fn->reducer;
}

static void group_done(struct group *g)
{
    g->fn->ops->free(g->fn);
    sl_arena_done(&g->keep);
    harness_done(&g->h);
}

static union sl_state reduce(struct group *g, const struct sl_field *values, size_t count)
{
    union sl_state state;
    assert_int_equal(g->r->ops->create(g->r, &g->h.task, &g->keep, &values[0], &state), 0);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(g->r->ops->merge(g->r, &g->h.task, &g->keep, &state, &values[i]), 0);
    return state;
}

static struct sl_field finish(struct group *g, const union sl_state *state)
{
    struct sl_field value;
    assert_int_equal(g->r->ops->finish(g->r, &g->h.task, state, &value), 0);
    return value;
}

static struct sl_field result(struct group *g, const struct sl_field *values, size_t count)
{
    union sl_state state = reduce(g, values, count);
    return finish(g, &state);
}

/* Through the row encoding and a copy, which must not change a state. */
static union sl_state travelled(struct group *g, const union sl_state *state)
{
    struct sl_field encoded;
    union sl_state decoded, copied;
    assert_int_equal(g->r->ops->encode(g->r, &g->h.task, state, &encoded), 0);
    assert_int_equal(g->r->ops->decode(g->r, &g->h.task, &g->keep, &encoded, &decoded), 0);
    assert_int_equal(g->r->ops->copy(g->r, &g->h.task, &g->keep, &decoded, &copied), 0);
    return copied;
}

static void assert_same(struct sl_field a, struct sl_field b)
{
    assert_int_equal(a.tag, b.tag);
    assert_memory_equal(&a.integer, &b.integer, 8);
}

static double random_float(uint64_t *seed, unsigned kind)
{
    uint64_t bits = next_random(seed);
    double d;
    memcpy(&d, &bits, sizeof d);
    if (kind == 0) /* any finite double */
        return isfinite(d) ? d : 1e308;
    double unit = (double)(int64_t)bits / 9223372036854775808.0;
    return kind == 1 ? unit * 100 : ldexp(unit, (int)(bits % 200) - 100);
}

static void random_values(uint64_t *seed, unsigned kind, struct sl_field *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t integer = (int64_t)next_random(seed);
        values[i] = kind == 3 || (kind == 2 && i % 3 == 0) ? I(integer >> (next_random(seed) % 64))
                                                           : F(random_float(seed, kind));
    }
}

static void shuffle(uint64_t *seed, struct sl_field *values, size_t count)
{
    for (size_t i = count; i-- > 1;) {
        size_t k = next_random(seed) % (i + 1);
        struct sl_field swap = values[i];
        values[i] = values[k];
        values[k] = swap;
    }
}

static void check_orders(const char *name, bool large)
{
    uint64_t seed = 2463534242u;
    for (unsigned round = 0; round < 400; round++) {
        struct group g;
        struct sl_field values[VALUES];
        size_t count = 2 + next_random(&seed) % (VALUES - 2), half = 1 + next_random(&seed) % (count - 1);
        group_init(&g, name);
        random_values(&seed, round % 4, values, count);
        for (size_t i = 0; !large && i < count; i++)
            if (values[i].tag == SL_INT)
                values[i].integer >>= 8;
        struct sl_field expected = result(&g, values, count);
        shuffle(&seed, values, count);
        union sl_state left = reduce(&g, values, half), right = reduce(&g, values + half, count - half);
        union sl_state first = travelled(&g, &left), all = left;
        assert_int_equal(g.r->ops->combine(g.r, &g.h.task, &g.keep, &all, &right), 0);
        all = travelled(&g, &all);
        assert_same(finish(&g, &all), expected);
        assert_int_equal(g.r->ops->inverse(g.r, &g.h.task, &g.keep, &all, &right), 0);
        assert_same(finish(&g, &all), finish(&g, &first));
        group_done(&g);
    }
}

static void test_sum_depends_on_no_order_and_is_undone(void **state)
{
    check_orders("sum", false);
}

/* However the sum came about: in one go, of parts, with something taken out again. */
static void test_equal_sums_have_equal_encodings(void **state)
{
    uint64_t seed = 88172645463325252u;
    for (unsigned round = 0; round < 400; round++) {
        struct group g;
        struct sl_field values[VALUES], once, parts, undone;
        size_t half = 1 + next_random(&seed) % (VALUES - 1);
        group_init(&g, "sum");
        random_values(&seed, round % 3, values, VALUES);
        values[0] = F(1.5); /* a sum of integers alone is an integer */
        union sl_state all = reduce(&g, values, VALUES), left = reduce(&g, values, half),
                       right = reduce(&g, values + half, VALUES - half);
        assert_int_equal(g.r->ops->combine(g.r, &g.h.task, &g.keep, &right, &left), 0);
        assert_int_equal(g.r->ops->encode(g.r, &g.h.task, &all, &once), 0);
        assert_int_equal(g.r->ops->encode(g.r, &g.h.task, &right, &parts), 0);
        assert_true(sl_field_equals(&once, &parts));
        left = reduce(&g, values, half);
        assert_int_equal(g.r->ops->inverse(g.r, &g.h.task, &g.keep, &all, &left), 0);
        right = reduce(&g, values + half, VALUES - half);
        assert_int_equal(g.r->ops->encode(g.r, &g.h.task, &all, &undone), 0);
        assert_int_equal(g.r->ops->encode(g.r, &g.h.task, &right, &parts), 0);
        assert_true(sl_field_equals(&undone, &parts));
        group_done(&g);
    }
}

static void test_mean_depends_on_no_order_and_is_undone(void **state)
{
    check_orders("mean", true);
}

static void test_sum_is_the_rounded_exact_sum(void **state)
{
    uint64_t seed = 521288629u;
    for (unsigned round = 0; round < 2000; round++) {
        struct group g;
        struct sl_field values[8];
        quad sum = 0; /* exact here: 113 bits hold eight doubles of nearly one size */
        group_init(&g, "sum");
        for (size_t i = 0; i < 8; i++) {
            values[i] = F(ldexp((double)(int64_t)next_random(&seed), -(int)(next_random(&seed) % 40)));
            sum += values[i].number;
        }
        assert_same(result(&g, values, 8), F((double)sum));
        group_done(&g);
    }
}

static void test_mean_is_the_rounded_exact_mean(void **state)
{
    uint64_t seed = 521288629u;
    for (unsigned round = 0; round < 2000; round++) {
        struct group g;
        struct sl_field values[7];
        __int128 sum = 0;
        group_init(&g, "mean");
        for (size_t i = 0; i < 7; i++) {
            values[i] = I((int64_t)next_random(&seed) >> (round % 64));
            sum += values[i].integer;
        }
        /* A quotient by 7 is never near a tie that 113 bits would round onto. */
        assert_same(result(&g, values, 7), F((double)((quad)sum / 7)));
        group_done(&g);
    }
}

static void test_many_equal_values_do_not_reach_the_sign(void **state)
{
    enum { COPIES = 1 << 14 }; /* a power of two: the product is exact */
    for (int exponent = 0; exponent < 64; exponent++) {
        struct group g;
        struct sl_field value = F(ldexp(9007199254740991.0, exponent));
        group_init(&g, "sum");
        union sl_state sum = reduce(&g, &value, 1);
        for (int i = 1; i < COPIES; i++)
            assert_int_equal(g.r->ops->merge(g.r, &g.h.task, &g.keep, &sum, &value), 0);
        assert_same(finish(&g, &sum), F(value.number * COPIES));
        group_done(&g);
    }
}

struct sum_case {
    struct sl_field values[4];
    size_t count;
    const char *expected;
};

static void test_sums_at_the_edges(void **state)
{
    const struct sum_case cases[] = {
        {{I(INT64_MAX), I(1), I(-5)}, 3, "9223372036854775803"},
        {{I(INT64_MIN), I(-1), I(1)}, 3, "-9223372036854775808"},
        {{I(INT64_MIN)}, 1, "-9223372036854775808"},
        {{I(INT64_MAX), I(INT64_MAX), F(0.0)}, 3, "1.8446744073709552e+19"},
        {{I(1), F(2.0)}, 2, "3.0"},
        {{F(0.1), F(0.2), F(0.3)}, 3, "0.6"},
        {{F(1e308), F(1e308), F(-1e308)}, 3, "1e+308"},
        {{F(1e16), F(1.0), F(-1e16)}, 3, "1.0"},
        {{I(INT64_C(9007199254740993)), F(0.0)}, 2, "9007199254740992.0"},
        {{I(INT64_C(9007199254740993)), F(0.5)}, 2, "9007199254740994.0"},
        {{F(5e-324), F(5e-324)}, 2, "1e-323"},
        {{F(-5e-324), F(5e-324)}, 2, "0.0"},
        {{F(-1.5), I(1)}, 2, "-0.5"},
        {{F(1e308), F(1e308)}, 2, "null"}, /* infinite */
        {{F(INFINITY), F(-INFINITY)}, 2, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct group g;
        group_init(&g, "sum");
        struct sl_field sum = result(&g, cases[i].values, cases[i].count);
        assert_true(sl_json_field(&g.h.text, &sum, NULL));
        assert_string_equal(buf_string(&g.h.text), cases[i].expected);
        group_done(&g);
    }
}

static void test_an_overflowing_sum_is_an_error_of_the_group(void **state)
{
    struct group g;
    struct sl_field values[] = {I(INT64_MAX), I(1)}, value;
    group_init(&g, "sum");
    union sl_state sum = reduce(&g, values, 2);
    assert_int_equal(g.r->ops->finish(g.r, &g.h.task, &sum, &value), SL_EREJECT);
    assert_non_null(strstr(g.h.task.message, "integer overflow"));
    group_done(&g);
}

/* The number of values is in the word of the state as long as it fits there. */
static void test_more_values_than_the_word_can_count(void **state)
{
    (void)state;
    enum { COUNT = (1 << 20) + 3 };
    struct group g;
    group_init(&g, "sum");
    struct sl_field one = sl_integer(-1);
    union sl_state sum = reduce(&g, &one, 1);
    for (int64_t i = 1; i < COUNT; i++) {
        assert_int_equal(sl_reducer_records(g.r, &sum), i);
        assert_int_equal(g.r->ops->merge(g.r, &g.h.task, &g.keep, &sum, &one), 0);
    }
    assert_int_equal(sl_reducer_records(g.r, &sum), COUNT);
    assert_int_equal(finish(&g, &sum).integer, -COUNT);
    group_done(&g);
}

static void test_infinities_leave_with_the_window(void **state)
{
    struct group g;
    struct sl_field stays[] = {F(1.5), I(2)}, leaves[] = {F(INFINITY), F(NAN), F(-INFINITY)};
    group_init(&g, "sum");
    union sl_state sum = reduce(&g, stays, 2), gone = reduce(&g, leaves, 3);
    assert_int_equal(g.r->ops->combine(g.r, &g.h.task, &g.keep, &sum, &gone), 0);
    assert_true(isnan(finish(&g, &sum).number));
    assert_int_equal(g.r->ops->inverse(g.r, &g.h.task, &g.keep, &sum, &gone), 0);
    assert_same(finish(&g, &sum), F(3.5));
    group_done(&g);
}

static void test_floats_that_left_leave_an_integer(void **state)
{
    struct group g;
    struct sl_field stays = I(2), leaves = F(0.1);
    group_init(&g, "sum");
    union sl_state sum = reduce(&g, &stays, 1), gone = reduce(&g, &leaves, 1);
    assert_int_equal(g.r->ops->combine(g.r, &g.h.task, &g.keep, &sum, &gone), 0);
    assert_int_equal(g.r->ops->inverse(g.r, &g.h.task, &g.keep, &sum, &gone), 0);
    assert_same(finish(&g, &sum), I(2));
    group_done(&g);
}

static void test_a_value_that_is_no_number_leaves_the_group_alone(void **state)
{
    struct group g;
    struct sl_field one = I(1), text = S("x");
    group_init(&g, "sum");
    union sl_state sum = reduce(&g, &one, 1), none;
    assert_int_equal(g.r->ops->merge(g.r, &g.h.task, &g.keep, &sum, &text), SL_EREJECT);
    assert_int_equal(g.r->ops->create(g.r, &g.h.task, &g.keep, &text, &none), SL_EREJECT);
    assert_string_equal(g.h.task.message, "sum: the value is of type string, a number is wanted");
    assert_same(finish(&g, &sum), I(1));
    group_done(&g);
}

static void test_merging_rows_stops_before_what_is_not_small(void **state)
{
    struct group g;
    struct sl_field values[] = {I(1), I(2), I(INT64_MAX), F(1.0), I(-7)}, zero = I(0);
    const uint16_t row[] = {0, 4, 1, 2, 3};
    group_init(&g, "sum");
    union sl_state sum = reduce(&g, &zero, 1);
    union sl_state *states[] = {&sum, &sum, &sum, &sum, &sum};
    assert_int_equal(g.r->ops->merge_rows(g.r, NULL, NULL, states, values, row, 5), 3);
    assert_same(finish(&g, &sum), I(-4));
    group_done(&g);
}

static void test_damaged_states_are_refused(void **state)
{
    const struct sl_field cases[] = {N,
                                     S("x"),
                                     EMPTY_LIST,
                                     L(I(1), I(2), I(0), I(0), I(0), I(0), I(99), S("")),
                                     L(I(1), I(2), I(0), I(0), I(0), I(0), I(0), S("abc")),
                                     F(1.0)};
    struct group g;
    group_init(&g, "sum");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        union sl_state decoded;
        assert_int_equal(g.r->ops->decode(g.r, &g.h.task, &g.keep, &cases[i], &decoded), SL_EDAMAGED);
    }
    group_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_depends_on_no_order_and_is_undone),
        cmocka_unit_test(test_equal_sums_have_equal_encodings),
        cmocka_unit_test(test_mean_depends_on_no_order_and_is_undone),
        cmocka_unit_test(test_sum_is_the_rounded_exact_sum),
        cmocka_unit_test(test_mean_is_the_rounded_exact_mean),
        cmocka_unit_test(test_many_equal_values_do_not_reach_the_sign),
        cmocka_unit_test(test_sums_at_the_edges),
        cmocka_unit_test(test_an_overflowing_sum_is_an_error_of_the_group),
        cmocka_unit_test(test_more_values_than_the_word_can_count),
        cmocka_unit_test(test_infinities_leave_with_the_window),
        cmocka_unit_test(test_floats_that_left_leave_an_integer),
        cmocka_unit_test(test_a_value_that_is_no_number_leaves_the_group_alone),
        cmocka_unit_test(test_merging_rows_stops_before_what_is_not_small),
        cmocka_unit_test(test_damaged_states_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
