#include "text/lines.h"

#include "core/base/buf.h"
#include "text/newlines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Everything that was pushed and rejected, as text: a line each, "!" before rejected ones; and what the
 * contract says about chunks is checked on the way. */
struct record {
    struct sl_outlet outlet;
    struct sl_reject_sink sink;
    struct sl_task task;
    struct sl_arena scratch;
    void *scratch_first;
    struct sl_error err;
    struct sl_buf text;
    struct sl_origin origin;
    uint64_t lines, chunks;
    size_t chunk_bytes_max;
    char message[SL_MESSAGE_MAX];
    _Atomic int stop;
    bool stops_after_push;
    bool chunk_is_bare; /* without origin and line numbers */
};

static int record_push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct record *r = (struct record *)outlet;
    size_t bytes = 0;
    assert_in_range(chunk->rows, 1, SL_CHUNK_ROWS);
    assert_int_equal(chunk->width, 1);
    assert_ptr_equal(chunk->origin, r->chunk_is_bare ? NULL : &r->origin);
    assert_int_equal(chunk->line == NULL, r->chunk_is_bare);
    void *scratch = sl_arena_alloc(&r->scratch, 100);
    r->scratch_first = r->scratch_first ? r->scratch_first : scratch;
    assert_ptr_equal(scratch, r->scratch_first); /* it was reset */
    for (uint32_t i = 0; i < chunk->rows; i++) {
        const struct sl_field *field = &chunk->column[0][i];
        assert_int_equal(chunk->line ? chunk->line[i] : r->lines, r->lines);
        r->lines++;
        bytes += field->len;
        assert_true(sl_buf_append(&r->text, field->str, field->len) && sl_buf_byte(&r->text, '\n'));
    }
    if (bytes > r->chunk_bytes_max)
        r->chunk_bytes_max = bytes;
    r->chunks++;
    r->stop = r->stops_after_push;
    return 0;
}

static int record_reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                         const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                         uint32_t line)
{
    struct record *r = (struct record *)((char *)sink - offsetof(struct record, sink));
    assert_int_equal(node, 7);
    assert_int_equal(width, 1);
    assert_ptr_equal(origin, &r->origin);
    assert_int_equal(line, r->lines++);
    memcpy(r->message, task->message, sizeof r->message);
    assert_true(sl_buf_byte(&r->text, '!') && sl_buf_append(&r->text, fields->str, fields->len) &&
                sl_buf_byte(&r->text, '\n'));
    return 0;
}

static void record_init(struct record *r)
{
    memset(r, 0, sizeof *r);
    r->outlet.push = record_push;
    r->sink.reject = record_reject;
    sl_arena_init(&r->scratch);
    sl_buf_init(&r->text);
    r->task = (struct sl_task){.scratch = &r->scratch, .sink = &r->sink, .stop = &r->stop, .err = &r->err};
}

static void record_done(struct record *r)
{
    sl_buf_done(&r->text);
    sl_arena_done(&r->scratch);
}

