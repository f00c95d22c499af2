/* The narrow operators on pairs, and those that see whole partitions. */
#include "tests/unit/ops/harness.h"

/* A user's function that gives its arguments back, behind a letter, as values or as one list. */
struct echo {
    struct sl_function base;
    bool as_list;
};

static int echo_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                     uint32_t argc, struct sl_returned *ret)
{
    struct sl_field *items = sl_arena_alloc(task->scratch, (argc + 1) * sizeof *items);
    assert_non_null(items);
    items[0] = S("f");
    for (uint32_t i = 0; i < argc; i++)
        items[1 + i] = argv[i];
    if (argv[0].tag == SL_BOOL)
        return sl_task_explain(task, "it failed");
    ret->count = ((const struct echo *)fn)->as_list ? 1 : argc + 1;
    for (uint32_t i = 0; i <= argc; i++)
        ret->values[i] = items[i];
    if (ret->count == 1)
        ret->values[0] = sl_list(items, argc + 1);
    return 0;
}

static const struct sl_function_ops echo_ops = {.call = echo_call};

static struct echo echo_of(bool as_list)
{
    return (struct echo){{.ops = &echo_ops, .name = ""}, as_list};
}

static const char no_pair[] = ": the record has one field; a pair has a key and a value";

static char *with_op(const char *op, const char *message)
{
    char *text;
    assert_true(asprintf(&text, "%s%s", op, message) > 0);
    return text;
}

/* Runs an operator that takes no argument or a function over pairs and a record that is none. */
static void check_pairs(const char *op, struct sl_function *fn, const char *expected)
{
    const struct row rows[] = {ROW(S("k"), I(1)), ROW(S("x")), ROW(S("k"), I(2), I(3))};
    char *rejected = with_op(op, no_pair);
    check_op(op, fn, rows, 3, expected, rejected);
    free(rejected);
}

static void test_operators_on_pairs(void **state)
{
    struct echo values = echo_of(false), list = echo_of(true);
    check_pairs("keys", NULL, "\"k\"; \"k\"");
    check_pairs("values", NULL, "1; 2,3");
    check_pairs("mapValues", &values.base, "\"k\",\"f\",1; \"k\",\"f\",[2,3]");
    check_pairs("mapValues", &list.base, "\"k\",[\"f\",1]; \"k\",[\"f\",[2,3]]");
    check_pairs("flatMapValues", &list.base, "\"k\",\"f\"; \"k\",1; \"k\",\"f\"; \"k\",2,3");
}

static void test_key_by_pairs_the_key_with_the_record(void **state)
{
    struct echo values = echo_of(false), list = echo_of(true);
    struct sl_function *length = MAKE("length"), *both = MAKE("select", SL_INT_ARG(2), SL_INT_ARG(1));
    check_op("keyBy", length, ROWS(ROW(S("ab")), ROW(S(""))), "2,\"ab\"; 0,\"\"", "");
    check_op("keyBy", both, ROWS(ROW(S("a"), I(1))), "[1,\"a\"],[\"a\",1]", "");
    check_op("keyBy", &list.base, ROWS(ROW(I(1))), "[\"f\",1],1", "");
    check_op("keyBy", &values.base, ROWS(ROW(I(1))), "",
             "keyBy: the function returned 2 values; return one value");
    length->ops->free(length);
    both->ops->free(both);
}

static void test_peek_passes_records_on(void **state)
{
    struct echo values = echo_of(false);
    check_op("peek", &values.base, ROWS(ROW(I(1), N), ROW(B(true)), ROW(S("a"))), "1,null; \"a\"",
             "it failed");
}

static void test_glom_gives_one_list_per_partition(void **state)
{
    check_op("glom", NULL, ROWS(ROW(I(1)), ROW(S("a"), N), ROW(I(2))), "[1,[\"a\",null],2]", "");
    check_op("glom", NULL, NULL, 0, "[]", "");
}

static void test_map_partitions_gives_a_plain_function_the_list(void **state)
{
    struct echo list = echo_of(true), values = echo_of(false);
    check_op("mapPartitions", &list.base, ROWS(ROW(I(1)), ROW(I(2), N)), "\"f\"; 1,[2,null]", "");
    check_op("mapPartitionsWithIndex", &list.base, ROWS(ROW(I(1))), "\"f\"; 0; 1", "");
    check_op("mapPartitions", &values.base, ROWS(ROW(I(1))), "",
             "mapPartitions: the function returned 2 values; return a list of records, {} or nil for none");
}

static int count_rows(const struct sl_function *fn, struct sl_task *task, uint32_t index,
                      const struct sl_rows *rows, struct sl_returned *ret)
{
    struct sl_field *items = sl_arena_alloc(task->scratch, 2 * sizeof *items);
    assert_non_null(items);
    items[0] = index == SL_NO_INDEX ? N : I(index);
    items[1] = I((int64_t)rows->count);
    ret->count = 1;
    ret->values[0] = sl_list(items, 2);
    return 0;
}

static void test_map_partitions_lets_a_function_walk_the_rows(void **state)
{
    const struct sl_function_ops ops = {.call = echo_call, .call_partition = count_rows};
    struct sl_function fn = {.ops = &ops, .name = ""};
    check_op("mapPartitions", &fn, ROWS(ROW(I(1)), ROW(I(2))), "null; 2", "");
    check_op("mapPartitionsWithIndex", &fn, ROWS(ROW(I(1)), ROW(I(2))), "0; 2", "");
}

