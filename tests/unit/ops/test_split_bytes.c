/* The vector path of split gives what the plain one gives. */
#include "ops/builtin/split_bytes.h"
#include "tests/unit/ops/harness.h"

enum { ROWS_MAX = 200, TEXT_MAX = 300 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static char *cut(sl_split_bytes_fn *way, const struct sl_chunk *in)
{
    struct harness h;
    struct sl_builder builder;
    uint32_t row = 0;
    harness_init(&h);
    h.lines = in->line;
    sl_builder_init(&builder, &h.outlet);
    sl_builder_origin(&builder, in);
    assert_int_equal(way(in, ' ', &builder, &row), 0);
    assert_int_equal(row, in->rows);
    assert_int_equal(sl_builder_flush(&builder), 0);
    char *text = strdup(buf_string(&h.text));
    assert_non_null(text);
    sl_builder_done(&builder);
    harness_done(&h);
    return text;
}

/* Every text in memory of its own size, so that the sanitizer sees a byte read too much. */
static void random_texts(uint64_t *seed, struct sl_field *texts, uint32_t count, unsigned letters)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t len = next_random(seed) % TEXT_MAX;
        char *text = malloc(len + !len);
        assert_non_null(text);
        for (size_t k = 0; k < len; k++)
            text[k] = next_random(seed) % letters ? (char)('a' + next_random(seed) % 26) : ' ';
        texts[i] = sl_string(text, len);
    }
}

static void test_fastest_cut_equals_the_plain_one(void **state)
{
    uint64_t seed = 88172645463325252u;
    for (unsigned letters = 1; letters < 40; letters += 4) {
        struct sl_field texts[ROWS_MAX];
        uint32_t line[ROWS_MAX];
        struct sl_chunk in = {.rows = ROWS_MAX, .width = 1, .column = {texts}};
        in.line = letters % 8 == 1 ? line : NULL;
        for (uint32_t i = 0; i < ROWS_MAX; i++)
            line[i] = 3 * i;
        random_texts(&seed, texts, ROWS_MAX, letters);
        char *fast = cut(sl_split_bytes_fn_best(), &in), *plain = cut(sl_split_bytes_fn_plain, &in);
        assert_string_equal(fast, plain);
        free(fast);
        free(plain);
        for (uint32_t i = 0; i < ROWS_MAX; i++)
            free((void *)texts[i].str);
    }
}

static void test_cut_stops_before_what_is_no_text(void **state)
{
    sl_split_bytes_fn *const ways[] = {sl_split_bytes_fn_plain, sl_split_bytes_fn_best()};
    struct sl_field column[] = {S("a b"), I(1), S("c")};
    struct sl_chunk in = {.rows = 3, .width = 1, .column = {column}};
    for (size_t i = 0; i < 2; i++) {
        struct harness h;
        struct sl_builder builder;
        uint32_t row = 0;
        harness_init(&h);
        sl_builder_init(&builder, &h.outlet);
        assert_int_equal(ways[i](&in, ' ', &builder, &row), 0);
        assert_int_equal(row, 1);
        assert_int_equal(builder.chunk.rows, 2);
        sl_builder_done(&builder);
        harness_done(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fastest_cut_equals_the_plain_one),
        cmocka_unit_test(test_cut_stops_before_what_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
