#include "text/decompress.h"

#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

/* ---- making compressed files ---- */

static void add_gzip(struct sl_buf *file, const void *bytes, size_t len)
{
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&zlib, len) + 64;
    assert_true(sl_buf_reserve(file, room));
    zlib.next_in = (Bytef *)(uintptr_t)bytes;
    zlib.avail_in = (uInt)len;
    zlib.next_out = file->bytes + file->len;
    zlib.avail_out = (uInt)room;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    file->len += room - zlib.avail_out;
    deflateEnd(&zlib);
}

static void add_zstd(struct sl_buf *file, const void *bytes, size_t len)
{
    size_t room = ZSTD_compressBound(len);
    assert_true(sl_buf_reserve(file, room));
    size_t size = ZSTD_compress(file->bytes + file->len, room, bytes, len, 3);
    assert_false(ZSTD_isError(size));
    file->len += size;
}

static void add(const char *path, struct sl_buf *file, const void *bytes, size_t len)
{
    if (strstr(path, ".gz"))
        add_gzip(file, bytes, len);
    else
        add_zstd(file, bytes, len);
}

static int file_of(const struct sl_buf *file)
{
    int fd = memfd_create("packed", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file->bytes, file->len), file->len);
    return fd;
}

/* Reads everything in pieces of `step`; returns 0 or the failure. */
static int unpack(const char *path, const struct sl_buf *file, size_t step, struct sl_buf *ret,
                  bool *ret_garbage, struct sl_error *err)
{
    struct sl_byte_stream *stream;
    int fd = file_of(file);
    ssize_t got;
    assert_int_equal(sl_decompress_open(&sl_io_system, fd, path, (int64_t)file->len, &stream, err), 0);
    do {
        assert_true(sl_buf_reserve(ret, step));
        got = stream->read(stream, ret->bytes + ret->len, step, err);
        ret->len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    *ret_garbage = sl_decompress_garbage(stream);
    stream->close(stream);
    close(fd);
    return (int)got;
}

static void assert_unpacks(const char *path, const struct sl_buf *file, const struct sl_buf *expected,
                           bool garbage)
{
    static const size_t steps[] = {1 << 18, 1000, 7};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct sl_buf got;
        struct sl_error err;
        bool found_garbage;
        sl_buf_init(&got);
        if (unpack(path, file, steps[i], &got, &found_garbage, &err) != 0)
            fail_msg("%s", err.text);
        assert_int_equal(got.len, expected->len);
        assert_memory_equal(got.bytes, expected->bytes, got.len);
        assert_int_equal(found_garbage, garbage);
        sl_buf_done(&got);
    }
}

static void assert_fails(const char *path, const struct sl_buf *file, const char *expected)
{
    struct sl_buf got;
    struct sl_error err = {0};
    bool garbage;
    sl_buf_init(&got);
    assert_int_equal(unpack(path, file, 4096, &got, &garbage, &err), SL_EFAIL);
    if (!strstr(err.text, path) || !strstr(err.text, expected))
        fail_msg("'%s', expected '%s'", err.text, expected);
    sl_buf_done(&got);
}

static const char *const paths[] = {"in/a.gz", "in/a.zst"};
enum { KINDS = 2 };

/* ---- tests ---- */

static void test_names_say_what_is_compressed(void **state)
{
    assert_true(sl_name_is_compressed("a.log.gz"));
    assert_true(sl_name_is_compressed("in/a.zst"));
    assert_false(sl_name_is_compressed("a.log"));
    assert_false(sl_name_is_compressed("gz"));
    assert_false(sl_name_is_compressed(".gz"));
    assert_false(sl_name_is_compressed("a.GZ"));
    assert_false(sl_name_is_compressed("a.gz.1"));
}

static void test_all_members_are_read(void **state)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct sl_buf text, file;
        sl_buf_init(&text);
        sl_buf_init(&file);
        for (int i = 0; i < 30; i++) {
            size_t from = text.len;
            for (int k = 0; k < i * i * 10; k++)
                assert_true(sl_buf_printf(&text, "line %d of %d\n", k * 7919 % 1000, i));
            add(paths[kind], &file, text.bytes + from, text.len - from);
        }
        assert_unpacks(paths[kind], &file, &text, false);
        sl_buf_done(&text);
        sl_buf_done(&file);
    }
}

static void test_an_empty_text_is_empty(void **state)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct sl_buf none, file;
        sl_buf_init(&none);
        sl_buf_init(&file);
        assert_true(sl_buf_reserve(&none, 1));
        add(paths[kind], &file, "", 0);
        assert_unpacks(paths[kind], &file, &none, false);
        sl_buf_done(&none);
        sl_buf_done(&file);
    }
}

