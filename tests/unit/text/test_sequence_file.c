#include "text/sequence_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/text/memory_stream.h"
#include "tests/unit/text/random_rows.h"

#include <cmocka.h>

enum { RECORDS = 400, RECORD_MAX = 1 << 20 };

/* A value of the class that comes back as it is. */
static struct sl_field value_of(struct random_rows *random, enum sl_writable kind)
{
    for (;;) {
        struct sl_field field = random_field(random, 9);
        if (kind == SL_WRITABLE_INT && field.tag == SL_INT)
            return sl_integer((int32_t)field.integer);
        if (kind == SL_WRITABLE_FLOAT && field.tag == SL_FLOAT)
            return sl_number((double)(float)random_below(random, 1000) / 8);
        if (sl_writable_of(&field) == kind)
            return field;
        if (kind == SL_WRITABLE_BYTES && field.tag == SL_STR)
            return field;
    }
}

struct pairs {
    struct sl_field key[RECORDS], value[RECORDS];
};

static void write_pairs(const struct sl_sequence_layout *layout, const struct pairs *pairs,
                        struct sl_buf *file)
{
    struct sl_sequence_writer writer = {0};
    struct sl_buf key = {0}, value = {0};
    const char *why;
    assert_int_equal(sl_sequence_write_head(&writer, layout, file, NULL), 0);
    for (size_t i = 0; i < RECORDS; i++) {
        key.len = value.len = 0;
        assert_int_equal(sl_writable_append(&key, layout->key, &pairs->key[i], &why), 0);
        assert_int_equal(sl_writable_append(&value, layout->value, &pairs->value[i], &why), 0);
        assert_int_equal(sl_sequence_write_record(&writer, &key, &value, file, NULL), 0);
    }
    assert_int_equal(sl_sequence_write_end(&writer, file, NULL), 0);
    sl_sequence_writer_done(&writer);
    sl_buf_done(&key);
    sl_buf_done(&value);
}

/* The number of records that are read; *ret is how it ended. */
static size_t read_pairs(const struct pairs *pairs, const struct sl_buf *file, size_t len, size_t step,
                         int *ret, struct sl_error *err)
{
    static struct sl_sequence_reader reader;
    struct memory_stream stream = memory_stream_of(file->bytes, len, step);
    struct sl_arena arena = {0};
    struct sl_field key, value;
    size_t i = 0;
    int r = sl_sequence_read_open(&reader, &stream.stream, "file", RECORD_MAX, err);
    while (r >= 0 && (r = sl_sequence_read_next(&reader, &arena, &key, &value, err)) > 0) {
        if (pairs)
            assert_true(i < RECORDS && sl_field_looks_same(&key, &pairs->key[i]) &&
                        sl_field_looks_same(&value, &pairs->value[i]));
        i++;
    }
    sl_sequence_reader_done(&reader);
    sl_arena_done(&arena);
    *ret = r;
    return i;
}

static void make_pairs(struct random_rows *random, struct pairs *pairs,
                       const struct sl_sequence_layout *layout)
{
    for (size_t i = 0; i < RECORDS; i++) {
        pairs->key[i] = value_of(random, layout->key);
        pairs->value[i] = value_of(random, layout->value);
    }
}

/* Every class as key and value, every compression and codec. */
static void test_sequence_file_gives_back_the_pairs_it_was_given(void **state)
{
    static struct pairs pairs;
    uint64_t seed = 0;
    (void)state;
    for (int kind = 0; kind < SL_WRITABLES; kind++)
        for (int how = 0; how < 7; how++) {
            struct sl_sequence_layout layout = {
                .key = (enum sl_writable)kind,
                .value = (enum sl_writable)((kind + how) % SL_WRITABLES),
                .compression = how == 6  ? SL_SEQUENCE_NONE
                               : how % 2 ? SL_SEQUENCE_BLOCK
                                         : SL_SEQUENCE_RECORD,
                .codec = how == 6 ? NULL : sl_sequence_codecs[how / 2],
            };
            struct random_rows random = {.state = seed++};
            struct sl_buf file = {0};
            struct sl_error err;
            int r;
            make_pairs(&random, &pairs, &layout);
            write_pairs(&layout, &pairs, &file);
            for (size_t step = 1; step <= 1 << 20; step <<= 10) {
                size_t count = read_pairs(&pairs, &file, file.len, step, &r, &err);
                if (r < 0)
                    fail_msg("seed %d: %s", (int)seed - 1, err.text);
                assert_int_equal(count, RECORDS);
            }
            sl_buf_done(&file);
            sl_arena_done(&random.arena);
        }
}

