/* Whichever allocation fails, what reads text and bytes says that memory is out: never that a record cannot be
 * read, and never that a file is damaged. */
#include "tests/unit/core/scarce.h"

#include "core/base/buf.h"
#include "core/contract/columns.h"
#include "text/csv.h"
#include "text/decompress.h"
#include "text/json.h"
#include "text/regex.h"
#include "text/row_codec.h"
#include "text/tsv.h"
#include "text/typed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

enum { LARGE = 20000 };

/* A JSON list of many members, nested ones, strings with escapes among them. */
static const char *json_text(void)
{
    static char text[64 * LARGE];
    char *at = text;
    *at++ = '[';
    for (int i = 0; i < LARGE / 10; i++)
        at += snprintf(at, 64, "{\"k\\u00e9y\":%d,\"list\":[1,[2,{}],\"a\\nb\"]},", i);
    memcpy(at, "null]", 6);
    return text;
}

static int parse_json(void *arg)
{
    struct sl_arena arena = {0};
    struct sl_field value;
    const char *message;
    size_t at;
    int r = sl_json_parse(&arena, arg, strlen(arg), &value, &message, &at);
    sl_arena_done(&arena);
    return r;
}

static void test_json_is_not_refused(void **state)
{
    char *copy = strdup(json_text());
    assert_true(scarce_loop(parse_json, copy) > 5);
    free(copy);
}

struct encoded {
    struct sl_buf bytes;
    bool borrows;
};

static int decode(void *arg)
{
    const struct encoded *encoded = arg;
    struct sl_arena arena = {0};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    uint32_t width;
    int r = 0;
    for (size_t at = 0; r == 0 && at < encoded->bytes.len;)
        r = (encoded->borrows ? sl_row_codec_borrow : sl_row_codec_read)(
            encoded->bytes.bytes, encoded->bytes.len, &at, &arena, fields, &width);
    sl_arena_done(&arena);
    return r;
}

static void test_rows_are_not_damaged(void **state)
{
    static char text[LARGE];
    const struct sl_field pair[] = {sl_text("key"), sl_string(text, sizeof text)};
    const struct sl_field fields[] = {sl_map(pair, 1), sl_list(pair, 2), sl_string(text, sizeof text),
                                      sl_integer(1)};
    for (int borrows = 0; borrows < 2; borrows++) {
        struct encoded encoded = {.borrows = borrows};
        for (int i = 0; i < 500; i++)
            assert_true(sl_row_codec_append(&encoded.bytes, fields, 4));
        assert_true(scarce_loop(decode, &encoded) > 0);
        sl_buf_done(&encoded.bytes);
    }
}

/* A field that has to be copied is larger than a block of an arena. */
static int split(void *arg)
{
    const struct sl_csv csv = {.delimiter = ',', .quote = '"', .quotes = true};
    const char *line = arg;
    struct sl_arena arena = {0};
    struct sl_field fields[4];
    const char *message;
    uint32_t count;
    int r = line[0] == '"'
                ? sl_csv_split(&csv, &arena, (const uint8_t *)line, strlen(line), fields, 4, &count, &message)
                : sl_tsv_split(&arena, (const uint8_t *)line, strlen(line), fields, 4, &count);
    sl_arena_done(&arena);
    return r;
}

static void test_lines_are_not_refused(void **state)
{
    static char quoted[LARGE] = "\"a\"\"", escaped[LARGE] = "a\\t";
    memset(quoted + 4, 'b', LARGE - 6);
    quoted[LARGE - 2] = '"';
    memset(escaped + 3, 'b', LARGE - 4);
    assert_true(scarce_loop(split, quoted) > 0);
    assert_true(scarce_loop(split, escaped) > 0);
}

/* A column of JSON whose bad values would become nil. */
static int type_row(void *arg)
{
    struct sl_arena arena = {0}, scratch = {0};
    struct sl_columns *columns = arg;
    struct sl_error err;
    struct sl_task task = {.scratch = &scratch, .err = &err};
    const struct sl_typed typed = {.columns = columns, .count = 1, .bad_is_nil = true, .format = "csv"};
    struct sl_field field = sl_text("[1,[2,3],\"a\\nb\"]");
    int r = sl_typed_texts(&typed, &task, &field);
    assert_true(r < 0 || field.tag == SL_LIST);
    sl_arena_done(&scratch);
    sl_arena_done(&arena);
    return r;
}

static void test_typed_values_do_not_become_nil(void **state)
{
    struct sl_arena arena = {0};
    struct sl_columns *columns = sl_columns_new(&arena, 1);
    assert_non_null(columns);
    columns->column[0].name = "a";
    columns->column[0].type = SL_COLUMN_JSON;
    assert_true(scarce_loop(type_row, columns) > 0);
    sl_arena_done(&arena);
}

static int match(void *arg)
{
    struct sl_regex *regex = NULL;
    struct sl_error err;
    struct sl_task task = {.err = &err};
    static const uint32_t wanted[] = {1};
    struct sl_field group;
    int r = sl_regex_new(arg, strlen(arg), &regex, &err);
    if (r == 0)
        r = sl_regex_match(regex, &task, "key=value", 9, wanted, 1, &group);
    sl_regex_free(regex);
    return r == 1 ? 0 : r;
}

static void test_patterns_and_subjects_are_not_refused(void **state)
{
    assert_true(scarce_loop(match, (void *)"(\\w+)=(\\w+)") > 0);
}

struct packed {
    const char *name;
    uint8_t bytes[4 * LARGE];
    size_t len;
};

static int unpack(void *arg)
{
    const struct packed *packed = arg;
    struct sl_byte_stream *stream;
    struct sl_error err;
    static uint8_t buf[LARGE];
    int fd = memfd_create("packed", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, packed->bytes, packed->len), packed->len);
    int r = sl_decompress_open(&sl_io_system, fd, packed->name, (int64_t)packed->len, &stream, &err);
    if (r == 0) {
        ssize_t got = 1;
        while (got > 0)
            got = stream->read(stream, buf, sizeof buf, &err);
        r = (int)got;
        stream->close(stream);
    }
    close(fd);
    return r;
}

static void test_compressed_files_are_not_damaged(void **state)
{
    static uint8_t plain[3 * LARGE];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * i >> 7);
    static struct packed gzip = {.name = "a.gz"}, zstd = {.name = "a.zst"};
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    zlib.next_in = plain;
    zlib.avail_in = sizeof plain;
    zlib.next_out = gzip.bytes;
    zlib.avail_out = sizeof gzip.bytes;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    gzip.len = sizeof gzip.bytes - zlib.avail_out;
    deflateEnd(&zlib);
    zstd.len = ZSTD_compress(zstd.bytes, sizeof zstd.bytes, plain, sizeof plain, 3);
    assert_false(ZSTD_isError(zstd.len));
    assert_true(scarce_loop(unpack, &gzip) > 1);
    assert_true(scarce_loop(unpack, &zstd) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_not_refused),
        cmocka_unit_test(test_rows_are_not_damaged),
        cmocka_unit_test(test_lines_are_not_refused),
        cmocka_unit_test(test_typed_values_do_not_become_nil),
        cmocka_unit_test(test_patterns_and_subjects_are_not_refused),
        cmocka_unit_test(test_compressed_files_are_not_damaged),
    };
#ifdef SL_HAS_SANITIZER
    puts("a sanitizer has its own allocator");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
