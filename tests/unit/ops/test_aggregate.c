/* Grouping by key: the same groups, byte for byte, for any number of workers; what becomes of records and
 * groups that a reducer refuses. */
#include "ops/group/function_reducer.h"
#include "tests/unit/ops/aggregate_bench.h"

#include <math.h>

/* ---- the same for any number of workers ---- */

/* Few keys in all their representations; values whose sums and extremes are hard. */
static void mixed_row(uint32_t number, struct sl_field *fields)
{
    static const struct sl_field wholes[] = {{.tag = SL_INT, .integer = 1}, {.tag = SL_NIL}},
                                 floats[] = {{.tag = SL_FLOAT, .number = 1.0}, {.tag = SL_NIL}};
    static const double values[] = {1e300, -1e300, 0.1, -0.0, 0.0, 3, 1e-300, 0.25};
    uint32_t mixed = number * 2654435761u >> 8;
    const struct sl_field keys[] = {I(1),
                                    F(1.0),
                                    S("1"),
                                    S("one"),
                                    N,
                                    B(true),
                                    F(NAN),
                                    F(-0.0),
                                    I(0),
                                    F(0.0),
                                    sl_list(wholes, 2),
                                    sl_list(floats, 2),
                                    S("longer than eight bytes")};
    fields[0] = keys[mixed % 13];
    fields[1] = mixed / 16 % 3 ? F(values[mixed / 64 % 8]) : I(mixed / 64 % 8);
}

static void test_native_reducers_give_the_same_for_any_number_of_workers(void **state)
{
    static const char *const names[] = {"sum",   "mean", "min",  "max", "count",
                                        "first", "last", "list", "set", "largest"};
    const struct sl_arg three = SL_INT_ARG(3);
    struct job job = {.rows = 5000, .width = 2, .row = mixed_row};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sl_function *fn = make(names[i], strcmp(names[i], "largest") == 0, &three);
        check_workers(&job, names[i], fn->reducer, SL_KEY_FIELD, SL_FORM_PAIR);
        check_workers(&job, names[i], fn->reducer, SL_KEY_RECORD, SL_FORM_KEY);
        check_workers(&job, names[i], fn->reducer, SL_KEY_NONE, SL_FORM_VALUE);
        fn->ops->free(fn);
    }
}

/* Many keys: growth, several hash partitions, sorting in pieces. Words share their first eight bytes. */
enum { MANY = 30000 };

static char many_words[MANY][24];

static int setup_words(void **state)
{
    for (unsigned i = 0; i < MANY; i++)
        snprintf(many_words[i], sizeof many_words[i], "prefix.%c%u", 'a' + i % 4, i);
    return 0;
}

static void many_row(uint32_t number, struct sl_field *fields)
{
    uint32_t mixed = number * 2654435761u % MANY;
    fields[0] = mixed % 3 == 0   ? I((int64_t)mixed - 15000)
                : mixed % 3 == 1 ? F(mixed / 7.0 - 2000)
                                 : sl_string(many_words[mixed], strlen(many_words[mixed]));
    fields[1] = I(number);
}

static void test_many_groups_are_sorted_for_any_number_of_workers(void **state)
{
    struct job job = {.rows = 60000, .width = 2, .row = many_row};
    struct sl_function *sum = make("sum", 0, NULL), *list = make("list", 0, NULL);
    check_workers(&job, "sum", sum->reducer, SL_KEY_FIELD, SL_FORM_PAIR);
    check_workers(&job, "list", list->reducer, SL_KEY_FIELD, SL_FORM_PAIR);
    sum->ops->free(sum);
    list->ops->free(list);
}

static void no_row(uint32_t number, struct sl_field *fields)
{
}

static void test_nothing_gives_no_groups(void **state)
{
    struct job job = {.rows = 0, .width = 2, .row = no_row};
    struct sl_function *sum = make("sum", 0, NULL);
    struct sl_buf text;
    run_job(&job, sum->reducer, SL_KEY_FIELD, SL_FORM_PAIR, 2, 1, &text);
    assert_string_equal((char *)text.bytes, "");
    sl_buf_done(&text);
    sum->ops->free(sum);
}

/* ---- representations ---- */