static void test_map_partitions_refuses_built_ins(void **state)
{
    struct sl_function *words = MAKE("words");
    struct sl_node node = {.op = find_op("mapPartitions"), .arg = {SL_FN_ARG(words)}};
    struct sl_error err = {0};
    assert_int_equal(node.op->check(&node, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "words works on records"));
    words->ops->free(words);
}

/* ---- sample ---- */

enum { SAMPLED = 16384 };

/* Samples the numbers 0 .. SAMPLED-1 in chunks of `step`; returns the picked numbers as text. */
static char *sample(const struct sl_arg *args, size_t count, uint32_t step, uint32_t ordinal,
                    uint32_t *ret_rows)
{
    struct harness h;
    struct sl_node node = {.op = find_op("sample")};
    struct sl_error err = {0};
    struct sl_field column[SL_CHUNK_ROWS];
    harness_init(&h);
    h.task.ordinal = ordinal;
    if (sl_args_check("sample", node.op->params, NULL, args, count, node.arg, NULL, &err) < 0 ||
        node.op->check(&node, &err) < 0)
        fail_msg("%s", err.text);
    struct sl_instance instance = {.node = &node, .task = &h.task, .out = &h.outlet};
    instance.state = calloc(1, node.op->narrow->state_size);
    assert_int_equal(node.op->narrow->open(&instance), 0);
    for (uint32_t at = 0; at < SAMPLED; at += step) {
        struct sl_chunk chunk = {.rows = step, .width = 1, .column = {column}};
        for (uint32_t i = 0; i < step; i++)
            column[i] = I(at + i);
        assert_int_equal(node.op->narrow->push(&instance, &chunk), 0);
    }
    node.op->narrow->done(&instance);
    free(instance.state);
    char *text = strdup(buf_string(&h.text));
    *ret_rows = h.rows;
    harness_done(&h);
    return text;
}

static void test_sample_depends_on_seed_and_place_only(void **state)
{
    const struct sl_arg args[] = {SL_BOOL_ARG(false), SL_NUM_ARG(0.1), SL_INT_ARG(42)};
    const struct sl_arg other[] = {SL_BOOL_ARG(false), SL_NUM_ARG(0.1), SL_INT_ARG(43)};
    const struct sl_arg left_out[] = {SL_NUM_ARG(0.1), SL_INT_ARG(42)};
    uint32_t rows;
    char *text = sample(args, 3, 1024, 0, &rows), *smaller_chunks = sample(args, 3, 64, 0, &rows);
    char *other_seed = sample(other, 3, 1024, 0, &rows), *other_place = sample(args, 3, 1024, 1, &rows);
    char *short_form = sample(left_out, 2, 1024, 0, &rows);
    assert_string_equal(text, smaller_chunks);
    assert_string_equal(text, short_form);
    assert_string_not_equal(text, other_seed);
    assert_string_not_equal(text, other_place);
    char *all[] = {text, smaller_chunks, other_seed, other_place, short_form};
    for (size_t i = 0; i < 5; i++)
        free(all[i]);
}

static void test_sample_takes_about_its_fraction(void **state)
{
    const struct {
        bool replace;
        double fraction;
    } cases[] = {{false, 0}, {false, 0.1}, {false, 0.5}, {false, 1}, {true, 0}, {true, 0.3}, {true, 2.5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sl_arg args[] = {SL_BOOL_ARG(cases[i].replace), SL_NUM_ARG(cases[i].fraction)};
        uint32_t rows;
        free(sample(args, 2, 1024, 0, &rows));
        double expected = SAMPLED * cases[i].fraction;
        assert_true(rows >= expected * 0.95 && rows <= expected * 1.05);
    }
}

static void test_sample_refuses_wrong_fractions(void **state)
{
    const struct sl_arg cases[][2] = {{SL_BOOL_ARG(false), SL_NUM_ARG(1.5)},
                                      {SL_BOOL_ARG(false), SL_NUM_ARG(-0.1)},
                                      {SL_BOOL_ARG(true), SL_NUM_ARG(1e9)},
                                      {SL_NUM_ARG(0.5), SL_NUM_ARG(0.5)},
                                      {SL_BOOL_ARG(false), SL_NIL_ARG}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_node node = {.op = find_op("sample")};
        struct sl_error err = {0};
        assert_int_equal(sl_args_check("sample", node.op->params, NULL, cases[i], 2, node.arg, NULL, &err),
                         0);
        assert_int_equal(node.op->check(&node, &err), SL_EUSAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators_on_pairs),
        cmocka_unit_test(test_key_by_pairs_the_key_with_the_record),
        cmocka_unit_test(test_peek_passes_records_on),
        cmocka_unit_test(test_glom_gives_one_list_per_partition),
        cmocka_unit_test(test_map_partitions_gives_a_plain_function_the_list),
        cmocka_unit_test(test_map_partitions_lets_a_function_walk_the_rows),
        cmocka_unit_test(test_map_partitions_refuses_built_ins),
        cmocka_unit_test(test_sample_depends_on_seed_and_place_only),
        cmocka_unit_test(test_sample_takes_about_its_fraction),
        cmocka_unit_test(test_sample_refuses_wrong_fractions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
