#include "text/object_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/text/memory_stream.h"
#include "tests/unit/text/random_rows.h"

#include <cmocka.h>

enum { ROWS_MAX = 3000, WIDTH = 64 };

struct table {
    size_t rows;
    uint32_t width[ROWS_MAX];
    struct sl_field *row[ROWS_MAX];
};

static void make_table(struct random_rows *random, struct table *table, size_t rows)
{
    table->rows = rows;
    for (size_t i = 0; i < rows; i++) {
        table->width[i] = (uint32_t)(random_below(random, 50) ? 1 + random_below(random, 4) : WIDTH);
        table->row[i] = sl_arena_alloc(&random->arena, WIDTH * sizeof(struct sl_field));
        for (uint32_t c = 0; c < table->width[i]; c++)
            table->row[i][c] = random_field(random, 0);
    }
}

static void write_table(const struct table *table, struct sl_buf *file)
{
    struct sl_object_writer writer = {0};
    assert_int_equal(sl_object_write_head(&writer, file, NULL), 0);
    for (size_t i = 0; i < table->rows; i++)
        assert_int_equal(sl_object_write_row(&writer, table->row[i], table->width[i], file, NULL), 0);
    assert_int_equal(sl_object_write_end(&writer, file, NULL), 0);
    sl_object_writer_done(&writer);
}

/* Reads rows and compares them with the table as far as they go; 0: all of the file was read. */
static int read_table(const struct table *table, const struct sl_buf *file, size_t len, size_t step,
                      size_t *ret_rows, struct sl_error *err)
{
    struct memory_stream stream = memory_stream_of(file->bytes, len, step);
    struct sl_object_reader reader;
    struct sl_field fields[WIDTH];
    struct sl_arena arena = {0};
    uint32_t width;
    *ret_rows = 0;
    int r = sl_object_read_open(&reader, &stream.stream, "file", err);
    while (r >= 0 && (r = sl_object_read_block(&reader, err)) > 0) {
        size_t at = 0;
        for (uint32_t i = 0; i < reader.count && r > 0; i++, ++*ret_rows) {
            r = sl_object_read_row(&reader, &at, &arena, fields, &width, err) < 0 ? SL_EFAIL : 1;
            assert_true(r < 0 || *ret_rows < table->rows);
            if (r < 0)
                break;
            assert_int_equal(width, table->width[*ret_rows]);
            for (uint32_t c = 0; c < width; c++)
                assert_true(sl_field_looks_same(&fields[c], &table->row[*ret_rows][c]));
        }
    }
    sl_object_reader_done(&reader);
    sl_arena_done(&arena);
    return r;
}

static void test_object_file_gives_back_the_rows_it_was_given(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 100, ROWS_MAX}, steps[] = {1 << 20, 777, 1};
    static struct table table;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct random_rows random = {.state = i};
        struct sl_buf file = {0};
        struct sl_error err;
        size_t rows;
        make_table(&random, &table, sizes[i]);
        write_table(&table, &file);
        for (size_t s = 0; s < 3; s++) {
            if (read_table(&table, &file, file.len, steps[s], &rows, &err) != 0)
                fail_msg("seed %zu: %s", i, err.text);
            assert_int_equal(rows, table.rows);
        }
        sl_buf_done(&file);
        sl_arena_done(&random.arena);
    }
}

static void test_object_file_that_is_cut_anywhere_is_damaged(void **state)
{
    static struct table table;
    struct random_rows random = {.state = 5};
    struct sl_buf file = {0};
    struct sl_error err;
    size_t rows;
    (void)state;
    make_table(&random, &table, 40);
    write_table(&table, &file);
    for (size_t len = 0; len < file.len; len++)
        assert_int_equal(read_table(&table, &file, len, 1 << 20, &rows, &err), SL_EFAIL);
    assert_true(sl_buf_byte(&file, 0));
    assert_int_equal(read_table(&table, &file, file.len, 1 << 20, &rows, &err), SL_EFAIL);
    sl_buf_done(&file);
    sl_arena_done(&random.arena);
}

static void test_object_file_with_a_bit_flipped_never_gives_other_rows(void **state)
{
    static struct table table;
    struct random_rows random = {.state = 6};
    struct sl_buf file = {0};
    struct sl_error err;
    size_t rows;
    (void)state;
    make_table(&random, &table, 40);
    write_table(&table, &file);
    for (size_t at = 0; at < file.len; at++) {
        file.bytes[at] ^= (uint8_t)(1 << at % 8);
        assert_int_equal(read_table(&table, &file, file.len, 1 << 20, &rows, &err), SL_EFAIL);
        file.bytes[at] ^= (uint8_t)(1 << at % 8);
    }
    sl_buf_done(&file);
    sl_arena_done(&random.arena);
}

/* Offset of block `number`. */
static size_t block_at(const struct sl_buf *file, size_t number)
{
    size_t at = 16;
    for (; number; number--) {
        uint64_t packed;
        memcpy(&packed, file->bytes + at + 8, sizeof packed);
        at += 24 + packed;
    }
    return at;
}

static void test_object_file_with_blocks_missing_or_doubled_is_damaged(void **state)
{
    static struct table table;
    struct random_rows random = {.state = 7};
    struct sl_buf file = {0}, other = {0};
    struct sl_error err;
    size_t rows;
    (void)state;
    make_table(&random, &table, ROWS_MAX);
    write_table(&table, &file);
    size_t first = block_at(&file, 0), second = block_at(&file, 1);
    assert_true(second < file.len - 24); /* there are several */
    assert_true(sl_buf_append(&other, file.bytes, first) &&
                sl_buf_append(&other, file.bytes + second, file.len - second));
    assert_int_equal(read_table(&table, &other, other.len, 1 << 20, &rows, &err), SL_EFAIL);
    assert_int_equal(rows, 0);
    other.len = 0;
    assert_true(sl_buf_append(&other, file.bytes, second) &&
                sl_buf_append(&other, file.bytes + first, file.len - first));
    assert_int_equal(read_table(&table, &other, other.len, 1 << 20, &rows, &err), SL_EFAIL);
    sl_buf_done(&file);
    sl_buf_done(&other);
    sl_arena_done(&random.arena);
}

static void test_object_file_of_a_newer_version_is_named(void **state)
{
    static struct table table;
    struct sl_buf file = {0};
    struct sl_error err;
    size_t rows;
    (void)state;
    table.rows = 0;
    write_table(&table, &file);
    file.bytes[8] = 2;
    assert_int_equal(read_table(&table, &file, file.len, 1 << 20, &rows, &err), SL_EFAIL);
    assert_non_null(strstr(err.text, "version 2"));
    sl_buf_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_file_gives_back_the_rows_it_was_given),
        cmocka_unit_test(test_object_file_that_is_cut_anywhere_is_damaged),
        cmocka_unit_test(test_object_file_with_a_bit_flipped_never_gives_other_rows),
        cmocka_unit_test(test_object_file_with_blocks_missing_or_doubled_is_damaged),
        cmocka_unit_test(test_object_file_of_a_newer_version_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
