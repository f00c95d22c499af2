/* A growing buffer; bytes made safe for terminals. */
#include "core/base/buf.h"

#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void check(struct sl_buf *buf, const char *expected, size_t len)
{
    assert_int_equal(buf->len, len);
    assert_memory_equal(buf->bytes, expected, len);
    sl_buf_done(buf);
}

static void test_buf_grows_and_keeps_what_it_had(void **state)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    for (unsigned i = 0; i < 10000; i++)
        assert_true(sl_buf_byte(&buf, (uint8_t)(i * 7)));
    assert_true(sl_buf_append(&buf, NULL, 0));
    assert_int_equal(buf.len, 10000);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(buf.bytes[i], (uint8_t)(i * 7));
    sl_buf_done(&buf);
    assert_null(buf.bytes);
}

static void test_buf_refuses_room_that_overflows(void **state)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    assert_true(sl_buf_text(&buf, "kept"));
    assert_false(sl_buf_reserve(&buf, SIZE_MAX));
    assert_false(sl_buf_reserve(&buf, SIZE_MAX / 2));
    check(&buf, "kept", 4);
}

static void test_buf_that_failed_once_says_so_at_the_end(void **state)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0}, whole = {0};
    assert_true(sl_buf_text(&buf, "{"));
    assert_false(buf.failed);
    assert_false(sl_buf_reserve(&buf, SIZE_MAX));
    assert_true(sl_buf_text(&buf, "}"));
    assert_true(buf.failed);
    sl_buf_depends(&whole, &buf);
    assert_true(whole.failed);
    sl_buf_clear(&buf);
    assert_false(buf.failed);
    assert_int_equal(buf.len, 0);
}

static void test_buf_path_replaces_what_was_there_and_ends_with_nul(void **state)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    assert_string_equal(sl_buf_path(&buf, "%s/state", "checkpoint"), "checkpoint/state");
    assert_false(sl_buf_reserve(&buf, SIZE_MAX));
    assert_string_equal(sl_buf_path(&buf, "%s/%d", "d", 7), "d/7");
    assert_int_equal(buf.len, sizeof "d/7");
    assert_false(buf.failed);
    sl_buf_fail(&buf);
    assert_true(buf.failed);
}

static void test_buf_formats_at_every_fill(void **state)
{
    for (size_t fill = 240; fill < 270; fill++) {
        struct sl_buf buf;
        char expected[300];
        sl_buf_init(&buf);
        memset(expected, 'x', fill);
        memcpy(expected + fill, "12:abc", 7);
        for (size_t i = 0; i < fill; i++)
            assert_true(sl_buf_byte(&buf, 'x'));
        assert_true(sl_buf_printf(&buf, "%d:%s", 12, "abc"));
        check(&buf, expected, fill + 6);
    }
}

static void test_buf_writes_every_integer(void **state)
{
    const int64_t cases[] = {0, 1, -1, 9, 10, -10, 1234567890123, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_buf buf;
        char expected[32];
        int len = snprintf(expected, sizeof expected, "%" PRId64, cases[i]);
        sl_buf_init(&buf);
        assert_true(sl_buf_integer(&buf, cases[i]));
        check(&buf, expected, (size_t)len);
    }
}

#define CASE(from, to)                                                                                       \
    {                                                                                                        \
        from, sizeof(from) - 1, to                                                                           \
    }

static void test_buf_safe_lets_nothing_through_that_moves_a_terminal(void **state)
{
    const struct {
        const char *from;
        size_t len;
        const char *to;
    } cases[] = {
        CASE("", ""),
        CASE("plain text ~", "plain text ~"),
        CASE("tab\tnewline\nreturn\r", "tab\\x09newline\\x0Areturn\\x0D"),
        CASE("\x1b[31mred", "\\x1B[31mred"),
        CASE("nul\0end", "nul\\x00end"),
        CASE("\x7f", "\\x7F"),
        CASE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9f",
             "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9f"),
        CASE("\xc2\x9b"
             "31m",
             "\\xC2\\x9B31m"),                   /* CSI as a C1 control */
        CASE("\xc2\xa0", "\xc2\xa0"),            /* the first that is none */
        CASE("\xc0\xaf", "\\xC0\\xAF"),          /* overlong */
        CASE("\xe0\x80\xaf", "\\xE0\\x80\\xAF"), /* overlong */
        CASE("\xf0\x80\x80\xaf", "\\xF0\\x80\\x80\\xAF"),
        CASE("\xed\xa0\x80", "\\xED\\xA0\\x80"),          /* a surrogate */
        CASE("\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"), /* beyond Unicode */
        CASE("\xf8\x88\x80\x80\x80", "\\xF8\\x88\\x80\\x80\\x80"),
        CASE("\xff\xfe", "\\xFF\\xFE"),
        CASE("a\xe2\x80\xae"
             "b\xe2\x81\xa6\xd8\x9c",
             "a\\xE2\\x80\\xAEb\\xE2\\x81\\xA6\\xD8\\x9C"),              /* order of text */
        CASE("\xe2\x80\x8d\xef\xbb\xbf", "\xe2\x80\x8d\\xEF\\xBB\\xBF"), /* a joiner is seen, a mark is not */
        CASE("\xe2\x82", "\\xE2\\x82"),                                  /* cut */
        CASE("\xe2\x82z", "\\xE2\\x82z"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_buf buf;
        sl_buf_init(&buf);
        assert_true(sl_buf_reserve(&buf, 1));
        assert_true(sl_buf_safe(&buf, cases[i].from, cases[i].len));
        check(&buf, cases[i].to, strlen(cases[i].to));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_grows_and_keeps_what_it_had),
        cmocka_unit_test(test_buf_refuses_room_that_overflows),
        cmocka_unit_test(test_buf_that_failed_once_says_so_at_the_end),
        cmocka_unit_test(test_buf_path_replaces_what_was_there_and_ends_with_nul),
        cmocka_unit_test(test_buf_formats_at_every_fill),
        cmocka_unit_test(test_buf_writes_every_integer),
        cmocka_unit_test(test_buf_safe_lets_nothing_through_that_moves_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
