/* What travels between a driver and its workers: chunks and tasks come out as they went in, and any bytes are read without
 * harm. */
#include "core/base/error.h"
#include "engine/remote/driver_internal.h"
#include "engine/remote/merge.h"
#include "engine/remote/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 3 };

static const struct sl_origin origin = {.path = "in/a"};

static struct sl_field text_of(const char *text)
{
    return sl_string((const uint8_t *)text, strlen(text));
}

/* Reads it from memory of its own size, so that reading beyond it is caught. */
static bool read_chunk(const uint8_t *bytes, size_t len, struct sl_arena *arena, struct sl_chunk *ret,
                       int *ret_failed)
{
    uint8_t *copy = sl_arena_copy(arena, len ? bytes : (const uint8_t *)"", len);
    assert_non_null(copy);
    struct sl_wire wire = {copy, len, 0, arena, 0};
    bool ok = sl_wire_chunk(&wire, &origin, ret);
    *ret_failed = wire.failed;
    return ok;
}

static void make_chunk(struct sl_buf *buf)
{
    struct sl_field items[2] = {sl_integer(-1), sl_nil()};
    const struct sl_field first[ROWS] = {text_of("a"), text_of(""), sl_list(items, 2)};
    const struct sl_field second[ROWS] = {sl_number(0.1), sl_boolean(true), sl_integer(INT64_MIN)};
    const uint32_t line[ROWS] = {0, 7, 4000000000u};
    const int64_t time[ROWS] = {-1, 0, INT64_MAX};
    const struct sl_chunk chunk = {ROWS, 2, &origin, line, time, {first, second}};
    assert_true(sl_wire_put_chunk(buf, &chunk));
}

static void test_chunk_comes_out_as_it_went_in(void **state)
{
    struct sl_buf buf = {0};
    struct sl_arena arena;
    struct sl_chunk out;
    int failed;
    (void)state;
    sl_arena_init(&arena);
    make_chunk(&buf);
    assert_true(read_chunk(buf.bytes, buf.len, &arena, &out, &failed));
    assert_int_equal(out.rows, ROWS);
    assert_int_equal(out.width, 2);
    assert_ptr_equal(out.origin, &origin);
    assert_int_equal(out.line[2], 4000000000u);
    assert_int_equal(out.time[2], INT64_MAX);
    assert_int_equal(out.column[0][2].items[0].integer, -1);
    assert_int_equal(out.column[1][2].integer, INT64_MIN);
    sl_arena_done(&arena);
    sl_buf_done(&buf);
}

static void test_chunk_that_is_cut_is_damaged_and_any_bytes_do_no_harm(void **state)
{
    struct sl_buf buf = {0};
    struct sl_arena arena;
    struct sl_chunk out;
    int failed;
    (void)state;
    sl_arena_init(&arena);
    make_chunk(&buf);
    for (size_t len = 1; len < buf.len; len++) {
        assert_false(read_chunk(buf.bytes, len, &arena, &out, &failed));
        assert_int_equal(failed, SL_EDAMAGED);
    }
    for (size_t i = 0; i < 256 * buf.len; i++) { /* each byte in all its values, at last as it was */
        buf.bytes[i / 256]++;
        (void)read_chunk(buf.bytes, buf.len, &arena, &out, &failed);
        sl_arena_reset(&arena);
    }
    sl_arena_done(&arena);
    sl_buf_done(&buf);
}

static void test_task_comes_out_as_it_went_in_and_another_version_is_refused(void **state)
{
    struct sl_expected_block blocks[2] = {{1, 2, -3}, {4, 5, 6}};
    const struct sl_remote_task task = {.stage = 9,
                                        .number = 1,
                                        .role = SL_TASK_REDUCE,
                                        .partitions = 7,
                                        .node = 3,
                                        .expected = 2,
                                        .block = blocks};
    struct sl_buf buf = {0};
    struct sl_arena arena;
    struct sl_remote_task out;
    struct sl_error err = {0};
    (void)state;
    sl_arena_init(&arena);
    assert_true(sl_remote_task_put(&buf, &task));
    struct sl_wire wire = {buf.bytes, buf.len, 0, &arena, 0};
    assert_int_equal(sl_remote_task_take(&wire, &out, &err), 0);
    assert_int_equal(out.expected, 2);
    assert_int_equal(out.block[0].check, -3);
    assert_null(out.exchange);
    buf.bytes[2] += 2; /* the version, a zigzag integer */
    wire = (struct sl_wire){buf.bytes, buf.len, 0, &arena, 0};
    assert_int_equal(sl_remote_task_take(&wire, &out, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "another version"));
    sl_arena_done(&arena);
    sl_buf_done(&buf);
}

