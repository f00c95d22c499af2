/* Record errors: counted, kept up to a limit and told in the order of the rows, whoever came first. */
#include "engine/batch/error_rate.h"
#include "engine/batch/rejects.h"

#include "tests/unit/engine/job.h"

static const struct sl_op op = {.name = "map", .kind = SL_OP_NARROW};
static const struct sl_op source_op = {.name = "fileStream", .kind = SL_OP_SOURCE};
static const struct sl_node nodes[] = {{.op = &source_op, .number = 0, .site = {"source", "job.lua", 1}},
                                       {.op = &op, .number = 1, .site = {"map", "job.lua", 2}},
                                       {.op = &op, .number = 2, .site = {"reduceByKey", "job.lua", 3}}};
static const struct sl_node *const node_list[] = {&nodes[0], &nodes[1], &nodes[2]};
static const struct sl_pipelines pipelines = {.nodes = 3, .node = node_list};
static const struct sl_origin origin = {.path = "in/a", .first_task = 2};

/* Hands one record to the sink, as a task on `partition` would. */
static int refuse(struct sl_rejects *rejects, unsigned node, uint32_t partition, uint32_t line,
                  struct sl_field record, const char *message)
{
    struct sl_error err;
    struct sl_task task = {.sink = &rejects->sink, .ordinal = partition, .err = &err};
    struct sl_chunk chunk = {.rows = 1, .width = 1, .line = &line, .origin = &origin, .column = {&record}};
    if (line == SL_NO_LINE)
        chunk.line = NULL, chunk.origin = NULL;
    sl_task_explain(&task, "%s", message);
    return sl_task_reject(&task, node, &chunk, 0);
}

static int refuse_group(struct sl_rejects *rejects, uint32_t partition, struct sl_field key,
                        struct sl_field value)
{
    struct sl_error err;
    struct sl_task task = {.sink = &rejects->sink, .ordinal = partition, .err = &err, .message = "no"};
    return sl_task_reject_group(&task, 2, &key, &value, 3);
}

static uint64_t ten_lines_each(void *arg, const struct sl_origin *of, uint32_t partition)
{
    return 10 * (uint64_t)(partition - of->first_task);
}

static char *told(struct sl_rejects *rejects)
{
    struct sl_buf text;
    sl_buf_init(&text);
    assert_true(sl_rejects_format(rejects, 5000, ten_lines_each, NULL, &text) && sl_buf_byte(&text, 0));
    return (char *)text.bytes;
}

static void assert_told(struct sl_rejects *rejects, const char *expected)
{
    char *text = told(rejects);
    assert_string_equal(text, expected);
    free(text);
}

static void test_a_dead_letter_says_all_there_is_to_say(void **state)
{
    struct sl_rejects rejects;
    struct sl_field items[] = {INT(1), TEXT("b")};
    assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
    refuse(&rejects, 1, 3, 4, TEXT("a \"text\""), "no number");
    refuse(&rejects, 1, 5, SL_NO_LINE, sl_list(items, 2), "no text");
    refuse_group(&rejects, 0, TEXT("key"), INT(7));
    refuse(&rejects, 0, 0, SL_NO_LINE, TEXT("\xff\xfe!"), "no UTF-8");
    assert_told(
        &rejects,
        "{\"time\":5000,\"operator\":\"source\",\"job\":\"job.lua:1\",\"message\":\"no UTF-8\",\"record\":\"\xef\xbf\xbd\xef\xbf\xbd!\",\"raw_base64\":\"//4h\"}\n"
        "{\"time\":5000,\"file\":\"in/a\",\"line\":15,\"operator\":\"map\",\"job\":\"job.lua:2\",\"message\":\"no number\",\"record\":\"a \\\"text\\\"\"}\n"
        "{\"time\":5000,\"operator\":\"map\",\"job\":\"job.lua:2\",\"message\":\"no text\",\"record\":[1,\"b\"]}\n"
        "{\"time\":5000,\"operator\":\"reduceByKey\",\"job\":\"job.lua:3\",\"message\":\"no\",\"record\":[\"key\",7],\"records\":3}\n");
    assert_int_equal(rejects.total, 4);
    sl_rejects_done(&rejects);
}

