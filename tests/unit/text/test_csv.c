#include "core/base/error.h"
#include "text/csv.h"
#include "text/csv_plain.h"

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "text/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct sl_csv comma = {.delimiter = ',', .quotes = true, .quote = '"'};

/* A record's fields as text: <a><b>, nil as -, or !message. Memory of its own size, so that reading beyond it
 * is caught. */
static void append_fields(struct sl_buf *buf, const struct sl_csv *csv, const uint8_t *record, size_t len)
{
    struct sl_arena arena;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t count = 0;
    const char *message = NULL;
    uint8_t *bytes = malloc(len ? len : 1);
    assert_non_null(bytes);
    memcpy(bytes, record, len);
    sl_arena_init(&arena);
    int r = sl_csv_split(csv, &arena, bytes, len, fields, SL_WIDTH_MAX, &count, &message);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        bool is_nil = fields[i].tag == SL_NIL;
        assert_true(is_nil ? sl_buf_text(buf, "-")
                           : sl_buf_byte(buf, '<') && sl_buf_append(buf, fields[i].str, fields[i].len) &&
                                 sl_buf_byte(buf, '>'));
    }
    if (r < 0) {
        assert_int_equal(r, SL_EREJECT);
        assert_true(sl_buf_byte(buf, '!') && sl_buf_text(buf, message));
    }
    sl_arena_done(&arena);
    free(bytes);
}

static void assert_splits(const struct sl_csv *csv, const char *record, const char *expected)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    append_fields(&buf, csv, (const uint8_t *)record, strlen(record));
    assert_true(sl_buf_byte(&buf, 0));
    assert_string_equal((const char *)buf.bytes, expected);
    sl_buf_done(&buf);
}

static void test_csv_records_are_split_into_fields(void **state)
{
    static const struct {
        const char *record, *expected;
    } cases[] = {
        {"", "<>"},
        {",", "<><>"},
        {"a", "<a>"},
        {"a,b", "<a><b>"},
        {"a,", "<a><>"},
        {"\\N,\"\\N\",\\NN", "-<\\N><\\NN>"},
        {"\"\"", "<>"},
        {"\"a,b\",c", "<a,b><c>"},
        {"\"a\"\"b\"", "<a\"b>"},
        {"\"\"\"\"", "<\">"},
        {"\"\"\"a\"\"\",\"\"", "<\"a\"><>"},
        {"\"one\ntwo\"", "<one\ntwo>"},
        {"a\"b,c", "<a\"b><c>"},
        {"\"a", "!a quote is not closed"},
        {"\"a\"\"", "!a quote is not closed"},
        {"a,\"", "!a quote is not closed"},
        {"\"a\"b", "!text follows a closing quote"},
        {"\"a\" ,b", "!text follows a closing quote"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_splits(&comma, cases[i].record, cases[i].expected);
}

static void test_csv_delimiter_and_quote_may_be_any_byte(void **state)
{
    static const struct sl_csv semicolon = {.delimiter = ';', .quotes = true, .quote = '\''};
    static const struct sl_csv bare = {.delimiter = '\t', .quotes = false};
    assert_splits(&semicolon, "a,b;'c;d';\"e\"", "<a,b><c;d><\"e\">");
    assert_splits(&bare, "\"a\tb\"", "<\"a><b\">");
}

static void test_csv_refuses_more_fields_than_asked_for(void **state)
{
    char record[SL_WIDTH_MAX + 1];
    struct sl_buf buf;
    memset(record, ',', sizeof record);
    sl_buf_init(&buf);
    append_fields(&buf, &comma, (const uint8_t *)record, SL_WIDTH_MAX - 1);
    assert_int_equal(buf.len, 2 * SL_WIDTH_MAX);
    buf.len = 0;
    append_fields(&buf, &comma, (const uint8_t *)record, SL_WIDTH_MAX);
    assert_memory_equal(buf.bytes, "!too many fields", buf.len);
    sl_buf_done(&buf);
}

/* The records of a text, which is given in pieces. */
static void append_records(struct sl_buf *buf, const uint8_t *text, size_t len, size_t piece)
{
    enum sl_csv_place place = SL_CSV_START;
    size_t record = 0;
    for (size_t at = 0; at < len;) {
        size_t given = len - at < piece ? len - at : piece;
        size_t end = sl_csv_end(&comma, &place, text + at, given);
        if (end < given) {
            append_fields(buf, &comma, text + record, at + end - record);
            assert_true(sl_buf_byte(buf, '\n'));
            assert_int_equal(place, SL_CSV_START);
            record = at + end + 1;
        }
        at += end < given ? end + 1 : given;
    }
    append_fields(buf, &comma, text + record, len - record);
}

static void test_csv_records_are_the_same_however_the_text_is_cut(void **state)
{
    static const char text[] = "a,\"b\nc\",d\n\"\"\"\",\"x\"\"\ny\"\n\n\"bad\"z\nnext,\"q\"\n\"open\n,";
    static const char expected[] = "<a><b\nc><d>\n<\"><x\"\ny>\n<>\n!text follows a closing quote\n"
                                   "<next><q>\n!a quote is not closed";
    struct sl_buf buf;
    sl_buf_init(&buf);
    for (size_t piece = 1; piece <= sizeof text; piece++) {
        buf.len = 0;
        append_records(&buf, (const uint8_t *)text, sizeof text - 1, piece);
        assert_true(sl_buf_byte(&buf, 0));
        assert_string_equal((const char *)buf.bytes, expected);
    }
    sl_buf_done(&buf);
}

static void test_csv_strings_that_our_format_wrote_are_read_back(void **state)
{
    static const char *const words[] = {"", "a", ",", "\"", "\n", "a\"b", "\r", "x,y\n\"z\"", " ", "'"};
    enum { WORDS = sizeof words / sizeof *words };
    struct sl_field fields[WORDS];
    struct sl_chunk chunk = {.rows = 1, .width = WORDS};
    struct sl_buf buf, got;
    uint64_t replaced = 0;
    sl_buf_init(&buf);
    sl_buf_init(&got);
    for (uint32_t i = 0; i < WORDS; i++) {
        fields[i] = sl_string(words[i], strlen(words[i]));
        chunk.column[i] = &fields[i];
    }
    assert_true(sl_format_find("csv", 3)->rows(&buf, &chunk, &replaced));
    enum sl_csv_place place = SL_CSV_START;
    size_t end = sl_csv_end(&comma, &place, buf.bytes, buf.len);
    assert_int_equal(end, buf.len - 1);
    append_fields(&got, &comma, buf.bytes, end);
    buf.len = 0;
    for (uint32_t i = 0; i < WORDS; i++)
        assert_true(sl_buf_printf(&buf, "<%s>", words[i]));
    assert_int_equal(got.len, buf.len);
    assert_memory_equal(got.bytes, buf.bytes, buf.len);
    sl_buf_done(&buf);
    sl_buf_done(&got);
}

/* ---- plain records ---- */

static void test_csv_ways_to_find_delimiters_agree(void **state)
{
    (void)state;
    uint32_t random = 7;
    uint8_t bytes[64];
    for (int round = 0; round < 1000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            random = random * 1664525 + 1013904223;
            bool is_special = random >> 24 < 100;
            bytes[i] = is_special ? (uint8_t) ",\"\n\xFF"[random >> 16 & 3] : (uint8_t)(random >> 20);
        }
        assert_true(sl_csv_mask_portable(bytes, ',', '"', '\n') ==
                    sl_csv_mask_fastest()(bytes, ',', '"', '\n'));
    }
}

/* The record at p, cut by the general way, must be what was found. */
static void assert_plain(const uint8_t *p, const uint8_t *newline, const uint8_t *const *end, uint32_t count)
{
    struct sl_arena arena;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t expected = 0;
    const char *message;
    enum sl_csv_place place = SL_CSV_START;
    sl_arena_init(&arena);
    assert_int_equal(sl_csv_end(&comma, &place, p, (size_t)(newline - p) + 1), newline - p);
    assert_int_equal(
        sl_csv_split(&comma, &arena, p, (size_t)(newline - p), fields, SL_WIDTH_MAX, &expected, &message), 0);
    assert_int_equal(count, expected);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *from = i ? end[i - 1] + 1 : p;
        assert_true(fields[i].tag == SL_NIL ||
                    (fields[i].str == from && fields[i].len == (size_t)(end[i] - from)));
    }
    sl_arena_done(&arena);
}

