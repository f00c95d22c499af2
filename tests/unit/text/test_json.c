#include "text/json.h"

#include "core/base/limits.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Parses and writes again. The text lies in memory of its own size, so that reading beyond it is caught. */
static void assert_becomes(const char *text, const char *expected)
{
    size_t len = strlen(text), at = 0;
    char *bytes = malloc(len ? len : 1);
    assert_non_null(bytes);
    memcpy(bytes, text, len);
    struct sl_arena arena;
    struct sl_buf buf;
    struct sl_field value;
    const char *message = "";
    sl_arena_init(&arena);
    sl_buf_init(&buf);
    if (sl_json_parse(&arena, bytes, len, &value, &message, &at) < 0)
        fail_msg("'%s': %s at %zu", text, message, at);
    assert_true(sl_json_field(&buf, &value, NULL));
    if (buf.len != strlen(expected) || memcmp(buf.bytes, expected, buf.len) != 0)
        fail_msg("'%s' became '%.*s'", text, (int)buf.len, (const char *)buf.bytes);
    sl_buf_done(&buf);
    sl_arena_done(&arena);
    free(bytes);
}

static void test_values_are_read_and_written(void **state)
{
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"null", "null"},
        {" true ", "true"},
        {"\t\r\n false\n", "false"},
        {"0", "0"},
        {"-0", "0"},
        {"-12", "-12"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "9.223372036854776e+18"},
        {"1.0", "1.0"},
        {"-0.0", "-0.0"},
        {"1e2", "100.0"},
        {"1E-2", "0.01"},
        {"2.5e+3", "2500.0"},
        {"1e999", "null"},
        {"\"\"", "\"\""},
        {"\"plain text of some length\"", "\"plain text of some length\""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"a\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\"", "\"aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z\""},
        {"\"\\ud83d\\ud83d\\ude00\\ude00\\ud83dx\"",
         "\"\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD\xEF\xBF\xBDx\""},
        {"\"\\u0000\\u001f\"", "\"\\u0000\\u001f\""},
        {"[]", "[]"},
        {"[ ]", "[]"},
        {"{}", "{}"},
        {"{ }", "{}"},
        {"[1,[2,[]],{}]", "[1,[2,[]],{}]"},
        {" [ 1 , \"x\" , null ] ", "[1,\"x\",null]"},
        {"{\"b\":1,\"a\":{\"z\":[],\"y\":2}}", "{\"a\":{\"y\":2,\"z\":[]},\"b\":1}"},
        {"{\"k\":1,\"j\":0,\"k\":2,\"k\":3}", "{\"j\":0,\"k\":3}"},
        {"{\"a\\u0062\":1,\"ab\":2}", "{\"ab\":2}"},
        {"[{\"a\":1},{\"a\":[{\"b\":{}}]}]", "[{\"a\":1},{\"a\":[{\"b\":{}}]}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_becomes(cases[i].text, cases[i].written);
}

static void test_what_is_no_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *message;
    } cases[] = {
        {"", 0, "the text ends where a value was expected"},
        {"  ", 2, "the text ends where a value was expected"},
        {"nul", 0, "a value was expected"},
        {"True", 0, "a value was expected"},
        {"1 2", 2, "something follows the value"},
        {"01", 1, "something follows the value"},
        {"-", 1, "a digit is missing in a number"},
        {"1.", 2, "a digit is missing in a number"},
        {"1e+", 3, "a digit is missing in a number"},
        {".5", 0, "a value was expected"},
        {"+1", 0, "a value was expected"},
        {"NaN", 0, "a value was expected"},
        {"\"abc", 4, "string without end"},
        {"\"abc\\", 4, "string without end"},
        {"\"abc\\\"", 6, "string without end"},
        {"\"a\nb\"", 2, "control character in a string"},
        {"\"\\x\"", 1, "unknown escape in a string"},
        {"\"\\u12g4\"", 3, "\\u without four hexadecimal digits"},
        {"\"\\u12", 3, "\\u without four hexadecimal digits"},
        {"[1", 2, "',' or ']' was expected"},
        {"[1}", 2, "',' or ']' was expected"},
        {"[1,]", 3, "a value was expected"},
        {"[,1]", 1, "a value was expected"},
        {"{\"a\" 1}", 5, "':' was expected"},
        {"{\"a\":1,}", 7, "a key was expected"},
        {"{a:1}", 1, "a key was expected"},
        {"{1:1}", 1, "a key was expected"},
        {"{\"a\":1", 6, "',' or '}' was expected"},
        {"{\"a\":}", 5, "a value was expected"},
        {"]", 0, "a value was expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_arena arena;
        struct sl_field value;
        const char *message = "";
        size_t at = SIZE_MAX;
        sl_arena_init(&arena);
        if (sl_json_parse(&arena, cases[i].text, strlen(cases[i].text), &value, &message, &at) == 0)
            fail_msg("'%s' was taken", cases[i].text);
        if (at != cases[i].at || strcmp(message, cases[i].message) != 0)
            fail_msg("'%s': '%s' at %zu", cases[i].text, message, at);
        sl_arena_done(&arena);
    }
}

