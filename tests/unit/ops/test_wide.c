/* Wide operators fed lane by lane, as the engine does it: lanes open in any order, on any worker, and a
 * partition may come in pieces. */
#include "harness.h"
#include "ops/sort/sort_lane.h"

enum { WORKERS = 3, LANES_MAX = 6, ROWS_MAX = 8 };

/* A lane: where it stands and what is pushed. Partitions of the result are written with " | " between. */
struct feed {
    struct sl_position position;
    struct row row[ROWS_MAX];
};

struct wide_case {
    const char *op;
    struct sl_arg arg[3];
    struct feed feed[LANES_MAX];
    unsigned lanes;
    const char *expected, *rejected;
};

struct stand {
    struct harness h;
    struct sl_pool *pool;
    struct sl_task task[WORKERS];
    struct sl_arena scratch[WORKERS];
    struct sl_node node;
    struct sl_stage stage;
};

static void stand_init(struct stand *stand, const struct wide_case *test)
{
    harness_init(&stand->h);
    stand->pool = sl_pool_new(WORKERS, &stand->h.err);
    assert_non_null(stand->pool);
    for (unsigned w = 0; w < WORKERS; w++) {
        sl_arena_init(&stand->scratch[w]);
        stand->task[w] = stand->h.task;
        stand->task[w].worker = w;
        stand->task[w].scratch = &stand->scratch[w];
    }
    stand->node = (struct sl_node){.op = find_op(test->op)};
    for (unsigned i = 0; i < 3; i++)
        stand->node.arg[i] = test->arg[i];
    stand->stage = (struct sl_stage){
        .node = &stand->node,
        .pool = stand->pool,
        .tasks = stand->task,
        .emits = true,
        .has_input = true,
        .err = &stand->h.err,
    };
    stand->stage.state = calloc(1, stand->node.op->wide->state_size);
    assert_non_null(stand->stage.state);
    assert_int_equal(stand->node.op->wide->begin(&stand->stage), 0);
}

static void stand_done(struct stand *stand)
{
    stand->node.op->wide->done(&stand->stage);
    free(stand->stage.state);
    sl_pool_free(stand->pool);
    for (unsigned w = 0; w < WORKERS; w++)
        sl_arena_done(&stand->scratch[w]);
    harness_done(&stand->h);
}

/* Pushes the lane's rows one by one, so that widths may differ, and wipes what was pushed. */
static void push_lane(struct stand *stand, struct sl_lane *lane, const struct row *rows)
{
    const struct sl_wide *wide = stand->node.op->wide;
    for (unsigned i = 0; i < ROWS_MAX && rows[i].width; i++) {
        struct sl_field column[8];
        struct sl_chunk chunk = {.rows = 1, .width = rows[i].width};
        for (uint32_t c = 0; c < chunk.width; c++) {
            column[c] = rows[i].field[c];
            chunk.column[c] = &column[c];
        }
        assert_int_equal(wide->push(&stand->stage, lane, &chunk), 0);
        memset(column, 0xEE, sizeof column);
        sl_arena_reset(lane->task->scratch);
    }
}

static void write_dataset(struct harness *h, const struct sl_dataset *dataset)
{
    struct sl_buf whole;
    sl_buf_init(&whole);
    for (size_t p = 0; p < dataset->partitions; p++) {
        h->text.len = 0;
        assert_int_equal(sl_dataset_push(dataset, p, 0, UINT64_MAX, &h->outlet), 0);
        assert_true(sl_buf_text(&whole, p ? " | " : "") && sl_buf_append(&whole, h->text.bytes, h->text.len));
    }
    sl_buf_done(&h->text);
    h->text = whole;
}

static void check_wide(const struct wide_case *test)
{
    struct stand stand;
    struct sl_lane lane[LANES_MAX] = {0};
    struct sl_dataset *dataset = NULL;
    stand_init(&stand, test);
    for (unsigned i = 0; i < test->lanes; i++) {
        lane[i].position = test->feed[i].position;
        lane[i].task = &stand.task[i % WORKERS];
        assert_int_equal(stand.node.op->wide->lane_open(&stand.stage, &lane[i]), 0);
    }
    for (unsigned i = 0; i < test->lanes; i++)
        push_lane(&stand, &lane[i], test->feed[i].row);
    assert_int_equal(stand.node.op->wide->finish(&stand.stage, &dataset), 0);
    assert_non_null(dataset);
    write_dataset(&stand.h, dataset);
    assert_string_equal(buf_string(&stand.h.text), test->expected);
    assert_string_equal(buf_string(&stand.h.rejected), test->rejected ? test->rejected : "");
    sl_dataset_unref(dataset);
    stand_done(&stand);
}