/* In a text of its own size; where a record is not plain the next line is tried. Returns the number of plain ones. */
static uint32_t walk_plain(const uint8_t *text, size_t len, sl_csv_mask_fn *mask)
{
    struct sl_csv_plain plain;
    const uint8_t *end[SL_WIDTH_MAX], *p = text, *newline;
    uint32_t count, found = 0;
    sl_csv_plain_init(&plain, &comma, mask);
    while (p && p < text + len) {
        sl_csv_plain_start(&plain, p, text + len);
        for (; (newline = sl_csv_plain_next(&plain, end, SL_WIDTH_MAX, &count)); p = newline + 1, found++)
            assert_plain(p, newline, end, count);
        p = memchr(p, '\n', (size_t)(text + len - p));
        p = p ? p + 1 : NULL;
    }
    return found;
}

static void test_csv_plain_records_are_cut_as_all_others(void **state)
{
    (void)state;
    static const char bytes[] = "abc,,,\n\n \\N\"";
    uint32_t random = 99;
    for (size_t len = 0; len < 400; len++) {
        uint8_t *text = malloc(len ? len : 1);
        assert_non_null(text);
        for (size_t i = 0; i < len; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = (uint8_t)bytes[(random >> 16) % (sizeof bytes - 1 - len % 2)];
        }
        assert_int_equal(walk_plain(text, len, NULL), walk_plain(text, len, sl_csv_mask_portable));
        free(text);
    }
    assert_int_equal(walk_plain((const uint8_t *)"a,b\nc\n\"d\"\ne\nf", 14, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_records_are_split_into_fields),
        cmocka_unit_test(test_csv_delimiter_and_quote_may_be_any_byte),
        cmocka_unit_test(test_csv_refuses_more_fields_than_asked_for),
        cmocka_unit_test(test_csv_records_are_the_same_however_the_text_is_cut),
        cmocka_unit_test(test_csv_strings_that_our_format_wrote_are_read_back),
        cmocka_unit_test(test_csv_ways_to_find_delimiters_agree),
        cmocka_unit_test(test_csv_plain_records_are_cut_as_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