static bool takes_file(const char *name, int64_t bytes)
{
    struct sl_buf buf = {0};
    struct sl_arena arena;
    sl_arena_init(&arena);
    sl_wire_put_text(&buf, name);
    sl_wire_put_integer(&buf, bytes);
    sl_wire_put_integer(&buf, -7);
    sl_wire_put_integer(&buf, INT64_MAX);
    struct sl_wire wire = {buf.bytes, buf.len, 0, &arena, 0};
    struct sl_shard_file file = sl_shard_file_take(&wire);
    bool is_taken = !wire.failed;
    assert_string_equal(file.name, is_taken && name ? name : "");
    assert_int_equal(file.bytes, is_taken ? bytes : 0);
    sl_arena_done(&arena);
    sl_buf_done(&buf);
    return is_taken;
}

static void test_file_of_a_shard_is_a_plain_name_in_the_directory(void **state)
{
    static const char *const names[] = {"../a", "/a", "a/b", ".a", "", NULL};
    char name[SL_SHARD_NAME_BYTES + 1];
    (void)state;
    assert_true(takes_file("1-2-abc.changes", 100));
    assert_true(takes_file(NULL, 0));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(takes_file(names[i], 100));
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 0;
    assert_false(takes_file(name, 100));
    assert_true(takes_file(name + 1, 100));
    assert_false(takes_file("a", 0));
}

