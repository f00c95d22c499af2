#include "text/format.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct sl_field str(const char *text)
{
    return sl_string(text, strlen(text));
}

/* The format's bytes for one row. */
static void assert_row(const char *format_name, const struct sl_field *fields, uint32_t width,
                       const char *expected)
{
    const struct sl_format *format = sl_format_find(format_name, strlen(format_name));
    assert_non_null(format);
    struct sl_chunk chunk = {.rows = 1, .width = width};
    for (uint32_t c = 0; c < width; c++)
        chunk.column[c] = &fields[c];
    struct sl_buf buf;
    uint64_t replaced = 0;
    sl_buf_init(&buf);
    assert_true(format->rows(&buf, &chunk, &replaced));
    if (buf.len != strlen(expected) || memcmp(buf.bytes, expected, buf.len) != 0)
        fail_msg("%s: '%.*s', expected '%s'", format_name, (int)buf.len, (const char *)buf.bytes, expected);
    sl_buf_done(&buf);
}

/* One value, alone in its row, in every format. */
static void test_every_value_has_its_text_in_every_format(void **state)
{
    const struct sl_field items[] = {sl_integer(1), str("x"), sl_nil()};
    const struct sl_field pairs[] = {str("a"), sl_list(NULL, 0), str("b"), sl_boolean(false)};
    const struct {
        struct sl_field field;
        const char *tsv, *csv, *json, *spark, *python;
    } cases[] = {
        {sl_nil(), "\\N\n", "\n", "null\n", "null\n", "None\n"},
        {sl_boolean(true), "true\n", "true\n", "true\n", "true\n", "True\n"},
        {sl_boolean(false), "false\n", "false\n", "false\n", "false\n", "False\n"},
        {sl_integer(-7), "-7\n", "-7\n", "-7\n", "-7\n", "-7\n"},
        {sl_number(2.5), "2.5\n", "2.5\n", "2.5\n", "2.5\n", "2.5\n"},
        {sl_number(1e22), "1e+22\n", "1e+22\n", "1e+22\n", "1.0E22\n", "1e+22\n"},
        {sl_number((double)NAN), "nan\n", "nan\n", "null\n", "NaN\n", "nan\n"},
        {sl_number(-(double)INFINITY), "-inf\n", "-inf\n", "null\n", "-Infinity\n", "-inf\n"},
        {str("plain"), "plain\n", "plain\n", "\"plain\"\n", "plain\n", "'plain'\n"},
        {str(""), "\n", "\"\"\n", "\"\"\n", "\n", "''\n"},
        {str("it's"), "it's\n", "it's\n", "\"it's\"\n", "it's\n", "\"it's\"\n"},
        {str("a,b"), "a,b\n", "\"a,b\"\n", "\"a,b\"\n", "a,b\n", "'a,b'\n"},
        {str("say \"hi\""), "say \"hi\"\n", "\"say \"\"hi\"\"\"\n", "\"say \\\"hi\\\"\"\n", "say \"hi\"\n",
         "'say \"hi\"'\n"},
        {str("both ' and \""), "both ' and \"\n", "\"both ' and \"\"\"\n", "\"both ' and \\\"\"\n",
         "both ' and \"\n", "'both \\' and \"'\n"},
        {str("tab\tline\nend\r\\"), "tab\\tline\\nend\\r\\\\\n", "\"tab\tline\nend\r\\\"\n",
         "\"tab\\tline\\nend\\r\\\\\"\n", "tab\tline\nend\r\\\n", "'tab\\tline\\nend\\r\\\\'\n"},
        {str("\\N"), "\\\\N\n", "\"\\N\"\n", "\"\\\\N\"\n", "\\N\n", "'\\\\N'\n"},
        {str("\x01\x1f\x7f"), "\x01\x1f\x7f\n", "\x01\x1f\x7f\n", "\"\\u0001\\u001f\x7f\"\n",
         "\x01\x1f\x7f\n", "'\\x01\\x1f\\x7f'\n"},
        {str("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80"), "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80\n",
         "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80\n", "\"na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80\"\n",
         "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80\n", "'na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80'\n"},
        {str("\xC2\xA0\xE2\x80\x8B"), "\xC2\xA0\xE2\x80\x8B\n", "\xC2\xA0\xE2\x80\x8B\n",
         "\"\xC2\xA0\xE2\x80\x8B\"\n", "\xC2\xA0\xE2\x80\x8B\n", "'\\xa0\\u200b'\n"},
        {str("\xFF\xE2\x82z"), "\xFF\xE2\x82z\n", "\xFF\xE2\x82z\n", "\"\xEF\xBF\xBD\xEF\xBF\xBDz\"\n",
         "\xFF\xE2\x82z\n", "'\\xff\\xe2\\x82z'\n"},
        {sl_list(items, 3), "[1,\"x\",null]\n", "\"[1,\"\"x\"\",null]\"\n", "[1,\"x\",null]\n",
         "List(1, x, null)\n", "[1, 'x', None]\n"},
        {sl_list(NULL, 0), "[]\n", "[]\n", "[]\n", "List()\n", "[]\n"},
        {sl_map(pairs, 2), "{\"a\":[],\"b\":false}\n", "\"{\"\"a\"\":[],\"\"b\"\":false}\"\n",
         "{\"a\":[],\"b\":false}\n", "Map(a -> List(), b -> false)\n", "{'a': [], 'b': False}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_row("tsv", &cases[i].field, 1, cases[i].tsv);
        assert_row("csv", &cases[i].field, 1, cases[i].csv);
        assert_row("json", &cases[i].field, 1, cases[i].json);
        assert_row("spark", &cases[i].field, 1, cases[i].spark);
        assert_row("python", &cases[i].field, 1, cases[i].python);
    }
}

static void test_rows_of_several_fields_are_joined(void **state)
{
    const struct sl_field fields[] = {str("a"), sl_integer(1), sl_nil()};
    assert_row("tsv", fields, 3, "a\t1\t\\N\n");
    assert_row("csv", fields, 3, "a,1,\n");
    assert_row("json", fields, 3, "[\"a\",1,null]\n");
    assert_row("spark", fields, 3, "(a,1,null)\n");
    assert_row("python", fields, 3, "('a', 1, None)\n");
}

static void test_spark_prints_doubles_as_java_does(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0.0, "0.0\n"},
        {-0.0, "-0.0\n"},
        {1.0, "1.0\n"},
        {0.001, "0.001\n"},
        {0.00123, "0.00123\n"},
        {0.0009, "9.0E-4\n"},
        {9999999.0, "9999999.0\n"},
        {1e7, "1.0E7\n"},
        {12345678.9, "1.23456789E7\n"},
        {100.0 / 3, "33.333333333333336\n"},
        {-1.5e-10, "-1.5E-10\n"},
        {1234.5, "1234.5\n"},
        {100.0, "100.0\n"},
        {0.5, "0.5\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_field field = sl_number(cases[i].number);
        assert_row("spark", &field, 1, cases[i].text);
    }
}