static void check_all(const struct wide_case *tests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_wide(&tests[i]);
}
#define CHECK_ALL(tests) check_all(tests, sizeof(tests) / sizeof((tests)[0]))

static void test_lanes_stand_in_the_order_of_their_positions_and_pieces_make_one_partition(void **unused)
{
#define SCRAMBLED                                                                                            \
    .lanes = 5, .feed = {                                                                                    \
        {{0, 1, 0, 0}, {ROW(S("e"), I(5))}},                                                                 \
        {{0, 0, 1, 1}, {ROW(S("d"), I(4))}},                                                                 \
        {{0, 0, 0, 0}, {ROW(S("a"), I(1)), ROW(S("b"), I(2))}},                                              \
        {{0, 0, 2, 0}, {{.width = 0}}},                                                                      \
        {{0, 0, 1, 0}, {ROW(S("c"), I(3))}},                                                                 \
    }
    const struct wide_case tests[] = {
        {"coalesce",
         {SL_INT_ARG(9)},
         SCRAMBLED,
         .expected = "\"a\",1; \"b\",2 | \"c\",3; \"d\",4 |  | \"e\",5"},
        {"repartition",
         {SL_INT_ARG(2)},
         SCRAMBLED,
         .expected = "\"a\",1; \"b\",2 | \"c\",3; \"d\",4; \"e\",5"},
        {"zipWithIndex",
         {{0}},
         SCRAMBLED,
         .expected = "[\"a\",1],0; [\"b\",2],1 | [\"c\",3],2; [\"d\",4],3 |  | [\"e\",5],4"},
        {"take", {SL_INT_ARG(3)}, SCRAMBLED, .expected = "\"a\",1; \"b\",2; \"c\",3"},
        {"take", {SL_INT_ARG(1)}, SCRAMBLED, .expected = "\"a\",1"},
        {"top", {SL_INT_ARG(2)}, SCRAMBLED, .expected = "\"e\",5; \"d\",4"},
        {"sortByKey",
         {SL_BOOL_ARG(false), SL_INT_ARG(2)},
         SCRAMBLED,
         .expected = "\"e\",5; \"d\",4 | \"c\",3; \"b\",2; \"a\",1"},
        {"partitionBy",
         {SL_INT_ARG(1)},
         SCRAMBLED,
         .expected = "\"a\",1; \"b\",2; \"c\",3; \"d\",4; \"e\",5"},
    };
    CHECK_ALL(tests);
}

static void test_equal_keys_keep_the_order_of_lanes_not_of_time(void **unused)
{
#define LATE_FIRST                                                                                           \
    .lanes = 3, .feed = {                                                                                    \
        {{0, 0, 2, 0}, {ROW(F(1.0), S("c")), ROW(I(0), S("d"))}},                                            \
        {{0, 0, 1, 0}, {ROW(I(1), S("b"))}},                                                                 \
        {{0, 0, 0, 0}, {ROW(I(1), S("a")), ROW(I(2), S("z"))}},                                              \
    }
    const struct wide_case tests[] = {
        {"sortByKey", {{0}}, LATE_FIRST, .expected = "0,\"d\"; 1,\"a\"; 1,\"b\"; 1.0,\"c\"; 2,\"z\""},
        {"sortByKey",
         {SL_BOOL_ARG(false)},
         LATE_FIRST,
         .expected = "2,\"z\"; 1,\"a\"; 1,\"b\"; 1.0,\"c\"; 0,\"d\""},
    };
    CHECK_ALL(tests);
}

