#include "text/json_pick.h"

#include "text/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATHS_MAX = 8 };

static struct sl_json_step key(const char *name)
{
    return (struct sl_json_step){.is_key = true, .key = sl_string(name, strlen(name))};
}

static struct sl_json_step at(uint32_t index)
{
    return (struct sl_json_step){.index = index};
}

/* a, a.b, [1], [1].b, b[0].c, long name */
static void make_paths(struct sl_json_paths *paths, struct sl_arena *arena)
{
    const struct sl_json_step path[][3] = {
        {key("a")},        {key("a"), key("b")},        {at(1)},
        {at(1), key("b")}, {key("b"), at(0), key("c")}, {key("a name of more than sixteen bytes")}};
    static const uint32_t steps[] = {1, 2, 1, 2, 3, 1};
    assert_true(sl_json_paths_init(paths, arena));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_true(sl_json_paths_add(paths, path[i], steps[i]));
    assert_true(sl_json_paths_end(paths));
}

/* Returns whether values were picked. The bytes are an allocation of their own, so that reading too far is seen. */
static bool assert_agrees(const char *text, size_t len)
{
    struct sl_arena arena;
    struct sl_json_paths paths;
    struct sl_field value, want[PATHS_MAX], got[PATHS_MAX], portable[PATHS_MAX];
    const char *message;
    size_t place;
    bool is_map = false, is_map_portable = false;
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    copy = realloc(copy, len ? len : 1);
    sl_arena_init(&arena);
    make_paths(&paths, &arena);
    bool parsed = sl_json_parse(&arena, copy, len, &value, &message, &place) == 0;
    bool picked = sl_json_pick(&paths, &arena, copy, len, got, &is_map);
    if (picked != sl_json_pick_portable(&paths, &arena, copy, len, portable, &is_map_portable) ||
        (picked && !parsed))
        fail_msg("'%.*s': parsed %d, picked %d", (int)len, text, parsed, picked);
    if (picked) {
        sl_json_paths_follow(&paths, &value, want);
        for (uint32_t i = 0; i < paths.count; i++)
            if (!sl_field_looks_same(&want[i], &got[i]) || !sl_field_looks_same(&want[i], &portable[i]))
                fail_msg("'%.*s': path %u", (int)len, text, i);
        assert_int_equal(is_map, value.tag == SL_MAP);
        assert_int_equal(is_map_portable, is_map);
    }
    sl_arena_done(&arena);
    free(copy);
    return picked;
}

static const char *const texts[] = {
    "{\"a\": 1, \"b\": [{\"c\": \"x\"}]}",
    "{\"a\":{\"b\":2},\"x\":{\"a\":3,\"b\":[[],{}]}}",
    "{\"a\":{\"b\":2},\"a\":{}}",
    "{\"a\":{\"b\":2,\"b\":3},\"b\":[{\"c\":1}],\"b\":[{\"d\":1}]}",
    "{\"a\":{\"b\":2},\"a\":5}",
    "[0, {\"b\": true}, null]",
    "[[1,2],[3,4]]",
    "{\"a\":\"with \\\"escapes\\\" \\u0041 and more than sixteen bytes\",\"z\":\"\\n\"}",
    "{\"a name of more than sixteen bytes\": -1.5e3, \"b\": [ ], \"c\": { } , \"d\":0.25}",
    "  {\"skipped\":\"a string of more than thirty-two bytes, of which none is special\",\"a\":false} ",
    "\"a\"",
    "12",
    "[]",
    "{}",
};

static void test_values_at_paths_are_those_of_the_parsed_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!assert_agrees(texts[i], strlen(texts[i])))
            fail_msg("'%s' was not picked from", texts[i]);
}

static void test_what_it_does_not_read_is_left_to_the_parser(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",      "{\"\\u0061\":1}", "{\"a\":1",    "{\"a\":01}",       "{\"a\":1}x",       "{\"z\":\"\\x\"}",
        "[1,]",  "{\"z\":-}",       "{\"z\":nul}", "{\"z\":\"a\nb\"}", "{\"z\":1 2}",      "{\"z\" 1}",
        "{1:1}", "[\"a]",           "{\"z\":1.}",  "{\"z\":[}",        "{\"z\":\"\\ud8\"}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(assert_agrees(others[i], strlen(others[i])));
}

/* Every beginning of a text, and texts with some bytes changed: both ways and the parser agree. */
static void test_all_ways_agree_on_damaged_texts(void **state)
{
    (void)state;
    static const char bytes[] = "\"\\{}[],:01-.eatn \n\x1F";
    uint32_t random = 12345;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i]);
        for (size_t cut = 0; cut < len; cut++)
            assert_agrees(texts[i], cut);
        for (int round = 0; round < 3000; round++) {
            char changed[200];
            memcpy(changed, texts[i], len);
            for (int k = 0; k <= round % 3; k++) {
                random = random * 1664525 + 1013904223;
                changed[(random >> 8) % len] = bytes[(random >> 24) % (sizeof bytes - 1)];
            }
            assert_agrees(changed, len);
        }
    }
}

static void test_depth_has_the_parsers_limit(void **state)
{
    (void)state;
    char text[400];
    for (size_t depth = 60; depth < 70; depth++) {
        memcpy(text, "{\"a\":", 5);
        memset(text + 5, '[', depth);
        memset(text + 5 + depth, ']', depth);
        text[5 + 2 * depth] = '}';
        assert_agrees(text, 6 + 2 * depth);
        text[2] = 'q';
        assert_agrees(text, 6 + 2 * depth);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_at_paths_are_those_of_the_parsed_text),
        cmocka_unit_test(test_what_it_does_not_read_is_left_to_the_parser),
        cmocka_unit_test(test_all_ways_agree_on_damaged_texts),
        cmocka_unit_test(test_depth_has_the_parsers_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