static void test_lines_are_raw(void **state)
{
    const struct sl_field cases[] = {str("a\tb\\ \xFF"), str(""), sl_integer(5), sl_nil()};
    assert_row("lines", &cases[0], 1, "a\tb\\ \xFF\n");
    assert_row("lines", &cases[1], 1, "\n");
    assert_row("lines", &cases[2], 1, "5\n");
    assert_row("lines", &cases[3], 1, "\\N\n");
    const struct sl_field items[] = {str("say \"so\"\t"), sl_integer(1)}, list = sl_list(items, 2);
    assert_row("lines", &list, 1, "[\"say \\\"so\\\"\\t\",1]\n");
    assert_true(sl_format_find("lines", 5)->one_field);
}

static void test_tsv_escapes_nul(void **state)
{
    const struct sl_field field = sl_string("a\0b", 3);
    assert_row("tsv", &field, 1, "a\\0b\n");
}

/* Every byte at every place of a string longer than a word: what one wide compare misses shows here. */
static void test_tsv_escapes_wherever_the_byte_stands(void **state)
{
    static const char special[] = "\t\n\r\\";
    static const char letter[] = "tnr\\";
    for (size_t len = 1; len < 40; len++)
        for (size_t at = 0; at < len; at++)
            for (size_t k = 0; k < 4; k++) {
                char text[64], expected[64];
                memset(text, 'x', len);
                text[at] = special[k];
                memcpy(expected, text, at);
                expected[at] = '\\';
                expected[at + 1] = letter[k];
                memset(expected + at + 2, 'x', len - at - 1);
                memcpy(expected + len + 1, "\n", 2);
                const struct sl_field field = sl_string(text, len);
                assert_row("tsv", &field, 1, expected);
            }
}

static void test_invalid_utf8_in_json_is_counted(void **state)
{
    const struct sl_field fields[] = {str("ok \xC3\xA9"), str("\xFF"), str("\xE2\x82 \xED\xA0\x80")};
    const struct sl_chunk chunk = {.rows = 3, .width = 1, .column = {fields}};
    struct sl_buf buf;
    uint64_t replaced = 2;
    sl_buf_init(&buf);
    assert_true(sl_format_find("json", 4)->rows(&buf, &chunk, &replaced));
    assert_int_equal(replaced, 2 + 1 + 1 + 3);
    sl_buf_done(&buf);
}

static void test_formats_are_found_by_whole_name(void **state)
{
    for (const struct sl_format *const *format = sl_formats; *format; format++) {
        assert_ptr_equal(sl_format_find((*format)->name, strlen((*format)->name)), *format);
        assert_true(strlen((*format)->summary) > 0);
    }
    assert_null(sl_format_find("ts", 2));
    assert_null(sl_format_find("tsvx", 4));
    assert_null(sl_format_find("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value_has_its_text_in_every_format),
        cmocka_unit_test(test_rows_of_several_fields_are_joined),
        cmocka_unit_test(test_spark_prints_doubles_as_java_does),
        cmocka_unit_test(test_lines_are_raw),
        cmocka_unit_test(test_tsv_escapes_nul),
        cmocka_unit_test(test_tsv_escapes_wherever_the_byte_stands),
        cmocka_unit_test(test_invalid_utf8_in_json_is_counted),
        cmocka_unit_test(test_formats_are_found_by_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
