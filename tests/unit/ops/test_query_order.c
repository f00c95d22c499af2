/* ORDER BY's strings compare as SQLite compares the values, in either direction, wherever NULLs are. */
#include "ops/query/query.h"
#include "tests/unit/ops/harness.h"

static const char zero_inside[] = "a\0b";

static struct sl_field values[] = {
    {.tag = SL_NIL},
    {.tag = SL_INT, .integer = 0},
    {.tag = SL_INT, .integer = 1},
    {.tag = SL_INT, .integer = -1},
    {.tag = SL_INT, .integer = INT64_MAX},
    {.tag = SL_INT, .integer = INT64_MAX - 1},
    {.tag = SL_INT, .integer = INT64_MIN},
    {.tag = SL_INT, .integer = INT64_MIN + 1},
    {.tag = SL_INT, .integer = (INT64_C(1) << 53) + 1},
    {.tag = SL_INT, .integer = INT64_C(1) << 53},
    {.tag = SL_FLOAT, .number = 9007199254740992.0},
    {.tag = SL_FLOAT, .number = 9223372036854775808.0},
    {.tag = SL_FLOAT, .number = -9223372036854775808.0},
    {.tag = SL_FLOAT, .number = 0.0},
    {.tag = SL_FLOAT, .number = -0.0},
    {.tag = SL_FLOAT, .number = 0.5},
    {.tag = SL_FLOAT, .number = 1.0},
    {.tag = SL_FLOAT, .number = -1e-300},
    {.tag = SL_FLOAT, .number = 5e-324},
    {.tag = SL_FLOAT, .number = 1e300},
    {.tag = SL_FLOAT, .number = __builtin_inf()},
    {.tag = SL_FLOAT, .number = -__builtin_inf()},
    {.tag = SL_STR, .len = 0, .str = (const uint8_t *)""},
    {.tag = SL_STR, .len = 1, .str = (const uint8_t *)"a"},
    {.tag = SL_STR, .len = 2, .str = (const uint8_t *)"ab"},
    {.tag = SL_STR, .len = 2, .str = (const uint8_t *)zero_inside},
    {.tag = SL_STR, .len = 3, .str = (const uint8_t *)zero_inside},
    {.tag = SL_STR, .len = 1, .str = (const uint8_t *)""},
    {.tag = SL_STR, .len = 2, .str = (const uint8_t *)"\xc3\xa4"},
    {.tag = SL_STR, .len = 1, .str = (const uint8_t *)"\xff"},
    {.tag = SL_STR, .len = 1, .str = (const uint8_t *)"\x80"},
    {.tag = SL_STR, .len = 2, .str = (const uint8_t *)"\xff\xff"},
};

enum { VALUES = sizeof values / sizeof *values };

static struct sl_function *make_order(const char *direction, const char *nulls)
{
    const struct sl_field term[] = {sl_integer(1), sl_text(direction), sl_text(nulls)};
    const struct sl_field second[] = {sl_integer(2), sl_text("asc"), sl_text("first")};
    const struct sl_field list[] = {sl_list(term, 3), sl_list(second, 3)};
    const struct sl_field terms = sl_list(list, 2);
    struct sl_function *fn = sl_query_order_new(&terms);
    assert_non_null(fn);
    return fn;
}

static struct sl_field key_of(const struct sl_function *fn, struct sl_task *task, const struct sl_field *row)
{
    struct sl_field value[SL_WIDTH_MAX];
    struct sl_returned ret = {.values = value};
    assert_int_equal(sl_function_call(fn, task, row, 2, &ret), 0);
    assert_int_equal(ret.count, 1);
    return value[0];
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/* NULLs are apart from the direction. */
static int expected(const struct sl_field *a, const struct sl_field *b, bool descending, bool nulls_last)
{
    if (a->tag == SL_NIL || b->tag == SL_NIL) {
        int order = (b->tag == SL_NIL) - (a->tag == SL_NIL);
        return nulls_last ? -order : order;
    }
    return descending ? -sign(sl_query_compare(a, b)) : sign(sl_query_compare(a, b));
}

static void test_sort_keys_compare_as_the_values_do(void **state)
{
    struct sl_arena scratch;
    struct sl_task task = {.scratch = &scratch};
    (void)state;
    sl_arena_init(&scratch);
    for (int way = 0; way < 4; way++) {
        struct sl_function *fn = make_order(way & 1 ? "desc" : "asc", way & 2 ? "last" : "first");
        for (size_t i = 0; i < VALUES; i++)
            for (size_t j = 0; j < VALUES; j++)
                for (int64_t second = 0; second < 2; second++) {
                    const struct sl_field a[] = {values[i], sl_integer(second)},
                                          b[] = {values[j], sl_integer(1)};
                    struct sl_field key = key_of(fn, &task, a), other = key_of(fn, &task, b);
                    int want = expected(&values[i], &values[j], way & 1, way & 2);
                    want = want ? want : second ? 0 : -1;
                    if (sign(sl_field_compare(&key, &other)) != want)
                        fail_msg("values %zu and %zu, way %d: %d is wanted", i, j, way, want);
                    int first = expected(&values[i], &values[j], way & 1, way & 2);
                    bool comes_after = first > 0 && values[i].tag != SL_STR;
                    if (fn->ops->comes_after(fn, a, 2, &other) != comes_after)
                        fail_msg("values %zu and %zu, way %d: comes_after must be %d", i, j, way,
                                 comes_after);
                }
        fn->ops->free(fn);
    }
    sl_arena_done(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort_keys_compare_as_the_values_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