/* Values that are equal and look different: which one is shown must not depend on the workers. */
static void zero_row(uint32_t number, struct sl_field *fields)
{
    const struct sl_field values[] = {F(0.0), F(-0.0), I(0), F(NAN), F(-0.0), F(0.0)};
    uint32_t key = number % 5, mixed = (number * 2654435761u >> 9) % 3;
    fields[0] = I(key);
    fields[1] = key == 0   ? values[mixed % 2]
                : key == 1 ? values[mixed]
                : key == 2 ? values[mixed + 1]
                           : values[number / 60 % 2];
}

static void test_extremes_and_sums_of_zeros_do_not_depend_on_the_workers(void **state)
{
    static const char *const names[] = {"sum", "mean", "min", "max", "largest", "set"};
    const struct sl_arg three = SL_INT_ARG(3);
    struct job job = {.rows = 700, .width = 2, .row = zero_row};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sl_function *fn = make(names[i], strcmp(names[i], "largest") == 0, &three);
        check_workers(&job, names[i], fn->reducer, SL_KEY_FIELD, SL_FORM_PAIR);
        fn->ops->free(fn);
    }
}

/* 1.0 comes first, in the middle lane; then 1 for ever; the same for a list and a zero. */
static void late_row(uint32_t number, struct sl_field *fields)
{
    static const struct sl_field whole[] = {{.tag = SL_INT, .integer = 2}},
                                 number_[] = {{.tag = SL_FLOAT, .number = 2.0}};
    fields[1] = I(1);
    if (number < 40)
        fields[0] = S("other");
    else if (number < 43)
        fields[0] = number == 40 ? F(1.0) : number == 41 ? F(-0.0) : sl_list(number_, 1);
    else
        fields[0] = number % 3 == 0 ? I(1) : number % 3 == 1 ? I(0) : sl_list(whole, 1);
}

static void test_groups_show_the_representation_seen_first(void **state)
{
    static const char *const names[] = {"count", "list"}; /* per worker, per lane */
    struct job job = {.rows = 100, .width = 2, .row = late_row};
    for (size_t i = 0; i < 2; i++)
        for (size_t w = 0; w < sizeof worker_counts / sizeof worker_counts[0]; w++)
            for (uint64_t run = 0; run < 20; run++) {
                struct sl_function *fn = make(names[i], 0, NULL);
                struct sl_buf text;
                run_job(&job, fn->reducer, SL_KEY_RECORD, SL_FORM_KEY, worker_counts[w], run, &text);
                assert_string_equal((char *)text.bytes, "-0.0,1\n1.0,1\nother,1\n[2.0],1\n");
                sl_buf_done(&text);
                fn->ops->free(fn);
            }
}

/* ---- user functions and their errors ---- */

/* Appends b to a, in brackets: shows order and association. Negative values are refused in several ways. */
static int join_values(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                       uint32_t argc, struct sl_returned *ret)
{
    struct sl_buf text;
    if (argv[1].tag == SL_INT && argv[1].integer == -1)
        return sl_task_explain(task, "not this one");
    ret->count = 0;
    if (argv[1].tag == SL_INT && argv[1].integer == -2)
        return 0;
    sl_buf_init(&text);
    bool ok = sl_buf_byte(&text, '(') && sl_tsv_field(&text, &argv[0], NULL) && sl_buf_byte(&text, '+') &&
              sl_tsv_field(&text, &argv[1], NULL) && sl_buf_byte(&text, ')');
    ret->values[0] = sl_string(sl_arena_copy(task->scratch, text.bytes, text.len), text.len);
    ret->count = 1;
    sl_buf_done(&text);
    return ok ? 0 : SL_ENOMEM;
}

static const struct sl_function_ops join_ops = {.call = join_values};
static const struct sl_function join = {.ops = &join_ops, .name = ""};

static struct sl_function_reducer join_reducer(void)
{
    struct sl_function_reducer reducer = {.merge = &join, .combine = &join, .what = "reduceByKey"};
    sl_function_reducer_init(&reducer);
    return reducer;
}

static void user_row(uint32_t number, struct sl_field *fields)
{
    uint32_t mixed = number * 2654435761u >> 10;
    fields[0] = I(mixed % 7);
    fields[1] = I(mixed % 7 == 3 && number % 9 == 0    ? -1
                  : mixed % 7 == 5 && number % 50 == 3 ? -2
                                                       : (int64_t)(number % 100));
}