static void test_calls_are_long_by_processor_time_also_where_other_work_makes_them_wait(void **state)
{
    const int64_t ms = 1000000;
    const struct {
        int64_t ns, processor_ns;
        uint64_t items;
        bool is_long;
    } cases[] = {
        {2000 * ms, 1500 * ms, 1000, true},     {2000 * ms, 300 * ms, 1000, false},
        {9000 * ms, 900 * ms, 1, false},        {900 * ms, 1500 * ms, 1000, false},
        {1500 * ms, 2900 * ms, 3000000, false}, {1500 * ms, 2900 * ms, 2800000, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sl_calls_cost cost = {cases[i].ns, cases[i].processor_ns};
        assert_int_equal(sl_calls_cost_is_long(&cost, cases[i].items), cases[i].is_long);
    }
}

/* What taking the task gives. */
static int send_lanes(struct sl_numbered_lane *lane, size_t lanes, struct sl_arena *arena,
                      struct sl_remote_task *ret)
{
    struct sl_buf buf = {0};
    struct sl_error err = {0};
    const struct sl_remote_task task = {
        .role = SL_TASK_REDUCE, .partitions = 1, .lanes = lanes, .lane = lane};
    assert_true(sl_remote_task_put(&buf, &task));
    struct sl_wire wire = {buf.bytes, buf.len, 0, arena, 0};
    int r = sl_remote_task_take(&wire, ret, &err);
    sl_buf_done(&buf);
    return r;
}

static void test_task_has_numbered_lanes_in_ascending_order_only(void **state)
{
    struct sl_numbered_lane lane[] = {{{0, 1, 7, 0}, 0}, {{1, 0, 2, 0}, 12}, {{1, 0, 3, 0}, UINT64_MAX}};
    struct sl_arena arena = {0};
    struct sl_remote_task out;
    assert_int_equal(send_lanes(lane, 3, &arena, &out), 0);
    assert_int_equal(out.lanes, 3);
    assert_int_equal(out.lane[1].position.partition, 2);
    assert_true(out.lane[2].first_row == UINT64_MAX);
    lane[2].position.partition = 2;
    assert_int_equal(send_lanes(lane, 3, &arena, &out), SL_EDAMAGED);
    sl_arena_done(&arena);
}

static void test_task_has_the_files_of_its_shard(void **state)
{
    struct sl_shard_file files[2] = {{"dealt", 10, UINT64_MAX, INT64_MAX}, {"changed", 20, 5, 7}};
    const struct sl_remote_task task = {
        .role = SL_TASK_REDUCE, .partitions = 1, .has_shard = true, .shard = {.files = 2, .file = files}};
    struct sl_buf buf = {0};
    struct sl_arena arena;
    struct sl_remote_task out;
    struct sl_error err = {0};
    (void)state;
    sl_arena_init(&arena);
    assert_true(sl_remote_task_put(&buf, &task));
    struct sl_wire wire = {buf.bytes, buf.len, 0, &arena, 0};
    assert_int_equal(sl_remote_task_take(&wire, &out, &err), 0);
    assert_int_equal(out.shard.files, 2);
    assert_string_equal(out.shard.file[0].name, "dealt");
    assert_true(out.shard.file[0].hash == UINT64_MAX);
    assert_int_equal(out.shard.file[1].bytes, 20);
    assert_int_equal(out.shard.file[1].until_ms, 7);
    assert_true(out.has_shard);
    for (size_t len = 0; len < buf.len; len++) {
        wire = (struct sl_wire){buf.bytes, len, 0, &arena, 0};
        assert_int_equal(sl_remote_task_take(&wire, &out, &err), SL_EDAMAGED);
    }
    sl_arena_done(&arena);
    sl_buf_done(&buf);
}

static void put_rows(struct sl_buf *buf, const int64_t *keys, uint32_t rows)
{
    struct sl_field key[ROWS], value[ROWS];
    for (uint32_t i = 0; i < rows; i++) {
        key[i] = sl_integer(keys[i]);
        value[i] = sl_integer(keys[i] * 10 + i);
    }
    const struct sl_chunk chunk = {.rows = rows, .width = 2, .column = {key, value}};
    assert_true(sl_wire_put_chunk(buf, &chunk));
}

static void test_parts_merge_by_key_and_rows_of_one_key_stay_together(void **state)
{
    static const int64_t keys[3][ROWS] = {{2, 2, 9}, {0}, {1, 3, 3}};
    static const uint32_t rows[3] = {3, 0, 3};
    static const int64_t wanted[] = {1, 2, 2, 3, 3, 9};
    struct sl_merging *merging = sl_merging_new(3, SL_RESULT_BY_FIRST);
    struct sl_dataset *dataset;
    struct sl_cursor cursor;
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    (void)state;
    assert_non_null(merging);
    for (size_t i = 0; i < 3; i++) {
        struct sl_buf buf = {0};
        put_rows(&buf, keys[i], rows[i]);
        assert_int_equal(sl_merging_add(merging, i, buf.bytes, buf.len), 0);
        sl_buf_done(&buf);
    }
    assert_int_equal(sl_merging_finish(merging, &dataset), 0);
    sl_merging_free(merging);
    assert_int_equal(dataset->count, 6);
    sl_cursor_init(&cursor, dataset);
    for (size_t i = 0; sl_cursor_next(&cursor, row, &width); i++)
        assert_int_equal(row[0].integer, wanted[i]);
    sl_dataset_unref(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunk_comes_out_as_it_went_in),
        cmocka_unit_test(test_chunk_that_is_cut_is_damaged_and_any_bytes_do_no_harm),
        cmocka_unit_test(test_task_comes_out_as_it_went_in_and_another_version_is_refused),
        cmocka_unit_test(test_file_of_a_shard_is_a_plain_name_in_the_directory),
        cmocka_unit_test(test_task_has_the_files_of_its_shard),
        cmocka_unit_test(test_calls_are_long_by_processor_time_also_where_other_work_makes_them_wait),
        cmocka_unit_test(test_task_has_numbered_lanes_in_ascending_order_only),
        cmocka_unit_test(test_parts_merge_by_key_and_rows_of_one_key_stay_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