static void test_garbage_behind_gzip_is_noted(void **state)
{
    static const char *const garbage[] = {"\x1f", "x", "garbage of some length", "\x1fx"};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct sl_buf text, file;
        sl_buf_init(&text);
        sl_buf_init(&file);
        assert_true(sl_buf_text(&text, "hello\n"));
        add_gzip(&file, "hello\n", 6);
        assert_true(sl_buf_text(&file, garbage[i]));
        assert_unpacks("in/a.gz", &file, &text, true);
        sl_buf_done(&text);
        sl_buf_done(&file);
    }
}

/* Cut anywhere, a file never passes for a whole one. */
static void test_truncated_files_are_failures_wherever_they_end(void **state)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct sl_buf file;
        sl_buf_init(&file);
        add(paths[kind], &file, "some text that is compressed, some text", 39);
        for (struct sl_buf cut = file; cut.len-- > 0;)
            assert_fails(paths[kind], &cut, "unpacking");
        file.len--;
        assert_fails(paths[kind], &file, "truncated: it ends at offset");
        sl_buf_done(&file);
    }
}

static void test_damage_is_a_failure_with_its_place(void **state)
{
    struct sl_buf file;
    sl_buf_init(&file);
    add_gzip(&file, "some text that is compressed", 28);
    file.bytes[file.len - 6] ^= 1; /* of the checksum */
    assert_fails("in/a.gz", &file, "damaged at offset");
    file.bytes[2] = 99;
    assert_fails("in/a.gz", &file, "damaged at offset");
    file.bytes[0] = 'x';
    assert_fails("in/a.gz", &file, "no gzip data");
    assert_fails("in/a.zst", &file, "damaged before offset");
    sl_buf_done(&file);
}

static void test_a_file_that_shrank_is_a_failure(void **state)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct sl_byte_stream *stream;
        struct sl_error err;
        struct sl_buf file;
        char text[64];
        sl_buf_init(&file);
        add(paths[kind], &file, "x", 1);
        int fd = file_of(&file);
        assert_int_equal(
            sl_decompress_open(&sl_io_system, fd, paths[kind], (int64_t)file.len + 5, &stream, &err), 0);
        assert_int_equal(stream->read(stream, text, sizeof text, &err), SL_EFAIL);
        assert_non_null(strstr(err.text, "shrank"));
        stream->close(stream);
        close(fd);
        sl_buf_done(&file);
    }
}

/* 1.5 GiB of zeros in 50 kB: read on until the limit, keeping nothing. */
static void test_growth_has_a_limit(void **state)
{
    enum { ZEROS = 64 << 20, COPIES = 24 };
    struct sl_buf file, bomb;
    struct sl_byte_stream *stream;
    struct sl_error err = {0};
    char *bytes = calloc(1, ZEROS);
    assert_non_null(bytes);
    sl_buf_init(&file);
    sl_buf_init(&bomb);
    add_zstd(&file, bytes, ZEROS);
    for (int i = 0; i < COPIES; i++)
        assert_true(sl_buf_append(&bomb, file.bytes, file.len));
    int fd = file_of(&bomb);
    assert_int_equal(sl_decompress_open(&sl_io_system, fd, "in/bomb.zst", (int64_t)bomb.len, &stream, &err),
                     0);
    ssize_t got;
    uint64_t all = 0;
    do {
        got = stream->read(stream, bytes, 1 << 20, &err);
        all += got > 0 ? (uint64_t)got : 0;
    } while (got > 0);
    assert_int_equal(got, SL_EFAIL);
    assert_non_null(strstr(err.text, "grown beyond 1 GiB and 1000 times its size"));
    assert_in_range(all, 1u << 30, (1u << 30) + (2u << 20));
    stream->close(stream);
    close(fd);
    free(bytes);
    sl_buf_done(&file);
    sl_buf_done(&bomb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_say_what_is_compressed),
        cmocka_unit_test(test_all_members_are_read),
        cmocka_unit_test(test_an_empty_text_is_empty),
        cmocka_unit_test(test_garbage_behind_gzip_is_noted),
        cmocka_unit_test(test_truncated_files_are_failures_wherever_they_end),
        cmocka_unit_test(test_damage_is_a_failure_with_its_place),
        cmocka_unit_test(test_a_file_that_shrank_is_a_failure),
        cmocka_unit_test(test_growth_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