static void test_sides_are_told_apart_by_input_whatever_comes_first(void **unused)
{
#define RIGHT_FIRST                                                                                          \
    .lanes = 4, .feed = {                                                                                    \
        {{1, 0, 1, 0}, {ROW(F(1.0), S("R2")), ROW(S("x"), N)}},                                              \
        {{1, 0, 0, 0}, {ROW(F(1.0), S("R1"), B(true))}},                                                     \
        {{0, 0, 1, 0}, {ROW(I(1), S("L2"))}},                                                                \
        {{0, 0, 0, 0}, {ROW(I(1), S("L1")), ROW(N, I(0))}},                                                  \
    }
#define PRODUCT "1,\"L1\",[\"R1\",true]; 1,\"L1\",\"R2\"; 1,\"L2\",[\"R1\",true]; 1,\"L2\",\"R2\""
    const struct wide_case tests[] = {
        {"join", {{0}}, RIGHT_FIRST, .expected = PRODUCT},
        {"leftOuterJoin", {{0}}, RIGHT_FIRST, .expected = "null,0,null; " PRODUCT},
        {"rightOuterJoin", {{0}}, RIGHT_FIRST, .expected = PRODUCT "; \"x\",null,null"},
        {"fullOuterJoin", {{0}}, RIGHT_FIRST, .expected = "null,0,null; " PRODUCT "; \"x\",null,null"},
        {"cogroup",
         {{0}},
         RIGHT_FIRST,
         .expected = "null,[0],[]; 1,[\"L1\",\"L2\"],[[\"R1\",true],\"R2\"]; \"x\",[],[null]"},
        {"subtractByKey", {{0}}, RIGHT_FIRST, .expected = "null,0"},
        {"intersection", {{0}}, RIGHT_FIRST, .expected = ""},
    };
    CHECK_ALL(tests);
}

static void test_records_that_are_no_pairs_go_to_the_sink(void **unused)
{
#define ONE_FIELD   .lanes = 1, .feed = { {{0, 0, 0, 0}, {ROW(I(7)), ROW(I(1), I(2))}} }
#define NO_PAIR(op) op ": the record has one field; a pair has a key and a value"
    const struct wide_case tests[] = {
        {"leftOuterJoin", {{0}}, ONE_FIELD, .expected = "1,2,null", .rejected = NO_PAIR("leftOuterJoin")},
        {"subtractByKey", {{0}}, ONE_FIELD, .expected = "1,2", .rejected = NO_PAIR("subtractByKey")},
        {"sortByKey", {{0}}, ONE_FIELD, .expected = "1,2", .rejected = NO_PAIR("sortByKey")},
        {"partitionBy", {SL_INT_ARG(1)}, ONE_FIELD, .expected = "1,2", .rejected = NO_PAIR("partitionBy")},
    };
    CHECK_ALL(tests);
}

/* As when a batch is abandoned, or another operator failed. */
static void test_lanes_that_are_never_finished_are_freed(void **unused)
{
    static const char *const ops[] = {"join",        "intersection", "sortByKey", "top",
                                      "partitionBy", "zipWithIndex", "take"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        struct wide_case test = {ops[i], {SL_INT_ARG(1)}, {{{0}, {ROW(S("key"), S("value"))}}}, 1, NULL,
                                 NULL};
        struct stand stand;
        stand_init(&stand, &test);
        struct sl_lane lane = {.task = &stand.task[0]};
        assert_int_equal(stand.node.op->wide->lane_open(&stand.stage, &lane), 0);
        push_lane(&stand, &lane, test.feed[0].row);
        stand_done(&stand);
    }
}

/* top(n) of many rows: what a lane holds depends on n, not on the rows that came. */
static void test_top_keeps_few_rows_and_the_first_of_equal_ones(void **unused)
{
    enum { ROUNDS = 5000 };
    struct wide_case test = {"top", {SL_INT_ARG(3)}, {{{0}, {{.width = 0}}}}, 1, NULL, NULL};
    struct stand stand;
    struct sl_dataset *dataset = NULL;
    stand_init(&stand, &test);
    struct sl_lane lane = {.task = &stand.task[0]};
    assert_int_equal(stand.node.op->wide->lane_open(&stand.stage, &lane), 0);
    for (int64_t i = 0; i < ROUNDS; i++) {
        const struct row rows[ROWS_MAX] = {ROW(I(i % 1000), i < 1000 ? I(1) : F(1.0))};
        push_lane(&stand, &lane, rows);
    }
    assert_in_range(((struct sl_sort_lane *)lane.state)->count, 3, SL_CHUNK_ROWS);
    assert_int_equal(stand.node.op->wide->finish(&stand.stage, &dataset), 0);
    write_dataset(&stand.h, dataset);
    assert_string_equal(buf_string(&stand.h.text), "999,1; 999,1.0; 999,1.0");
    sl_dataset_unref(dataset);
    stand_done(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes_stand_in_the_order_of_their_positions_and_pieces_make_one_partition),
        cmocka_unit_test(test_equal_keys_keep_the_order_of_lanes_not_of_time),
        cmocka_unit_test(test_sides_are_told_apart_by_input_whatever_comes_first),
        cmocka_unit_test(test_records_that_are_no_pairs_go_to_the_sink),
        cmocka_unit_test(test_lanes_that_are_never_finished_are_freed),
        cmocka_unit_test(test_top_keeps_few_rows_and_the_first_of_equal_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
