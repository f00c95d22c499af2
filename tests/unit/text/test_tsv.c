#include "core/base/error.h"
#include "text/tsv.h"

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "text/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* The fields of a line; the line lies in memory of its own size, which the caller frees. */
static uint32_t split(struct sl_arena *arena, const void *line, size_t len, struct sl_field *fields,
                      void **ret_line)
{
    uint32_t count = 0;
    uint8_t *bytes = *ret_line = malloc(len ? len : 1);
    assert_non_null(bytes);
    memcpy(bytes, line, len);
    assert_int_equal(sl_tsv_split(arena, bytes, len, fields, SL_WIDTH_MAX, &count), 0);
    return count;
}

static void test_tsv_every_row_of_strings_and_nils_is_read_back_as_it_was(void **state)
{
    static const char bytes[] = {'\\', '\t', '\n', '\r', 0, 'N', 't', '0', 'x'};
    struct sl_arena arena;
    struct sl_buf buf;
    char word[3][3];
    sl_arena_init(&arena);
    sl_buf_init(&buf);
    for (unsigned number = 0; number < 9 * 9 * 9; number++) {
        unsigned digits[] = {number % 9, number / 9 % 9, number / 81};
        struct sl_field row[4], read[SL_WIDTH_MAX];
        struct sl_chunk chunk = {.rows = 1, .width = 4, .column = {&row[0], &row[1], &row[2], &row[3]}};
        uint64_t replaced = 0;
        void *line;
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned j = 0; j < 3; j++)
                word[i][j] = bytes[digits[(i + j) % 3]];
            row[i] = sl_string(word[i], i + 1);
        }
        row[3] = sl_nil();
        buf.len = 0;
        assert_true(sl_format_find("tsv", 3)->rows(&buf, &chunk, &replaced));
        assert_ptr_equal(memchr(buf.bytes, '\n', buf.len), buf.bytes + buf.len - 1);
        assert_int_equal(split(&arena, buf.bytes, buf.len - 1, read, &line), 4);
        for (unsigned i = 0; i < 4; i++)
            assert_true(sl_field_equals(&read[i], &row[i]));
        free(line);
        sl_arena_reset(&arena);
    }
    sl_buf_done(&buf);
    sl_arena_done(&arena);
}

static void check_written(const struct sl_field *string, const char *want, size_t len)
{
    struct sl_buf buf;
    struct sl_chunk chunk = {.rows = 1, .width = 1, .column = {string}};
    uint64_t replaced = 0;
    sl_buf_init(&buf);
    assert_true(sl_format_find("tsv", 3)->rows(&buf, &chunk, &replaced));
    assert_int_equal(buf.len, len + 1);
    assert_memory_equal(buf.bytes, want, len);
    assert_int_equal(buf.bytes[len], '\n');
    sl_buf_done(&buf);
}

static void test_tsv_strings_of_every_length_are_whole_and_each_byte_is_looked_at(void **state)
{
    enum { LENGTHS = 70 };
    char text[LENGTHS], want[LENGTHS + 1];
    for (size_t i = 0; i < LENGTHS; i++)
        text[i] = (char)('!' + i % 50);
    for (size_t len = 0; len < LENGTHS; len++) {
        struct sl_field string = sl_string(text, len);
        check_written(&string, text, len);
        for (size_t i = 0; i < len; i++) {
            char before = text[i];
            text[i] = '\t';
            memcpy(want, text, i);
            memcpy(want + i, "\\t", 2);
            memcpy(want + i + 2, text + i + 1, len - i - 1);
            check_written(&string, want, len + 1);
            text[i] = before;
        }
    }
}

static void test_tsv_an_empty_line_is_one_empty_string(void **state)
{
    struct sl_arena arena;
    struct sl_field fields[SL_WIDTH_MAX];
    void *line;
    sl_arena_init(&arena);
    assert_int_equal(split(&arena, "", 0, fields, &line), 1);
    assert_int_equal(fields[0].tag, SL_STR);
    assert_int_equal(fields[0].len, 0);
    free(line);
    sl_arena_done(&arena);
}

static void test_tsv_backslashes_that_begin_no_escape_are_data(void **state)
{
    static const char line[] = "a\\b\t\\\t\\Nx\tx\\N\t\\x";
    static const char *const expected[] = {"a\\b", "\\", "\\Nx", "x\\N", "\\x"};
    struct sl_arena arena;
    struct sl_field fields[SL_WIDTH_MAX];
    void *copy;
    sl_arena_init(&arena);
    assert_int_equal(split(&arena, line, sizeof line - 1, fields, &copy), 5);
    for (unsigned i = 0; i < 5; i++) {
        struct sl_field want = sl_string(expected[i], strlen(expected[i]));
        assert_true(sl_field_equals(&fields[i], &want));
    }
    free(copy);
    sl_arena_done(&arena);
}

static void test_tsv_refuses_more_fields_than_asked_for(void **state)
{
    static const uint8_t line[] = "a\tb\tc";
    struct sl_arena arena;
    struct sl_field fields[3];
    uint32_t count = 7;
    sl_arena_init(&arena);
    assert_int_equal(sl_tsv_split(&arena, line, 5, fields, 2, &count), SL_EREJECT);
    assert_int_equal(count, 7);
    assert_int_equal(sl_tsv_split(&arena, line, 5, fields, 3, &count), 0);
    assert_int_equal(count, 3);
    sl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tsv_every_row_of_strings_and_nils_is_read_back_as_it_was),
        cmocka_unit_test(test_tsv_strings_of_every_length_are_whole_and_each_byte_is_looked_at),
        cmocka_unit_test(test_tsv_an_empty_line_is_one_empty_string),
        cmocka_unit_test(test_tsv_backslashes_that_begin_no_escape_are_data),
        cmocka_unit_test(test_tsv_refuses_more_fields_than_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
