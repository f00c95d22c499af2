/* Rows found by a key against a look at every row: all rows of a key, in their order, whatever the keys are like. */
#include "core/rows/lookup.h"

#include "tests/unit/core/random.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 5000 };

/* Few and many different keys; numbers that are equal whatever they are written as; texts, nil. */
static struct sl_field key_of(uint64_t i, uint64_t kinds, char text[32])
{
    uint64_t k = (i * 2654435761u >> 5) % kinds;
    if (k % 5 == 0)
        return i % 2 ? sl_integer((int64_t)k) : sl_number((double)k);
    if (k % 5 == 1)
        return k % 25 == 1 ? sl_nil() : sl_boolean(k % 2);
    int len = snprintf(text, 32, "key %llu", (unsigned long long)k);
    return sl_string(text, (size_t)len);
}

static struct sl_lookup *make(uint64_t rows, uint64_t kinds, uint32_t key)
{
    char text[32];
    struct sl_rows *run = sl_rows_new();
    struct sl_lookup *lookup;
    assert_non_null(run);
    for (uint64_t i = 0; i < rows; i++) {
        struct sl_field fields[3], value = key_of(i, kinds, text);
        fields[0] = fields[1] = fields[2] = sl_integer((int64_t)i);
        assert_true(sl_field_copy(&run->arena, &value, &fields[key]));
        assert_int_equal(sl_rows_append_row(run, fields, i % 7 == 6 ? key + 1 : 3), 0);
    }
    assert_int_equal(sl_lookup_new(run, key, 42, &lookup), 0);
    sl_rows_unref(run);
    return lookup;
}

static void check_key(const struct sl_lookup *lookup, uint64_t rows, uint64_t kinds, uint32_t column,
                      const struct sl_field *key)
{
    char text[32];
    uint32_t row = sl_lookup_find(lookup, key);
    for (uint64_t i = 0; i < rows; i++) {
        struct sl_field other = key_of(i, kinds, text), values[SL_WIDTH_MAX];
        if (!sl_field_equals(&other, key))
            continue;
        assert_int_equal(row, i);
        uint32_t count = sl_lookup_values(lookup, row, values);
        assert_int_equal(count, i % 7 == 6 ? (column ? column : 1) : 2);
        row = sl_lookup_next(lookup, row);
    }
    assert_int_equal(row, SL_NO_ROW);
}

static void test_lookup_finds_all_rows_of_a_key_in_order(void **state)
{
    (void)state;
    const uint64_t sizes[] = {0, 1, 15, 16, 17, 80, 336, 1361, ROWS};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint32_t column = 0; column < 3; column++) {
            uint64_t kinds = s % 2 ? 40 : 100000;
            struct sl_lookup *lookup = make(sizes[s], kinds, column);
            for (uint64_t i = 0; i < 60; i++) {
                char text[32];
                struct sl_field key = key_of(i * 83, kinds, text);
                check_key(lookup, sizes[s], kinds, column, &key);
            }
            sl_lookup_free(lookup);
        }
}

static void test_lookup_finds_many_as_it_finds_one(void **state)
{
    (void)state;
    static char text[SL_CHUNK_ROWS][32];
    static struct sl_field keys[SL_CHUNK_ROWS];
    uint32_t found[SL_CHUNK_ROWS];
    struct sl_lookup *lookup = make(ROWS, 3000, 1);
    for (uint32_t i = 0; i < SL_CHUNK_ROWS; i++)
        keys[i] = key_of(i * 7, 4000, text[i]);
    sl_lookup_find_all(lookup, keys, SL_CHUNK_ROWS, found);
    for (uint32_t i = 0; i < SL_CHUNK_ROWS; i++)
        assert_int_equal(found[i], sl_lookup_find(lookup, &keys[i]));
    sl_lookup_free(lookup);
}

static void test_lookup_takes_at_most_64_bytes_a_key_beyond_its_text(void **state)
{
    (void)state;
    enum { KEYS = 100000 };
    struct sl_rows *rows = sl_rows_new();
    struct sl_lookup *lookup;
    uint64_t text_bytes = 0;
    for (int i = 0; i < KEYS; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "user %d", i);
        struct sl_field key = sl_string(text, (size_t)len), fields[2];
        assert_true(sl_field_copy(&rows->arena, &key, &fields[0]));
        fields[1] = sl_integer(i);
        text_bytes += (uint64_t)len;
        assert_int_equal(sl_rows_append_row(rows, fields, 2), 0);
    }
    assert_int_equal(sl_lookup_new(rows, 0, 7, &lookup), 0);
    assert_int_equal(lookup->keys, KEYS);
    assert_in_range(sl_lookup_bytes(lookup), KEYS, text_bytes + 64ull * KEYS);
    sl_rows_unref(rows);
    sl_lookup_free(lookup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup_finds_all_rows_of_a_key_in_order),
        cmocka_unit_test(test_lookup_finds_many_as_it_finds_one),
        cmocka_unit_test(test_lookup_takes_at_most_64_bytes_a_key_beyond_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