static int file_of(const void *bytes, size_t len)
{
    int fd = memfd_create("lines", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    return fd;
}

/* Reads [from, to); the record goes on where it was, as with line numbers that begin anew. */
static int read_split(struct record *r, int fd, int64_t from, int64_t to, int64_t size, uint64_t line_max)
{
    const struct sl_lines lines = {.io = &sl_io_system,
                                   .fd = fd,
                                   .path = "in/a.log",
                                   .from = from,
                                   .to = to,
                                   .size = size,
                                   .record_bytes_max = line_max,
                                   .node = 7,
                                   .origin = &r->origin};
    uint64_t count = UINT64_MAX;
    r->lines = 0;
    int result = sl_lines_read(&lines, &r->task, &r->outlet, &count);
    if (result == 0)
        assert_int_equal(count, r->lines);
    return result;
}

static void assert_lines(const void *bytes, size_t len, uint64_t line_max, const char *expected,
                         size_t expected_len)
{
    struct record r;
    record_init(&r);
    int fd = file_of(bytes, len);
    assert_int_equal(read_split(&r, fd, 0, (int64_t)len, (int64_t)len, line_max), 0);
    if (r.text.len != expected_len || (expected_len && memcmp(r.text.bytes, expected, expected_len) != 0))
        fail_msg("'%.*s' gave '%.*s'", (int)len, (const char *)bytes, (int)r.text.len,
                 (const char *)r.text.bytes);
    close(fd);
    record_done(&r);
}

static void test_lines_are_cut_as_the_contract_says(void **state)
{
    static const struct {
        const char *file, *lines;
        uint64_t line_max;
    } cases[] = {
        {"", "", 100},
        {"\n", "\n", 100},
        {"a\nb\n", "a\nb\n", 100},
        {"a\nb", "a\nb\n", 100},
        {"\n\n\na", "\n\n\na\n", 100},
        {"a\r\nb\r\n", "a\nb\n", 100},
        {"a\rb\r\n\r\n", "a\rb\n\n", 100},
        {"a\r\r\n", "a\r\n", 100},
        {"a\r", "a\r\n", 100},
        {"\r", "\r\n", 100},
        {"\xEF\xBB\xBF", "", 100},
        {"\xEF\xBB\xBF\n", "\n", 100},
        {"\xEF\xBB\xBFx\n\xEF\xBB\xBFy\n", "x\n\xEF\xBB\xBFy\n", 100},
        {"\xEF\xBB", "\xEF\xBB\n", 100},
        {"\xEF\xBBx", "\xEF\xBBx\n", 100},
        {"abc\nabcd\nabc\r\nabcd\r\nabc", "abc\n!abc\nabc\n!abc\nabc\n", 3},
        {"abcd", "!abc\n", 3},
        {"abc\r", "!abc\n", 3},
        {"a\nbb\n\nccccccccc\nd\n", "a\n!b\n\n!c\nd\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_lines(cases[i].file, strlen(cases[i].file), cases[i].line_max, cases[i].lines,
                     strlen(cases[i].lines));
}

static void test_nul_bytes_are_data(void **state)
{
    assert_lines("a\0b\n\0", 5, 100, "a\0b\n\0\n", 6);
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A file of lines of which most are short and some longer than windows and buffers. */
static void random_file(uint64_t *seed, struct sl_buf *file, size_t size)
{
    while (file->len < size) {
        uint64_t kind = next_random(seed) % 200;
        size_t len = (size_t)(next_random(seed) % (kind == 0   ? 400000
                                                   : kind < 5  ? 70000
                                                   : kind < 50 ? 200
                                                               : 12));
        assert_true(sl_buf_reserve(file, len + 2));
        for (size_t i = 0; i < len; i++)
            file->bytes[file->len++] = "abc\r\xC3"[next_random(seed) % 5];
        if (kind % 2)
            file->bytes[file->len++] = '\r';
        file->bytes[file->len++] = '\n';
    }
    file->len -= next_random(seed) % 3;
}

/* The oracle: the same contract in the simplest way there is. */
static void expected_lines(const struct sl_buf *file, uint64_t line_max, struct sl_buf *ret)
{
    const uint8_t *p = file->bytes, *end = p + file->len;
    while (p < end) {
        const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((newline ? newline : end) - p);
        size_t shown = len - (newline && len && p[len - 1] == '\r');
        bool long_line = shown > line_max;
        if (long_line)
            shown = line_max < SL_REJECTED_RECORD_BYTES_MAX ? line_max : SL_REJECTED_RECORD_BYTES_MAX;
        assert_true((!long_line || sl_buf_byte(ret, '!')) && sl_buf_append(ret, p, shown) &&
                    sl_buf_byte(ret, '\n'));
        p += len + (newline != NULL);
    }
}

static void test_split_anywhere_gives_the_same_lines(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    for (int round = 0; round < 12; round++) {
        struct sl_buf file, expected;
        struct record r;
        sl_buf_init(&file);
        sl_buf_init(&expected);
        record_init(&r);
        uint64_t line_max = round % 3 == 0 ? 100 : round % 3 == 1 ? 100000 : SL_RECORD_BYTES_DEFAULT;
        random_file(&seed, &file, round % 2 ? 2000 : 1 << 20);
        expected_lines(&file, line_max, &expected);
        int fd = file_of(file.bytes, file.len);
        int64_t size = (int64_t)file.len, from = 0;
        while (from < size) {
            int64_t most = round % 2 ? 40 : 300000;
            int64_t to = from + 1 + (int64_t)(next_random(&seed) % (uint64_t)most);
            to = to < size ? to : size;
            assert_int_equal(read_split(&r, fd, from, to, size, line_max), 0);
            from = to;
        }
        assert_int_equal(r.text.len, expected.len);
        assert_memory_equal(r.text.bytes, expected.bytes, expected.len);
        close(fd);
        record_done(&r);
        sl_buf_done(&file);
        sl_buf_done(&expected);
    }
}

static void test_a_split_may_end_within_the_bom(void **state)
{
    static const char text[] = "\xEF\xBB\xBF\nab\n", expected[] = "\nab\n";
    int64_t size = sizeof text - 1;
    int fd = file_of(text, sizeof text - 1);
    for (int64_t cut = 0; cut <= size; cut++) {
        struct record r;
        record_init(&r);
        assert_int_equal(cut ? read_split(&r, fd, 0, cut, size, 100) : 0, 0);
        assert_int_equal(cut < size ? read_split(&r, fd, cut, size, size, 100) : 0, 0);
        assert_int_equal(r.text.len, sizeof expected - 1);
        assert_memory_equal(r.text.bytes, expected, sizeof expected - 1);
        record_done(&r);
    }
    close(fd);
}

/* A stream that gives a few bytes at a time. */
struct dribble {
    struct sl_byte_stream stream;
    const struct sl_buf *from;
    size_t at;
    uint64_t seed;
};

static ssize_t dribble_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct dribble *d = (struct dribble *)stream;
    size_t left = d->from->len - d->at, n = 1 + next_random(&d->seed) % 5000;
    n = n < size ? n : size;
    n = n < left ? n : left;
    memcpy(buf, d->from->bytes + d->at, n);
    d->at += n;
    return (ssize_t)n;
}

static void test_a_stream_gives_the_lines_of_the_file(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    struct sl_buf file, expected;
    struct record r;
    sl_buf_init(&file);
    sl_buf_init(&expected);
    record_init(&r);
    random_file(&seed, &file, 1 << 20);
    expected_lines(&file, 50000, &expected);
    struct dribble dribble = {.stream = {.read = dribble_read}, .from = &file, .seed = seed};
    const struct sl_lines lines = {.path = "x", .record_bytes_max = 50000, .node = 7, .origin = &r.origin};
    uint64_t count;
    assert_int_equal(sl_lines_read_stream(&lines, &dribble.stream, &r.task, &r.outlet, &count), 0);
    assert_int_equal(count, r.lines);
    assert_int_equal(r.text.len, expected.len);
    assert_memory_equal(r.text.bytes, expected.bytes, expected.len);
    record_done(&r);
    sl_buf_done(&file);
    sl_buf_done(&expected);
}

static void test_all_ways_to_find_newlines_agree(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    sl_newlines_fn *fastest = sl_newlines_fastest();
    uint32_t a[300 + SL_NEWLINES_SLACK], b[300 + SL_NEWLINES_SLACK];
    for (int round = 0; round < 20000; round++) {
        uint32_t len = (uint32_t)(next_random(&seed) % 300),
                 density = 1 + (uint32_t)(next_random(&seed) % 20);
        uint32_t most = 1 + (uint32_t)(next_random(&seed) % 300);
        uint8_t *bytes = malloc(len + 1); /* its own size: reading beyond it is caught */
        assert_non_null(bytes);
        for (uint32_t i = 0; i < len; i++)
            bytes[i] = next_random(&seed) % density ? '\x0B' : '\n';
        uint32_t count = sl_newlines_portable(bytes, len, a, most);
        assert_int_equal(fastest(bytes, len, b, most), count);
        assert_memory_equal(a, b, count * sizeof *a);
        free(bytes);
    }
}

static void test_a_chunk_holds_about_64_kib_of_lines(void **state)
{
    struct sl_buf file;
    struct record r;
    sl_buf_init(&file);
    record_init(&r);
    for (int i = 0; i < 8192; i++)
        assert_true(sl_buf_printf(&file, "%0127d\n", i));
    int fd = file_of(file.bytes, file.len);
    assert_int_equal(read_split(&r, fd, 0, (int64_t)file.len, (int64_t)file.len, 1000), 0);
    assert_in_range(r.chunk_bytes_max, 60 << 10, 65 << 10);
    assert_in_range(r.chunks, 16, 24);
    close(fd);
    record_done(&r);
    sl_buf_done(&file);
}

static void test_the_limit_is_named(void **state)
{
    struct record r;
    record_init(&r);
    int fd = file_of("too long\n", 9);
    assert_int_equal(read_split(&r, fd, 0, 9, 9, 5), 0);
    assert_string_equal(r.message, "line of more than 5 bytes (maxRecordBytes)");
    close(fd);
    record_done(&r);
}

/* A line far beyond the limit is not kept in memory, and the lines behind it are read. */
static void test_the_rest_of_a_long_line_is_skipped(void **state)
{
    size_t len = 3 << 20;
    struct record r;
    record_init(&r);
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    memcpy(bytes + len - 4, "\nyz\n", 4);
    int fd = file_of(bytes, len);
    assert_int_equal(read_split(&r, fd, 0, (int64_t)len, (int64_t)len, 1000), 0);
    assert_int_equal(r.lines, 2);
    assert_int_equal(r.text.len, 1 + 1000 + 1 + 3);
    close(fd);
    free(bytes);
    record_done(&r);
}

static void test_a_file_that_shrank_is_a_failure(void **state)
{
    struct record r;
    record_init(&r);
    int fd = file_of("a\nb\n", 4);
    assert_int_equal(read_split(&r, fd, 0, 10, 10, 100), SL_EFAIL);
    assert_string_equal(r.err.text, "in/a.log: shrank from 10 to 4 bytes while it was read");
    close(fd);
    record_done(&r);
}

static void test_bytes_behind_the_size_are_not_read(void **state)
{
    struct record r;
    record_init(&r);
    int fd = file_of("a\nbcd\ne\n", 8);
    assert_int_equal(read_split(&r, fd, 0, 4, 4, 100), 0);
    assert_int_equal(r.text.len, 5);
    assert_memory_equal(r.text.bytes, "a\nbc\n", 5);
    close(fd);
    record_done(&r);
}

static void test_reading_stops_when_it_is_told_to(void **state)
{
    struct record r;
    record_init(&r);
    char *bytes = calloc(1, 1 << 20);
    assert_non_null(bytes);
    memset(bytes, '\n', 1 << 20);
    int fd = file_of(bytes, 1 << 20);
    r.stops_after_push = true;
    assert_int_equal(read_split(&r, fd, 0, 1 << 20, 1 << 20, 100), SL_ESTOP);
    assert_int_equal(r.chunks, 1);
    close(fd);
    free(bytes);
    record_done(&r);
}

static void test_a_failed_read_names_the_file(void **state)
{
    struct record r;
    record_init(&r);
    assert_int_equal(read_split(&r, -1, 0, 10, 10, 100), SL_EFAIL);
    assert_non_null(strstr(r.err.text, "in/a.log"));
    record_done(&r);
}

/* A system in which the call number `fails_at` fails. */
struct faulty_io {
    struct sl_io io;
    int calls, fails_at;
};

static ssize_t faulty_pread(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    struct faulty_io *faulty = (struct faulty_io *)io;
    if (++faulty->calls != faulty->fails_at)
        return pread(fd, buf, size, offset);
    errno = EIO;
    return -1;
}

static void test_any_read_may_fail(void **state)
{
    static const struct sl_io_ops ops = {.pread = faulty_pread};
    enum { SIZE = 1 << 20 };
    int result = SL_EFAIL, fails_at = 0;
    char *bytes = calloc(1, SIZE);
    assert_non_null(bytes);
    int fd = file_of(bytes, SIZE);
    while (result == SL_EFAIL) {
        struct record r;
        record_init(&r);
        struct faulty_io faulty = {{&ops}, 0, ++fails_at};
        const struct sl_lines lines = {
            .io = &faulty.io, .fd = fd, .path = "x", .to = SIZE, .size = SIZE, .record_bytes_max = SIZE};
        uint64_t count = 99;
        r.chunk_is_bare = true;
        result = sl_lines_read(&lines, &r.task, &r.outlet, &count);
        assert_int_equal(result == SL_EFAIL ? r.err.sys : EIO, EIO);
        assert_int_equal(count, result == SL_EFAIL ? 99 : 1); /* written on success only */
        record_done(&r);
    }
    assert_int_equal(result, 0);
    assert_in_range(fails_at, 4, 12);
    close(fd);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_cut_as_the_contract_says),
        cmocka_unit_test(test_nul_bytes_are_data),
        cmocka_unit_test(test_split_anywhere_gives_the_same_lines),
        cmocka_unit_test(test_a_split_may_end_within_the_bom),
        cmocka_unit_test(test_a_stream_gives_the_lines_of_the_file),
        cmocka_unit_test(test_all_ways_to_find_newlines_agree),
        cmocka_unit_test(test_a_chunk_holds_about_64_kib_of_lines),
        cmocka_unit_test(test_the_limit_is_named),
        cmocka_unit_test(test_the_rest_of_a_long_line_is_skipped),
        cmocka_unit_test(test_a_file_that_shrank_is_a_failure),
        cmocka_unit_test(test_bytes_behind_the_size_are_not_read),
        cmocka_unit_test(test_reading_stops_when_it_is_told_to),
        cmocka_unit_test(test_a_failed_read_names_the_file),
        cmocka_unit_test(test_any_read_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