static void test_order_is_that_of_the_rows_not_of_their_arrival(void **state)
{
    static const struct {
        unsigned node;
        uint32_t partition;
    } arrivals[2][6] = {{{1, 4}, {0, 9}, {1, 0}, {0, 2}, {1, 0}, {0, 2}},
                        {{0, 2}, {1, 0}, {0, 2}, {1, 0}, {0, 9}, {1, 4}}};
    char *text[2];
    for (int i = 0; i < 2; i++) {
        struct sl_rejects rejects;
        int64_t seen[2][10] = {0};
        assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
        for (int k = 0; k < 6; k++) {
            unsigned node = arrivals[i][k].node;
            uint32_t partition = arrivals[i][k].partition;
            int64_t record = 1000 * node + 10 * partition + seen[node][partition]++;
            refuse(&rejects, node, partition, SL_NO_LINE, INT(record), "no");
        }
        text[i] = told(&rejects);
        sl_rejects_done(&rejects);
    }
    assert_string_equal(text[0], text[1]);
    assert_true(strstr(text[0], ":20}") < strstr(text[0], ":21}"));
    assert_true(strstr(text[0], ":21}") < strstr(text[0], ":90}"));
    assert_true(strstr(text[0], ":90}") < strstr(text[0], ":1000}"));
    assert_true(strstr(text[0], ":1001}") < strstr(text[0], ":1040}"));
    free(text[0]);
    free(text[1]);
}

/* Groups are met in the order of hash tables, whose seed is the process's: they are told by key. */
static void test_groups_are_told_in_the_order_of_their_keys(void **state)
{
    static const int64_t orders[2][4] = {{3, 1, 4, 2}, {2, 4, 3, 1}};
    char *text[2];
    for (int i = 0; i < 2; i++) {
        struct sl_rejects rejects;
        assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
        for (int k = 0; k < 4; k++)
            refuse_group(&rejects, (uint32_t)(i * k), INT(orders[i][k]), sl_nil());
        refuse(&rejects, 2, 0, SL_NO_LINE, TEXT("a record"), "no pair");
        text[i] = told(&rejects);
        sl_rejects_done(&rejects);
    }
    assert_string_equal(text[0], text[1]);
    assert_true(strstr(text[0], "[1,null]") < strstr(text[0], "[2,null]"));
    free(text[0]);
    free(text[1]);
}

static void test_the_first_thousand_are_kept_and_the_others_counted(void **state)
{
    enum { RECORDS = 7 * SL_REJECTED_KEPT_MAX };
    struct sl_rejects rejects;
    char last[64];
    assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < RECORDS; i++) { /* partitions come backwards: later ones are no worse */
            uint32_t partition = RECORDS / 10 - 1 - i / 10;
            assert_int_equal(refuse(&rejects, 1, partition, SL_NO_LINE, INT(partition * 10 + i % 10), "no"),
                             0);
        }
        char *text = told(&rejects);
        size_t count = 0;
        for (const char *at = text; (at = strchr(at, '\n')); at++, count++) {
            char record[64];
            snprintf(record, sizeof record, "\"record\":%zu}\n", count);
            if (count < SL_REJECTED_KEPT_MAX)
                assert_memory_equal(at - strlen(record) + 1, record, strlen(record));
        }
        assert_int_equal(count, SL_REJECTED_KEPT_MAX + 1);
        snprintf(last, sizeof last, "\"%d more records were set aside\"}\n", RECORDS - SL_REJECTED_KEPT_MAX);
        assert_non_null(strstr(text, last));
        assert_int_equal(rejects.total, RECORDS);
        free(text);
        sl_rejects_reset(&rejects);
        assert_told(&rejects, "");
    }
    sl_rejects_done(&rejects);
}

static void test_long_records_are_cut(void **state)
{
    struct sl_rejects rejects;
    size_t len = 2 * SL_REJECTED_RECORD_BYTES_MAX;
    char *bytes = malloc(len);
    memset(bytes, 'x', len);
    assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
    refuse(&rejects, 1, 0, SL_NO_LINE, sl_string(bytes, len), "too long");
    free(bytes); /* a copy is kept */
    char *text = told(&rejects);
    assert_in_range(strlen(text), SL_REJECTED_RECORD_BYTES_MAX, SL_REJECTED_RECORD_BYTES_MAX + 500);
    assert_non_null(strstr(text, "xxx\",\"truncated\":true}\n"));
    free(text);
    sl_rejects_done(&rejects);
}