/* Nothing marks the end: what is cut between two records is a shorter file. */
static void test_sequence_file_that_is_cut_never_gives_other_pairs(void **state)
{
    static struct pairs pairs;
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct sl_sequence_layout layout = {
            .value = SL_WRITABLE_LONG,
            .compression = (enum sl_sequence_compression)how,
            .codec = how ? sl_sequence_codecs[0] : NULL,
        };
        struct random_rows random = {.state = (uint64_t)how};
        struct sl_buf file = {0};
        struct sl_error err;
        int r;
        make_pairs(&random, &pairs, &layout);
        write_pairs(&layout, &pairs, &file);
        for (size_t len = 0; len < file.len; len += len < 300 ? 1 : 97) {
            size_t count = read_pairs(&pairs, &file, len, 1 << 20, &r, &err);
            assert_true(r == 0 ? count < RECORDS : r == SL_EFAIL);
        }
        sl_buf_done(&file);
        sl_arena_done(&random.arena);
    }
}

static void test_sequence_file_with_a_byte_changed_ends(void **state)
{
    static struct pairs pairs;
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct sl_sequence_layout layout = {
            .compression = (enum sl_sequence_compression)how,
            .codec = how ? sl_sequence_codecs[2] : NULL,
        };
        struct random_rows random = {.state = 100 + (uint64_t)how};
        struct sl_buf file = {0};
        struct sl_error err;
        int r;
        make_pairs(&random, &pairs, &layout);
        write_pairs(&layout, &pairs, &file);
        for (size_t at = 0; at < 1000; at++) {
            uint8_t before = file.bytes[at];
            file.bytes[at] = (uint8_t)random_next(&random);
            (void)read_pairs(NULL, &file, file.len, 1 << 20, &r, &err); /* any end will do, but for a crash */
            file.bytes[at] = before;
        }
        sl_buf_done(&file);
        sl_arena_done(&random.arena);
    }
}

static void test_sequence_file_of_an_unknown_class_or_codec_is_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *named;
    } cases[] = {
        {"SEQ\6\7foo.Bar", 12, "foo.Bar"},
        {"SEQ\3", 4, "version 3"},
        {"PK\3\4", 4, "does not begin with SEQ"},
        {"SEQ\6\31org.apache.hadoop.io.Text\31org.apache.hadoop.io.Text\1\0\7a.Snapp", 66, "a.Snapp"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_buf file = {.bytes = (uint8_t *)(uintptr_t)cases[i].bytes, .len = cases[i].len};
        struct sl_error err;
        int r;
        (void)read_pairs(NULL, &file, file.len, 1 << 20, &r, &err);
        assert_int_equal(r, SL_EFAIL);
        if (!strstr(err.text, cases[i].named))
            fail_msg("%s", err.text);
    }
}

static void test_writable_refuses_what_does_not_fit(void **state)
{
    const struct {
        enum sl_writable kind;
        struct sl_field field;
        int r;
    } cases[] = {
        {SL_WRITABLE_INT, sl_integer((int64_t)INT32_MAX + 1), SL_EREJECT},
        {SL_WRITABLE_INT, sl_number(2.0), 0},
        {SL_WRITABLE_LONG, sl_number(2.5), SL_EREJECT},
        {SL_WRITABLE_LONG, sl_string("1", 1), SL_EREJECT},
        {SL_WRITABLE_FLOAT, sl_number(1e300), SL_EREJECT},
        {SL_WRITABLE_FLOAT, sl_number(INFINITY), 0},
        {SL_WRITABLE_DOUBLE, sl_integer(INT64_MAX), SL_EREJECT},
        {SL_WRITABLE_DOUBLE, sl_integer(1 << 30), 0},
        {SL_WRITABLE_TEXT, sl_string("\xff", 1), SL_EREJECT},
        {SL_WRITABLE_TEXT, sl_nil(), SL_EREJECT},
        {SL_WRITABLE_TEXT, sl_integer(5), 0},
        {SL_WRITABLE_BYTES, sl_string("\xff", 1), 0},
        {SL_WRITABLE_BYTES, sl_integer(5), SL_EREJECT},
        {SL_WRITABLE_BOOLEAN, sl_integer(1), SL_EREJECT},
        {SL_WRITABLE_NULL, sl_integer(1), SL_EREJECT},
        {SL_WRITABLE_NULL, sl_nil(), 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_buf buf = {0};
        const char *why = "";
        assert_int_equal(sl_writable_append(&buf, cases[i].kind, &cases[i].field, &why), cases[i].r);
        sl_buf_done(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence_file_gives_back_the_pairs_it_was_given),
        cmocka_unit_test(test_sequence_file_that_is_cut_never_gives_other_pairs),
        cmocka_unit_test(test_sequence_file_with_a_byte_changed_ends),
        cmocka_unit_test(test_sequence_file_of_an_unknown_class_or_codec_is_named),
        cmocka_unit_test(test_writable_refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
