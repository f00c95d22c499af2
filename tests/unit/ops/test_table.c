/* The hash table of groups: every key is found, every partition's walk sees its groups once, probes stay
 * short. */
#include "ops/key/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const struct sl_field *key)
{
    return (uint32_t)sl_field_hash(key, 42);
}

/* Finds the key's group or takes a slot for it. */
static struct sl_group *touch(struct sl_table *table, uint32_t hash, const struct sl_field *key)
{
    assert_int_equal(sl_table_reserve(table, 1), 0);
    struct sl_group *group = sl_table_slot(table, hash, key);
    if (!(group->key.flags & SL_GROUP_TAKEN)) {
        assert_int_equal(sl_table_take(table, group, hash, key, 0), 0);
        assert_int_equal(group->key.flags, SL_GROUP_TAKEN | SL_GROUP_EMPTY);
    }
    return group;
}

/* Integers, floats, short and longer words. */
static struct sl_field key_of(char text[32], unsigned i)
{
    if (i % 4 < 2)
        return i % 4 ? sl_number(i + 0.5) : sl_integer(i);
    int len = snprintf(text, 32, i % 4 == 2 ? "%u" : "word number %u", i);
    return sl_string(text, (size_t)len);
}

static void test_table_finds_every_key_after_growth(void **state)
{
    static const uint32_t spreads[] = {1, SL_TABLE_SPREAD};
    enum { KEYS = 30000 };
    char text[32];
    for (size_t s = 0; s < 2; s++) {
        struct sl_table table;
        sl_table_init(&table, spreads[s]);
        for (unsigned i = 0; i < KEYS; i++) {
            struct sl_field key = key_of(text, i);
            touch(&table, hash_of(&key), &key)->state.integer += 1;
            if (i % 1000 == 999)
                assert_true(table.used * 2 <= table.capacity);
        }
        size_t used = table.used;
        memset(text, 'x', sizeof text); /* keys are the table's own */
        for (unsigned i = 0; i < KEYS; i++) {
            struct sl_field key = key_of(text, i);
            assert_true(touch(&table, hash_of(&key), &key)->state.integer >= 1);
        }
        assert_int_equal(table.used, used);
        sl_table_done(&table);
    }
}

static void test_table_tells_keys_of_one_hash_apart(void **state)
{
    struct sl_table table;
    sl_table_init(&table, 1);
    for (int64_t i = 0; i < 100; i++) {
        struct sl_field key = sl_integer(i);
        touch(&table, 0xFFFFFFFFu, &key)->state.integer = i;
    }
    for (int64_t i = 0; i < 100; i++) {
        struct sl_field key = sl_number((double)i); /* 1.0 is 1 */
        assert_int_equal(touch(&table, 0xFFFFFFFFu, &key)->state.integer, i);
    }
    assert_int_equal(table.used, 100);
    sl_table_done(&table);
}

static void test_table_keeps_the_flag_of_rows(void **state)
{
    struct sl_table table;
    struct sl_field items[] = {sl_integer(1), sl_nil()}, row = sl_list(items, 2);
    row.flags = SL_FIELD_ROW;
    sl_table_init(&table, 1);
    assert_int_equal(sl_table_reserve(&table, 1), 0);
    struct sl_group *group = sl_table_slot(&table, 5, &row);
    assert_int_equal(sl_table_take(&table, group, 5, &row, 3), 0);
    assert_int_equal(group->key.flags, SL_FIELD_ROW | SL_GROUP_TAKEN | SL_GROUP_EMPTY);
    assert_int_equal(group->first, 3);
    assert_ptr_not_equal(group->key.items, items);
    sl_table_done(&table);
}

/* ---- walking partitions ---- */

/* How a table's hashes lie: spread out, all at the end so that probing wraps around, or in two heaps. */
static uint32_t hash_in(int shape, uint32_t i)
{
    switch (shape) {
    case 0:
        return i * 2654435761u;
    case 1:
        return UINT32_MAX - i % 7;
    default:
        return (i % 2 ? 0x7FFFFFF0u : 0xFFFFFFF0u) + i % 16;
    }
}

static void check_walks(const struct sl_table *table, unsigned partitions)
{
    uint8_t *seen = calloc(table->used, 1);
    size_t count = 0;
    for (unsigned p = 0; p < partitions; p++) {
        uint64_t at = UINT64_MAX;
        for (struct sl_group *group; (group = sl_table_next(table, p, partitions, &at)); count++) {
            assert_true(partitions == 1 || group->hash / (uint32_t)(0x100000000u / partitions) == p);
            assert_int_equal(seen[group->key.integer]++, 0);
        }
    }
    assert_int_equal(count, table->used);
    free(seen);
}

static void test_table_next_visits_each_group_of_each_partition_once(void **state)
{
    const uint32_t counts[] = {0, 1, 127, 128, 129, 1000};
    for (int shape = 0; shape < 3; shape++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct sl_table table;
            sl_table_init(&table, 1);
            for (uint32_t i = 0; i < counts[c]; i++) {
                struct sl_field key = sl_integer(i);
                touch(&table, hash_in(shape, i), &key);
            }
            for (unsigned partitions = 1; partitions <= 65536; partitions *= 2)
                check_walks(&table, partitions);
            sl_table_done(&table);
        }
}

/* ---- probes ---- */

/* The slots that are looked at to find a group, at worst. */
static size_t probes_most(const struct sl_table *table)
{
    size_t most = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        const struct sl_group *group = &table->slot[i];
        size_t home = group->hash * table->spread >> table->shift;
        size_t probes = (i - home) & (table->capacity - 1);
        if (group->key.flags & SL_GROUP_TAKEN && probes > most)
            most = probes;
    }
    return most;
}

/* Without the spread the neighbours of the walk would be neighbours in the small table, too: one heap that is
 * run through for every group. */
static void test_table_filled_in_the_order_of_another_keeps_short_probes(void **state)
{
    enum { KEYS = 100000 };
    struct sl_table from, to;
    sl_table_init(&from, 1);
    sl_table_init(&to, SL_TABLE_SPREAD);
    for (unsigned i = 0; i < KEYS; i++) {
        struct sl_field key = sl_integer(i);
        touch(&from, hash_of(&key), &key);
    }
    uint64_t at = UINT64_MAX;
    for (const struct sl_group *group; (group = sl_table_next(&from, 0, 1, &at));) {
        touch(&to, group->hash, &group->key);
        if (to.used % 997 == 0)
            assert_in_range(probes_most(&to), 0, 100);
    }
    assert_int_equal(to.used, KEYS);
    sl_table_done(&from);
    sl_table_done(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_finds_every_key_after_growth),
        cmocka_unit_test(test_table_tells_keys_of_one_hash_apart),
        cmocka_unit_test(test_table_keeps_the_flag_of_rows),
        cmocka_unit_test(test_table_next_visits_each_group_of_each_partition_once),
        cmocka_unit_test(test_table_filled_in_the_order_of_another_keeps_short_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