static void test_stop_fails_the_batch_at_the_first_record(void **state)
{
    struct sl_rejects rejects;
    struct sl_error err = {0};
    struct sl_field record = INT(1);
    assert_int_equal(sl_rejects_init(&rejects, &pipelines, true), 0);
    struct sl_chunk chunk = {.rows = 1, .width = 1, .column = {&record}};
    struct sl_task task = {.sink = &rejects.sink, .err = &err, .message = "no number"};
    assert_int_equal(sl_task_reject(&task, 1, &chunk, 0), SL_EFAIL);
    assert_non_null(strstr(err.text, "job.lua:2: map: no number"));
    assert_non_null(strstr(err.text, "onRecordError"));
    sl_rejects_done(&rejects);
}

static void test_groups_of_a_key_are_in_the_order_of_their_windows(void **state)
{
    static const int64_t from[] = {5000, -5000, 0};
    struct sl_rejects rejects;
    struct sl_error err = {0};
    struct sl_field key = sl_text("a");
    struct sl_task task = {.err = &err, .message = "no sum"};
    assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
    task.sink = &rejects.sink;
    for (size_t i = 0; i < 3; i++) {
        task.group_window = (struct sl_span){from[i], from[i] + 10000};
        assert_int_equal(sl_task_reject_group(&task, 1, &key, NULL, 2), 0);
    }
    char *text = told(&rejects), *at = text;
    for (const char *const *wanted =
             (const char *const[]){"{\"from\":-5000,\"to\":5000}", "{\"from\":0,\"to\":10000}",
                                   "{\"from\":5000,\"to\":15000}", NULL};
         *wanted; wanted++)
        assert_non_null(at = strstr(at, *wanted));
    free(text);
    sl_rejects_done(&rejects);
}

static void test_rate_fails_a_batch_that_mostly_fails(void **state)
{
    static const struct {
        uint64_t rows, failed;
        double rate;
        bool fails;
    } cases[] = {{99, 99, 0.5, false}, {100, 50, 0.5, false},  {100, 51, 0.5, true},  {100, 1, 0, true},
                 {100, 0, 0, false},   {1000, 1000, 1, false}, {200, 101, 0.5, true}, {0, 0, 0.5, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_rejects rejects;
        struct sl_error err = {0};
        uint64_t rows[3] = {5000, cases[i].rows, 0};
        assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
        for (uint64_t k = 0; k < cases[i].failed; k++)
            refuse(&rejects, 1, 0, SL_NO_LINE, INT(1), "no number");
        int r = sl_error_rate_operators(&rejects, rows, cases[i].rate, &err);
        assert_int_equal(r, cases[i].fails ? SL_EFAIL : 0);
        if (r < 0) {
            assert_non_null(strstr(err.text, "job.lua:2: map failed on"));
            assert_non_null(strstr(err.text, "no number"));
        }
        sl_rejects_done(&rejects);
    }
}

static void test_rate_of_a_source_counts_what_it_refused(void **state)
{
    static const struct {
        uint64_t passed, failed;
        bool fails;
    } cases[] = {{50, 50, false}, {49, 51, true}, {0, 99, false}, {0, 100, true}, {1000, 600, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_rejects rejects;
        struct sl_error err = {0};
        uint64_t rows[3] = {cases[i].passed, 0, 0};
        assert_int_equal(sl_rejects_init(&rejects, &pipelines, false), 0);
        for (uint64_t k = 0; k < cases[i].failed; k++)
            refuse(&rejects, 0, 0, SL_NO_LINE, INT(1), "csv: no such row");
        assert_int_equal(sl_error_rate_operators(&rejects, rows, 0.5, &err), cases[i].fails ? SL_EFAIL : 0);
        sl_rejects_done(&rejects);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dead_letter_says_all_there_is_to_say),
        cmocka_unit_test(test_order_is_that_of_the_rows_not_of_their_arrival),
        cmocka_unit_test(test_groups_are_told_in_the_order_of_their_keys),
        cmocka_unit_test(test_the_first_thousand_are_kept_and_the_others_counted),
        cmocka_unit_test(test_long_records_are_cut),
        cmocka_unit_test(test_stop_fails_the_batch_at_the_first_record),
        cmocka_unit_test(test_groups_of_a_key_are_in_the_order_of_their_windows),
        cmocka_unit_test(test_rate_fails_a_batch_that_mostly_fails),
        cmocka_unit_test(test_rate_of_a_source_counts_what_it_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
