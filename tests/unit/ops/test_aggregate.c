/* Grouping by key: the same groups, byte for byte, for any number of workers; what becomes of records and
 * groups that a reducer refuses. */
#include "ops/group/aggregate.h"

#include "ops/group/function_reducer.h"
#include "tests/unit/ops/harness.h"
#include "text/format.h"

#include <math.h>
#include <pthread.h>

static const unsigned worker_counts[] = {1, 2, 7, 12};
enum { LANES = 23, WORKERS_MAX = 12 };

/* ---- a stage of its own: rows cut into lanes, pushed by a pool ---- */

/* What was set aside, sorted: messages and records. */
struct refused {
    struct sl_reject_sink sink;
    pthread_mutex_t lock;
    char **text;
    size_t count;
};

static int note_refused(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                        const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                        uint32_t line)
{
    struct refused *refused = (struct refused *)sink;
    struct sl_buf text;
    sl_buf_init(&text);
    bool ok = sl_buf_text(&text, task->message);
    for (uint32_t i = 0; i < width; i++)
        ok = ok && sl_buf_text(&text, i ? "," : " ") && sl_tsv_field(&text, &fields[i]);
    if (!ok || !sl_buf_byte(&text, 0))
        return SL_ENOMEM;
    pthread_mutex_lock(&refused->lock);
    refused->text = realloc(refused->text, (refused->count + 1) * sizeof *refused->text);
    refused->text[refused->count++] = (char *)text.bytes;
    pthread_mutex_unlock(&refused->lock);
    return 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct job {
    struct sl_aggregate aggregate;
    uint32_t rows, width;
    void (*row)(uint32_t number, struct sl_field *fields); /* fields of a row; bytes are static */
};

/* Rows [lane * N / LANES, ...) in chunks of up to 100. */
static int push_lane(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct job *job = arg;
    struct sl_lane lane = {.position = {.partition = (uint32_t)number},
                           .task = &job->aggregate.stage->tasks[worker]};
    uint32_t at = (uint32_t)(number * job->rows / LANES), end = (uint32_t)((number + 1) * job->rows / LANES);
    lane.task->err = err;
    lane.task->ordinal = (uint32_t)number;
    int r = sl_aggregate_lane_open(&job->aggregate, &lane);
    while (at < end && r == 0) {
        struct sl_field column[3][100], fields[3];
        struct sl_chunk chunk = {.width = job->width, .column = {column[0], column[1], column[2]}};
        for (; at < end && chunk.rows < 100; at++, chunk.rows++) {
            job->row(at, fields);
            for (uint32_t c = 0; c < job->width; c++)
                column[c][chunk.rows] = fields[c];
        }
        r = sl_aggregate_push(&job->aggregate, &lane, &chunk);
        sl_arena_reset(lane.task->scratch);
    }
    return r < 0 ? r : sl_aggregate_lane_close(&job->aggregate, &lane);
}

struct bench {
    struct sl_pool *pool;
    struct sl_arena scratch[WORKERS_MAX];
    struct sl_task task[WORKERS_MAX];
    struct sl_node node;
    struct sl_error err;
    struct sl_stage stage;
    struct refused refused;
};

static const struct sl_op nothing = {.name = "reduceByKey"};
static const _Atomic int no_stop = 0;

static void bench_init(struct bench *bench, unsigned workers, uint64_t seed)
{
    *bench = (struct bench){.refused = {.sink = {.reject = note_refused}}, .node = {.op = &nothing}};
    pthread_mutex_init(&bench->refused.lock, NULL);
    bench->pool = sl_pool_new(workers, &bench->err);
    assert_non_null(bench->pool);
    for (unsigned w = 0; w < workers; w++)
        bench->task[w] = (struct sl_task){.worker = w,
                                          .seed = seed,
                                          .scratch = &bench->scratch[w],
                                          .sink = &bench->refused.sink,
                                          .stop = &no_stop};
    bench->stage = (struct sl_stage){
        .node = &bench->node, .pool = bench->pool, .tasks = bench->task, .err = &bench->err};
}

static void bench_done(struct bench *bench)
{
    for (unsigned w = 0; w < WORKERS_MAX; w++)
        sl_arena_done(&bench->scratch[w]);
    for (size_t i = 0; i < bench->refused.count; i++)
        free(bench->refused.text[i]);
    free(bench->refused.text);
    pthread_mutex_destroy(&bench->refused.lock);
    sl_pool_free(bench->pool);
}

static void write_dataset(struct sl_buf *text, const struct sl_dataset *dataset)
{
    struct sl_cursor cursor;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    sl_cursor_init(&cursor, dataset);
    while (sl_cursor_next(&cursor, fields, &width)) {
        for (uint32_t i = 0; i < width; i++)
            assert_true(sl_buf_text(text, i ? "," : "") && sl_tsv_field(text, &fields[i]));
        assert_true(sl_buf_byte(text, '\n'));
    }
}

/* Runs the job and writes its groups, then what was refused. */
static void run_job(struct job *job, const struct sl_reducer *reducer, enum sl_key_of key_of,
                    enum sl_result_form shape, unsigned workers, uint64_t seed, struct sl_buf *text)
{
    struct bench bench;
    struct sl_sorted_groups *groups;
    struct sl_dataset *dataset;
    bench_init(&bench, workers, seed);
    assert_int_equal(sl_aggregate_init(&job->aggregate, &bench.stage, reducer, key_of), 0);
    assert_int_equal(sl_pool_run(bench.pool, LANES, push_lane, job, &bench.err), 0);
    assert_int_equal(sl_aggregate_finish(&job->aggregate, &groups), 0);
    for (size_t i = 1; i < groups->count; i++)
        assert_true(sl_field_compare(&groups->entry[i - 1].key, &groups->entry[i].key) < 0);
    assert_int_equal(sl_sorted_groups_finish(&bench.stage, reducer, groups, shape, &dataset), 0);
    sl_aggregate_done(&job->aggregate);
    sl_sorted_groups_unref(groups);
    sl_buf_init(text);
    write_dataset(text, dataset);
    sl_dataset_unref(dataset);
    if (bench.refused.count)
        qsort(bench.refused.text, bench.refused.count, sizeof(char *), compare_texts);
    for (size_t i = 0; i < bench.refused.count; i++)
        assert_true(sl_buf_printf(text, "! %s\n", bench.refused.text[i]));
    assert_true(sl_buf_byte(text, 0));
    bench_done(&bench);
}

static void check_workers(struct job *job, const char *name, const struct sl_reducer *reducer,
                          enum sl_key_of key_of, enum sl_result_form shape)
{
    struct sl_buf expected;
    run_job(job, reducer, key_of, shape, 1, 1, &expected);
    for (size_t w = 0; w < sizeof worker_counts / sizeof worker_counts[0]; w++)
        for (uint64_t seed = 2; seed < 5; seed++) {
            struct sl_buf text;
            run_job(job, reducer, key_of, shape, worker_counts[w], seed * 0x9E3779B97F4A7C15u, &text);
            if (text.len != expected.len || memcmp(text.bytes, expected.bytes, text.len) != 0)
                fail_msg("%s with %u workers gives\n%s\nnot\n%s", name, worker_counts[w], (char *)text.bytes,
                         (char *)expected.bytes);
            sl_buf_done(&text);
        }
    sl_buf_done(&expected);
}

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
    bool ok = sl_buf_byte(&text, '(') && sl_tsv_field(&text, &argv[0]) && sl_buf_byte(&text, '+') &&
              sl_tsv_field(&text, &argv[1]) && sl_buf_byte(&text, ')');
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