static void test_user_functions_see_values_in_input_order(void **state)
{
    struct job job = {.rows = 2000, .width = 2, .row = user_row};
    struct sl_function_reducer reducer = join_reducer();
    check_workers(&job, "a function", &reducer.reducer, SL_KEY_FIELD, SL_FORM_PAIR);
}

/* Lane by lane: 23 rows, one a lane. */
static void few_row(uint32_t number, struct sl_field *fields)
{
    fields[0] = number % 2 ? S("a") : S("b");
    fields[1] = I(number < 4 ? (int64_t)number : number == 9 ? -1 : number == 4 ? -2 : 7);
    if (number > 9)
        fields[0] = S("c");
}

#define NOTHING "reduceByKey: the function returned nothing; return the combined value (nil is a value)"

static void test_refused_values_and_groups_are_told(void **state)
{
    struct job job = {.rows = 12, .width = 2, .row = few_row};
    struct sl_function_reducer reducer = join_reducer();
    for (size_t w = 0; w < sizeof worker_counts / sizeof worker_counts[0]; w++) {
        struct sl_buf text;
        run_job(&job, &reducer.reducer, SL_KEY_FIELD, SL_FORM_PAIR, worker_counts[w], 3, &text);
        /* One value a lane: nothing is merged, all is combined, and what combine refuses fails the group. */
        assert_string_equal((char *)text.bytes, "c,(7+7)\n"
                                                "! not this one; combining \"(((1+3)+7)+7)\" and -1 a,\\N\n"
                                                "! " NOTHING "; combining \"(0+2)\" and -2 b,\\N\n");
        sl_buf_done(&text);
    }
}

/* All rows in one lane: LANES * rows 0, but one. */
static void one_lane_row(uint32_t number, struct sl_field *fields)
{
    fields[0] = S("a");
    fields[1] = number == 2 ? I(-1) : I(number);
}

static void test_a_group_in_which_merge_raises_is_left_out(void **state)
{
    struct job job = {.rows = LANES * 4, .width = 2, .row = one_lane_row};
    struct sl_function_reducer reducer = join_reducer();
    struct sl_buf text;
    run_job(&job, &reducer.reducer, SL_KEY_FIELD, SL_FORM_PAIR, 2, 3, &text);
    assert_string_equal((char *)text.bytes, "! not this one; combining \"(0+1)\" and -1 a,[\"a\",-1]\n");
    sl_buf_done(&text);
}

static void map_row(uint32_t number, struct sl_field *fields)
{
    static const struct sl_field map = {.tag = SL_MAP}, nested[] = {{.tag = SL_MAP}};
    fields[0] = number % 3 == 0 ? map : number % 3 == 1 ? sl_list(nested, 1) : I(1);
    fields[1] = I(1);
}

static void test_maps_are_no_keys(void **state)
{
    struct job job = {.rows = 9, .width = 2, .row = map_row};
    struct sl_function *sum = make("sum", 0, NULL);
    struct sl_buf text;
    run_job(&job, sum->reducer, SL_KEY_FIELD, SL_FORM_PAIR, 2, 3, &text);
    assert_memory_equal(text.bytes, "1,3\n!", 5);
    int refused = 0;
    for (const char *at = (char *)text.bytes; (at = strchr(at, '!')); at++)
        refused++;
    assert_int_equal(refused, 6);
    sl_buf_done(&text);
    sum->ops->free(sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native_reducers_give_the_same_for_any_number_of_workers),
        cmocka_unit_test_setup(test_many_groups_are_sorted_for_any_number_of_workers, setup_words),
        cmocka_unit_test(test_nothing_gives_no_groups),
        cmocka_unit_test(test_extremes_and_sums_of_zeros_do_not_depend_on_the_workers),
        cmocka_unit_test(test_groups_show_the_representation_seen_first),
        cmocka_unit_test(test_user_functions_see_values_in_input_order),
        cmocka_unit_test(test_refused_values_and_groups_are_told),
        cmocka_unit_test(test_a_group_in_which_merge_raises_is_left_out),
        cmocka_unit_test(test_maps_are_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