static bool parses_nested(size_t depth)
{
    char text[2 * SL_DEPTH_MAX + 10];
    struct sl_arena arena;
    struct sl_field value;
    const char *message;
    size_t at;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    sl_arena_init(&arena);
    bool parsed = sl_json_parse(&arena, text, 2 * depth, &value, &message, &at) == 0;
    sl_arena_done(&arena);
    return parsed;
}

static void test_depth_has_a_limit(void **state)
{
    assert_true(parses_nested(SL_DEPTH_MAX));
    assert_false(parses_nested(SL_DEPTH_MAX + 1));
}

static void test_strings_without_escapes_are_slices(void **state)
{
    static const char text[] = "[\"abc\", \"d\\n\"]";
    struct sl_arena arena;
    struct sl_field value;
    const char *message;
    size_t at;
    sl_arena_init(&arena);
    assert_int_equal(sl_json_parse(&arena, text, sizeof text - 1, &value, &message, &at), 0);
    assert_ptr_equal(value.items[0].str, text + 2);
    assert_int_equal(value.items[1].len, 2);
    assert_memory_equal(value.items[1].str, "d\n", 2);
    sl_arena_done(&arena);
}

static void test_maps_are_found_by_key(void **state)
{
    static const char text[] = "{\"c\":3,\"a\":1,\"b\":2,\"a\":4}";
    struct sl_arena arena;
    struct sl_field value;
    const char *message;
    size_t at;
    sl_arena_init(&arena);
    assert_int_equal(sl_json_parse(&arena, text, sizeof text - 1, &value, &message, &at), 0);
    assert_int_equal(value.len, 3);
    assert_int_equal(sl_map_get(&value, "a", 1)->integer, 4);
    assert_int_equal(sl_map_get(&value, "c", 1)->integer, 3);
    assert_null(sl_map_get(&value, "d", 1));
    sl_arena_done(&arena);
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Valid UTF-8, so that it comes back as it was. */
static struct sl_field random_string(struct sl_arena *arena, uint64_t *seed)
{
    static const char *const pieces[] = {
        "a", "\"", "\\", "\n", "\x01", "\xC3\xA9", "\xF0\x9F\x98\x80", "long enough for a word", "/", "\x7F"};
    uint8_t *bytes = sl_arena_bytes(arena, 400);
    size_t len = 0;
    assert_non_null(bytes);
    for (uint64_t i = next_random(seed) % 10; i; i--) {
        const char *piece = pieces[next_random(seed) % (sizeof pieces / sizeof *pieces)];
        memcpy(bytes + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return sl_string(bytes, len);
}

static struct sl_field random_value(struct sl_arena *arena, uint64_t *seed, int depth)
{
    uint64_t kind = next_random(seed) % (depth ? 7 : 5), count = next_random(seed) % 5;
    struct sl_field *items = sl_arena_alloc(arena, 10 * sizeof *items);
    assert_non_null(items);
    if (kind < 2)
        return kind ? sl_boolean(count & 1) : sl_nil();
    if (kind == 2)
        return sl_integer((int64_t)next_random(seed) >> (next_random(seed) % 64));
    if (kind == 3)
        return sl_number((double)(int64_t)next_random(seed) / (double)(1 + next_random(seed) % 1000));
    if (kind == 4)
        return random_string(arena, seed);
    bool is_map = kind == 6;
    for (uint64_t i = 0; i < count * (is_map ? 2 : 1); i++)
        items[i] = is_map && i % 2 == 0 ? random_string(arena, seed) : random_value(arena, seed, depth - 1);
    if (is_map && !sl_map_sort(items, count))
        return sl_nil();
    return is_map ? sl_map(items, count) : sl_list(items, count);
}

static void test_what_is_written_reads_back(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 3000; i++) {
        struct sl_arena arena;
        struct sl_buf buf;
        struct sl_field back;
        const char *message = "";
        size_t at = 0;
        sl_arena_init(&arena);
        sl_buf_init(&buf);
        struct sl_field value = random_value(&arena, &seed, 5);
        assert_true(sl_json_field(&buf, &value, NULL));
        if (sl_json_parse(&arena, buf.bytes, buf.len, &back, &message, &at) < 0)
            fail_msg("'%.*s': %s at %zu", (int)buf.len, (const char *)buf.bytes, message, at);
        assert_int_equal(sl_field_compare(&value, &back), 0);
        sl_buf_done(&buf);
        sl_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_read_and_written),
        cmocka_unit_test(test_what_is_no_json_is_refused_with_its_place),
        cmocka_unit_test(test_depth_has_a_limit),
        cmocka_unit_test(test_strings_without_escapes_are_slices),
        cmocka_unit_test(test_maps_are_found_by_key),
        cmocka_unit_test(test_what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
