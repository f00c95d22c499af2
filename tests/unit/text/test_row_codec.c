/* The bytes of rows in segments of state, one by one: the format of text/row_codec.h. */
#include "text/row_codec.h"

#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* Writes the field as a row of one, compares the bytes after the width, and reads them back. */
static void check(struct sl_field field, const char *expected, size_t len)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_field back[SL_ROWCODE_WIDTH_MAX];
    struct sl_arena arena;
    size_t at = 0, skipped = 0;
    uint32_t width;
    assert_true(sl_row_codec_append(&buf, &field, 1));
    assert_int_equal(buf.bytes[0], 1);
    assert_int_equal(buf.len - 1, len);
    assert_memory_equal(buf.bytes + 1, expected, len);
    sl_arena_init(&arena);
    assert_int_equal(sl_row_codec_read(buf.bytes, buf.len, &at, &arena, back, &width), 0);
    assert_int_equal(at, buf.len);
    assert_int_equal(sl_row_codec_skip(buf.bytes, buf.len, &skipped), 0);
    assert_int_equal(skipped, buf.len);
    assert_int_equal(sl_row_codec_skip(buf.bytes, buf.len - 1, &(size_t){0}), SL_EDAMAGED);
    assert_int_equal(width, 1);
    assert_true(sl_field_equals(&back[0], &field));
    assert_int_equal(back[0].flags & SL_FIELD_ROW, field.flags & SL_FIELD_ROW);
    sl_arena_done(&arena);
}
#define CHECK(field, expected) check(field, expected, sizeof expected - 1)

static void test_row_codec_simple_values_are_a_letter_and_their_bytes(void **state)
{
    CHECK(sl_nil(), "n");
    CHECK(sl_boolean(false), "f");
    CHECK(sl_boolean(true), "t");
    CHECK(sl_number(1.5), "d\0\0\0\0\0\0\xF8\x3F"); /* little-endian */
    CHECK(sl_string("", 0), "s\0");
    CHECK(sl_string("a\0b", 3), "s\3a\0b");
}

static void test_row_codec_integers_are_zigzag_varints(void **state)
{
    CHECK(sl_integer(0), "i\0");
    CHECK(sl_integer(-1), "i\1");
    CHECK(sl_integer(1), "i\2");
    CHECK(sl_integer(63), "i\x7E");
    CHECK(sl_integer(64), "i\x80\1"); /* seven bits a byte, the lowest first */
    CHECK(sl_integer(INT64_MAX), "i\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1");
    CHECK(sl_integer(INT64_MIN), "i\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1");
}

static void test_row_codec_containers_are_a_letter_a_count_and_fields(void **state)
{
    const struct sl_field items[2] = {sl_integer(3), sl_nil()};
    const struct sl_field pair[2] = {sl_string("k", 1), sl_integer(3)};
    struct sl_field list = sl_list(items, 2), row = list;
    row.flags |= SL_FIELD_ROW;
    CHECK(list, "l\2i\6n");
    CHECK(row, "r\2i\6n");
    CHECK(sl_map(pair, 1), "m\1s\1ki\6");
    CHECK(sl_list(NULL, 0), "l\0");
}

static void test_row_codec_a_row_is_its_width_and_fields(void **state)
{
    static const char expected[] = "\3s\1ki\2n";
    const struct sl_field fields[3] = {sl_string("k", 1), sl_integer(1), sl_nil()};
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    assert_true(sl_row_codec_append(&buf, fields, 3));
    assert_int_equal(buf.len, sizeof expected - 1);
    assert_memory_equal(buf.bytes, expected, buf.len);
}

static void test_row_codec_bytes_that_are_no_row_are_damage(void **state)
{
    static const char *const damaged[] = {"\1", "\1x", "\1s\5ab", "\2n", "\1l\3nn", "\1d1234567", "\xFF\xFF"};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    struct sl_arena arena;
    uint32_t width;
    sl_arena_init(&arena);
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        size_t at = 0;
        assert_int_equal(
            sl_row_codec_read((const uint8_t *)damaged[i], strlen(damaged[i]), &at, &arena, fields, &width),
            SL_EDAMAGED);
    }
    sl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_codec_simple_values_are_a_letter_and_their_bytes),
        cmocka_unit_test(test_row_codec_integers_are_zigzag_varints),
        cmocka_unit_test(test_row_codec_containers_are_a_letter_a_count_and_fields),
        cmocka_unit_test(test_row_codec_a_row_is_its_width_and_fields),
        cmocka_unit_test(test_row_codec_bytes_that_are_no_row_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
