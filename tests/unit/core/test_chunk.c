/* Chunks and the builder that fills them. */
#include "core/rows/chunk.h"

#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct sink {
    struct sl_outlet outlet;
    uint32_t pushes, rows, last_rows, last_width;
    int result;
    const struct sl_origin *origin;
    uint32_t last_line; /* of the last row; UINT32_MAX where there are none */
};

static int take(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct sink *sink = (struct sink *)outlet;
    for (uint32_t c = 0; c < chunk->width; c++)
        for (uint32_t row = 0; row < chunk->rows; row++)
            assert_int_equal(chunk->column[c][row].integer, (sink->rows + row) * 100 + c);
    sink->pushes++;
    sink->rows += chunk->rows;
    sink->last_rows = chunk->rows;
    sink->last_width = chunk->width;
    sink->origin = chunk->origin;
    sink->last_line = chunk->line ? chunk->line[chunk->rows - 1] : UINT32_MAX;
    return sink->result;
}

static int add(struct sl_builder *builder, uint32_t row, uint32_t width)
{
    struct sl_field fields[SL_WIDTH_MAX];
    for (uint32_t c = 0; c < width; c++)
        fields[c] = sl_integer(row * 100 + c);
    return sl_builder_add(builder, fields, width, row);
}

static void test_builder_pushes_full_chunks_and_the_rest(void **state)
{
    struct sink sink = {.outlet = {take}};
    struct sl_builder builder;
    sl_builder_init(&builder, &sink.outlet);
    for (uint32_t i = 0; i < 2 * SL_CHUNK_ROWS + 1; i++) {
        assert_int_equal(add(&builder, i, 3), 0);
        assert_int_equal(sink.pushes, i / SL_CHUNK_ROWS);
    }
    assert_int_equal(sl_builder_flush(&builder), 0);
    assert_int_equal(sink.pushes, 3);
    assert_int_equal(sink.last_rows, 1);
    assert_int_equal(sl_builder_flush(&builder), 0); /* nothing is pushed twice, and no empty chunk */
    assert_int_equal(sink.pushes, 3);
    sl_builder_done(&builder);
}

static void test_builder_starts_a_chunk_at_each_new_width(void **state)
{
    const uint32_t widths[] = {1, 1, 2, SL_WIDTH_MAX, 1, 1, 1, 3};
    struct sink sink = {.outlet = {take}};
    struct sl_builder builder;
    sl_builder_init(&builder, &sink.outlet);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(add(&builder, i, widths[i]), 0);
    assert_int_equal(sl_builder_flush(&builder), 0);
    assert_int_equal(sink.pushes, 5);
    assert_int_equal(sink.rows, 8);
    assert_int_equal(sink.last_width, 3);
    sl_builder_done(&builder);
}

static void test_builder_hands_on_lines_where_rows_have_an_origin(void **state)
{
    const struct sl_origin origin = {.path = "in/a"};
    const uint32_t line = 0;
    struct sl_chunk from_file = {.origin = &origin, .line = &line}, computed = {0};
    struct sink sink = {.outlet = {take}};
    struct sl_builder builder;
    sl_builder_init(&builder, &sink.outlet);
    sl_builder_origin(&builder, &from_file);
    assert_int_equal(add(&builder, 0, 1), 0);
    assert_int_equal(add(&builder, 1, 1), 0);
    assert_int_equal(sl_builder_flush(&builder), 0);
    assert_ptr_equal(sink.origin, &origin);
    assert_int_equal(sink.last_line, 1);
    sl_builder_origin(&builder, &computed);
    assert_int_equal(add(&builder, 2, 1), 0);
    assert_int_equal(sl_builder_flush(&builder), 0);
    assert_null(sink.origin);
    assert_int_equal(sink.last_line, UINT32_MAX);
    sl_builder_done(&builder);
}

static void test_builder_tells_what_the_outlet_told(void **state)
{
    struct sink sink = {.outlet = {take}, .result = SL_ESTOP};
    struct sl_builder builder;
    sl_builder_init(&builder, &sink.outlet);
    for (uint32_t i = 0; i < SL_CHUNK_ROWS; i++)
        assert_int_equal(add(&builder, i, 1), 0);
    assert_int_equal(add(&builder, SL_CHUNK_ROWS, 1), SL_ESTOP);
    sl_builder_done(&builder);
}

static void test_push_swallows_empty_chunks(void **state)
{
    struct sink sink = {.outlet = {take}};
    struct sl_chunk empty = {0};
    assert_int_equal(sl_push(&sink.outlet, &empty), 0);
    assert_int_equal(sink.pushes, 0);
}

static void test_value_and_record_are_lists_where_there_are_several_fields(void **state)
{
    const struct sl_field column[] = {sl_integer(1), sl_integer(2)};
    struct sl_chunk chunk = {.rows = 2, .column = {column, column, column}};
    struct sl_field items[SL_WIDTH_MAX];
    chunk.width = 1;
    assert_int_equal(sl_chunk_record(&chunk, 1, items).integer, 2);
    chunk.width = 2;
    assert_int_equal(sl_chunk_value(&chunk, 1, items).integer, 2);
    struct sl_field record = sl_chunk_record(&chunk, 1, items);
    assert_int_equal(record.tag, SL_LIST);
    assert_int_equal(record.len, 2);
    chunk.width = 3;
    struct sl_field value = sl_chunk_value(&chunk, 0, items);
    assert_int_equal(value.tag, SL_LIST);
    assert_int_equal(value.len, 2);
    assert_int_equal(value.items[1].integer, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builder_pushes_full_chunks_and_the_rest),
        cmocka_unit_test(test_builder_starts_a_chunk_at_each_new_width),
        cmocka_unit_test(test_builder_hands_on_lines_where_rows_have_an_origin),
        cmocka_unit_test(test_builder_tells_what_the_outlet_told),
        cmocka_unit_test(test_push_swallows_empty_chunks),
        cmocka_unit_test(test_value_and_record_are_lists_where_there_are_several_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
