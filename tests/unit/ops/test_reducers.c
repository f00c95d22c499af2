/* The native reducers: results by a table, and that splitting, combining, encoding and
 * copying change none. */
#include "tests/unit/ops/harness.h"

#include "ops/reducer/reducers.h"

struct group {
    struct harness h;
    struct sl_arena keep;
    const struct sl_reducer *r;
};

static void group_init(struct group *g, const struct sl_reducer *r)
{
    harness_init(&g->h);
    sl_arena_init(&g->keep);
    g->r = r;
}

static void group_done(struct group *g)
{
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

static void combine(struct group *g, union sl_state *state, const union sl_state *other)
{
    assert_int_equal(g->r->ops->combine(g->r, &g->h.task, &g->keep, state, other), 0);
}

/* The result as JSON; the text is the harness's. */
static const char *finish(struct group *g, const union sl_state *state)
{
    struct sl_field value;
    assert_int_equal(g->r->ops->finish(g->r, &g->h.task, state, &value), 0);
    g->h.text.len = 0;
    assert_true(sl_json_field(&g->h.text, &value, NULL));
    return buf_string(&g->h.text);
}

/* The state in another arena, by its row encoding. */
static union sl_state decoded(struct group *g, struct sl_arena *keep, const union sl_state *state)
{
    struct sl_field encoded;
    union sl_state ret;
    assert_int_equal(g->r->ops->encode(g->r, &g->h.task, state, &encoded), 0);
    assert_int_equal(g->r->ops->decode(g->r, &g->h.task, keep, &encoded, &ret), 0);
    return ret;
}

static union sl_state copied(struct group *g, struct sl_arena *keep, const union sl_state *state)
{
    union sl_state ret = *state;
    if (g->r->ops->copy)
        assert_int_equal(g->r->ops->copy(g->r, &g->h.task, keep, state, &ret), 0);
    return ret;
}

struct reducer_case {
    const char *name;
    struct sl_arg arg;
    struct sl_field values[8];
    size_t count;
    const char *expected;
};

/* Every way to cut the values in two, with the states going through encoding and copy, gives the result. */
static void check_cuts(const struct reducer_case *c, const struct sl_reducer *r)
{
    for (size_t cut = 1; cut < c->count; cut++) {
        struct group g;
        struct sl_arena other;
        group_init(&g, r);
        sl_arena_init(&other);
        union sl_state left = reduce(&g, c->values, cut), right = reduce(&g, c->values + cut, c->count - cut);
        left = decoded(&g, &g.keep, &left);
        right = copied(&g, &other, &right);
        combine(&g, &left, &right);
        left = copied(&g, &g.keep, &left);
        assert_string_equal(finish(&g, &left), c->expected);
        group_done(&g);
        sl_arena_done(&other);
    }
}

/* What is exact gives the same from back to front. */
static void check_backwards(const struct reducer_case *c, const struct sl_reducer *r)
{
    struct sl_field values[8];
    struct group g;
    for (size_t i = 0; i < c->count; i++)
        values[i] = c->values[c->count - 1 - i];
    group_init(&g, r);
    union sl_state state = reduce(&g, values, c->count);
    assert_string_equal(finish(&g, &state), c->expected);
    group_done(&g);
}

static void check(const struct reducer_case *c)
{
    struct group g;
    struct sl_function *fn = make(c->name, c->arg.kind == SL_ARG_NONE ? 0 : 1, &c->arg);
    assert_int_equal(fn->gives, SL_GIVES_NOTHING);
    group_init(&g, fn->reducer);
    union sl_state state = reduce(&g, c->values, c->count);
    assert_string_equal(finish(&g, &state), c->expected);
    group_done(&g);
    check_cuts(c, fn->reducer);
    if (fn->reducer->ops->exact)
        check_backwards(c, fn->reducer);
    fn->ops->free(fn);
}

static void test_results_do_not_depend_on_cuts(void **state)
{
    const struct sl_arg none = {0};
    const struct reducer_case cases[] = {
        {"count", none, {N, S("a"), I(1)}, 3, "3"},
        {"sum", none, {I(1), I(2), I(-4)}, 3, "-1"},
        {"mean", none, {I(1), I(2), I(6)}, 3, "3.0"},
        {"mean", none, {I(1), F(0.5)}, 2, "0.75"},
        {"min", none, {I(3), F(1.0), I(1), S("a")}, 4, "1"},
        {"min", none, {F(0.0), F(-0.0)}, 2, "0.0"},
        {"min", none, {S("b"), S("ab"), S("abc")}, 3, "\"ab\""},
        {"min", none, {I(1), N, B(false)}, 3, "null"},
        {"max", none, {F(3.0), I(3), I(1)}, 3, "3"},
        {"max", none, {S("b"), S("ab"), S("bcd")}, 3, "\"bcd\""},
        {"max", none, {L(F(1.0)), L(I(1))}, 2, "[1]"},
        {"first", none, {S("x"), I(1), N}, 3, "\"x\""},
        {"last", none, {I(1), S("long"), S("x")}, 3, "\"x\""},
        {"last", none, {S("x"), L(S("y"), I(2))}, 2, "[\"y\",2]"},
        {"concat", SL_STR_ARG(", "), {S("b"), S(""), S("a")}, 3, "\"b, , a\""},
        {"concat", SL_STR_ARG(""), {S("b"), S("a")}, 2, "\"ba\""},
        {"list", none, {I(3), S("a"), I(3), L(I(1))}, 4, "[3,\"a\",3,[1]]"},
        {"set", none, {I(3), S("a"), F(3.0), I(1), S("a")}, 5, "[1,3,\"a\"]"},
        {"set", none, {F(3.0), I(3)}, 2, "[3.0]"},
        {"largest", SL_INT_ARG(2), {I(3), I(1), I(3)}, 3, "[3,3]"},
        {"largest", SL_INT_ARG(1), {F(3.0), I(3), F(3.0)}, 3, "[3]"},
        {"stats",
         none,
         {I(1), I(2), F(6)},
         3,
         "{\"count\":3,\"max\":6.0,\"mean\":3.0,\"min\":1,\"stdev\":2.160246899469287}"},
        {"variance", none, {I(1), I(2), I(3), F(4.5)}, 4, "1.671875"},
        {"variance", none, {F(1e15), F(1e15 + 1), F(1e15 + 2)}, 3, "0.6666666666666666"},
        {"variance", none, {I(INT64_MAX), I(INT64_MAX - 2)}, 2, "1.0"},
        {"stdev", none, {F(0.1), F(0.1), F(0.1)}, 3, "0.0"},
        {"stdev", none, {I(7)}, 1, "0.0"},
        {"histogram",
         ((struct sl_arg){.kind = SL_ARG_VALUE, .value = L(I(0), I(2), F(5))}),
         {I(-1), I(0), F(1.9), I(2), I(5), F(5.1)},
         6,
         "[2,2]"},
        {"quantile", SL_NUM_ARG(0.5), {I(5), I(1), I(3), F(2.5)}, 4, "2.5"},
        {"quantile", SL_NUM_ARG(0), {I(5), I(1), I(3)}, 3, "1"},
        {"quantile", SL_NUM_ARG(1), {I(5), I(1), I(3)}, 3, "5"},
        {"approxDistinct", none, {I(3), F(3.0), S("3"), N, L(I(1)), S("3")}, 6, "4"},
        {"largest", SL_INT_ARG(9), {S("a"), S("c"), S("b"), I(1)}, 4, "[\"c\",\"b\",\"a\",1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&cases[i]);
}

static void test_combining_leaves_the_other_unchanged(void **state)
{
    static const char *const names[] = {"sum", "mean", "min", "max", "first", "last", "list", "set", "count"};
    const struct sl_field a[] = {I(5), F(0.5)}, b[] = {F(0.25), I(7)};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct group g;
        struct sl_function *fn = make(names[i], 0, NULL);
        group_init(&g, fn->reducer);
        union sl_state to = reduce(&g, a, 2), other = reduce(&g, b, 2);
        char *before = strdup(finish(&g, &other));
        combine(&g, &to, &other);
        assert_int_equal(g.r->ops->merge(g.r, &g.h.task, &g.keep, &to, &b[0]), 0);
        assert_string_equal(finish(&g, &other), before);
        free(before);
        group_done(&g);
        fn->ops->free(fn);
    }
}

static void test_a_set_of_many_values_stays_small_and_sorted(void **state)
{
    struct group g;
    struct sl_function *fn = make("set", 0, NULL);
    group_init(&g, fn->reducer);
    struct sl_field value = I(0);
    union sl_state set = reduce(&g, &value, 1);
    for (int64_t i = 0; i < 100000; i++) {
        value = I((i * 7919) % 50);
        assert_int_equal(g.r->ops->merge(g.r, &g.h.task, &g.keep, &set, &value), 0);
    }
    assert_in_range(g.keep.bytes, 1, 65536);
    assert_int_equal(g.r->ops->finish(g.r, &g.h.task, &set, &value), 0);
    assert_int_equal(value.len, 50);
    for (int64_t i = 0; i < 50; i++)
        assert_int_equal(value.items[i].integer, i);
    group_done(&g);
    fn->ops->free(fn);
}

/* Many values in shares that are combined, as splits are. */
static union sl_state reduce_many(struct group *g, struct sl_field (*value)(size_t i), size_t count,
                                  size_t shares)
{
    union sl_state whole = {0};
    for (size_t share = 0; share < shares; share++) {
        union sl_state part;
        for (size_t i = share * count / shares; i < (share + 1) * count / shares; i++) {
            struct sl_field v = value(i);
            int r = i == share * count / shares ? g->r->ops->create(g->r, &g->h.task, &g->keep, &v, &part)
                                                : g->r->ops->merge(g->r, &g->h.task, &g->keep, &part, &v);
            assert_int_equal(r, 0);
        }
        if (share)
            combine(g, &whole, &part);
        else
            whole = part;
    }
    return whole;
}

static struct sl_field shuffled_rank(size_t i)
{
    return I((int64_t)(i * 7919 % 1000003));
}

static struct sl_field ascending(size_t i)
{
    return I((int64_t)i);
}

static struct sl_field descending(size_t i)
{
    return I((int64_t)(1000002 - i));
}

static void test_a_quantile_is_off_by_one_in_a_hundred_at_most(void **state)
{
    static struct sl_field (*const orders[])(size_t) = {shuffled_rank, ascending, descending};
    static const double parts[] = {0.01, 0.25, 0.5, 0.9, 0.99};
    for (size_t o = 0; o < 3; o++)
        for (size_t p = 0; p < 5; p++)
            for (size_t shares = 1; shares < 400; shares = shares * 7 + 3) {
                struct group g;
                struct sl_field value;
                const struct sl_arg part = SL_NUM_ARG(parts[p]);
                struct sl_function *fn = make("quantile", 1, &part);
                group_init(&g, fn->reducer);
                union sl_state all = reduce_many(&g, orders[o], 1000003, shares);
                assert_int_equal(g.r->ops->finish(g.r, &g.h.task, &all, &value), 0);
                double off = (double)value.integer / 1000003 - parts[p];
                assert_true(off > -0.01 && off < 0.01);
                group_done(&g);
                fn->ops->free(fn);
            }
}

static struct sl_field every_third_again(size_t i)
{
    return I((int64_t)(i / 3) * 1000003);
}

static void test_approx_distinct_is_off_by_one_in_twenty_at_most(void **state)
{
    for (size_t count = 30; count < 3000000; count *= 5)
        for (size_t shares = 1; shares < 30; shares += 13) {
            struct group g;
            struct sl_field value;
            struct sl_function *fn = make("approxDistinct", 0, NULL);
            group_init(&g, fn->reducer);
            union sl_state all = reduce_many(&g, every_third_again, count, shares);
            assert_int_equal(g.r->ops->finish(g.r, &g.h.task, &all, &value), 0);
            double off = (double)value.integer / ((double)count / 3) - 1;
            assert_true(off > -0.05 && off < 0.05);
            if (count < 6000)
                assert_int_equal(value.integer, count / 3);
            group_done(&g);
            fn->ops->free(fn);
        }
}

static void test_last_of_many_texts_stays_small(void **state)
{
    struct group g;
    struct sl_function *fn = make("last", 0, NULL);
    struct sl_field text = S("a text of some length");
    group_init(&g, fn->reducer);
    union sl_state last = reduce(&g, &text, 1);
    for (uint32_t i = 0; i < 100000; i++) {
        text.len = 1 + i % 20;
        assert_int_equal(g.r->ops->merge(g.r, &g.h.task, &g.keep, &last, &text), 0);
    }
    assert_in_range(g.keep.bytes, 1, 65536);
    group_done(&g);
    fn->ops->free(fn);
}

static void test_concat_refuses_what_is_no_text(void **state)
{
    struct group g;
    struct sl_arg comma = SL_STR_ARG(",");
    struct sl_function *fn = make("concat", 1, &comma);
    struct sl_field text = S("a"), number = I(1);
    group_init(&g, fn->reducer);
    union sl_state joined = reduce(&g, &text, 1), none;
    assert_int_equal(g.r->ops->merge(g.r, &g.h.task, &g.keep, &joined, &number), SL_EREJECT);
    assert_int_equal(g.r->ops->create(g.r, &g.h.task, &g.keep, &number, &none), SL_EREJECT);
    assert_string_equal(finish(&g, &joined), "\"a\"");
    group_done(&g);
    fn->ops->free(fn);
}

static void test_damaged_states_are_refused(void **state)
{
    static const char *const names[] = {"count", "mean", "list", "set"};
    const struct sl_field damaged = S("x"), unsorted = L(I(2), I(1));
    struct sl_arg n = SL_INT_ARG(2), comma = SL_STR_ARG(",");
    struct sl_function *fns[] = {make(names[0], 0, NULL), make(names[1], 0, NULL), make(names[2], 0, NULL),
                                 make(names[3], 0, NULL), make("largest", 1, &n)};
    struct sl_function *concat = make("concat", 1, &comma);
    union sl_state decoded_state;
    struct group g;
    for (size_t i = 0; i < 5; i++) {
        group_init(&g, fns[i]->reducer);
        assert_int_equal(g.r->ops->decode(g.r, &g.h.task, &g.keep, &damaged, &decoded_state), SL_EDAMAGED);
        if (i == 3)
            assert_int_equal(g.r->ops->decode(g.r, &g.h.task, &g.keep, &unsorted, &decoded_state),
                             SL_EDAMAGED);
        group_done(&g);
        fns[i]->ops->free(fns[i]);
    }
    group_init(&g, concat->reducer);
    assert_int_equal(g.r->ops->decode(g.r, &g.h.task, &g.keep, &unsorted, &decoded_state), SL_EDAMAGED);
    group_done(&g);
    concat->ops->free(concat);
}

static void test_the_reducers_of_operators_are_there(void **state)
{
    const struct sl_field values[] = {I(1), S("a")};
    const struct sl_reducer *reducers[] = {&sl_reducer_count, &sl_reducer_list, &sl_reducer_nothing};
    static const char *const expected[] = {"2", "[1,\"a\"]", "null"};
    for (size_t i = 0; i < 3; i++) {
        struct group g;
        group_init(&g, reducers[i]);
        union sl_state all = reduce(&g, values, 2);
        assert_string_equal(finish(&g, &all), expected[i]);
        group_done(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_do_not_depend_on_cuts),
        cmocka_unit_test(test_combining_leaves_the_other_unchanged),
        cmocka_unit_test(test_a_set_of_many_values_stays_small_and_sorted),
        cmocka_unit_test(test_last_of_many_texts_stays_small),
        cmocka_unit_test(test_a_quantile_is_off_by_one_in_a_hundred_at_most),
        cmocka_unit_test(test_approx_distinct_is_off_by_one_in_twenty_at_most),
        cmocka_unit_test(test_concat_refuses_what_is_no_text),
        cmocka_unit_test(test_damaged_states_are_refused),
        cmocka_unit_test(test_the_reducers_of_operators_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
