/* One value: compared, hashed and ordered by docs/manual.md, "Records". */
#include "core/rows/field.h"

#include "tests/unit/core/fields.h"

#include <stdio.h>
#include <string.h>

#define S(text) sl_string(text, sizeof(text) - 1)
#define L(...)                                                                                               \
    sl_list((const struct sl_field[]){__VA_ARGS__}, COUNT_OF(((const struct sl_field[]){__VA_ARGS__})))
#define M(...)                                                                                               \
    sl_map((const struct sl_field[]){__VA_ARGS__}, COUNT_OF(((const struct sl_field[]){__VA_ARGS__})) / 2)

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/* ---- the order ---- */

/* Each step is smaller than the next one, fields on one step are equal. */
struct rung {
    int step;
    struct sl_field field;
};

static void check_ladder(const struct rung *ladder, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            const struct sl_field *a = &ladder[i].field, *b = &ladder[k].field;
            bool equal = ladder[i].step == ladder[k].step;
            assert_int_equal(sign(sl_field_compare(a, b)), sign(ladder[i].step - ladder[k].step));
            assert_int_equal(sl_field_equals(a, b), equal);
            if (equal) {
                assert_true(sl_field_hash(a, 7) == sl_field_hash(b, 7));
                assert_true(sl_field_partition_hash(a) == sl_field_partition_hash(b));
            }
        }
}

static void test_field_order_is_that_of_the_contract(void **state)
{
    const struct rung ladder[] = {
        {0, sl_nil()},
        {1, sl_boolean(false)},
        {2, sl_boolean(true)},
        {3, sl_number(-INFINITY)},
        {4, sl_number(-9223372036854777856.0)},
        {5, sl_integer(INT64_MIN)},
        {5, sl_number(-9223372036854775808.0)},
        {6, sl_integer(INT64_MIN + 1)},
        {7, sl_number(-1.5)},
        {8, sl_integer(-1)},
        {8, sl_number(-1.0)},
        {9, sl_number(-5e-324)},
        {10, sl_integer(0)},
        {10, sl_number(0.0)},
        {10, sl_number(-0.0)},
        {11, sl_number(5e-324)},
        {12, sl_integer(1)},
        {12, sl_number(1.0)},
        {13, sl_number(1.5)},
        {14, sl_integer(1LL << 53)},
        {14, sl_number(9007199254740992.0)},
        {15, sl_integer((1LL << 53) + 1)},
        {16, sl_integer((1LL << 53) + 2)},
        {16, sl_number(9007199254740994.0)},
        {17, sl_number(9223372036854774784.0)},
        {18, sl_integer(INT64_MAX)},
        {19, sl_number(9223372036854775808.0)},
        {20, sl_number(INFINITY)},
        {21, sl_number(NAN)},
        {21, sl_number(-NAN)},
        {22, sl_string(NULL, 0)},
        {22, S("")},
        {23, S("\0")},
        {24, S("1")},
        {25, S("a")},
        {26, S("a\0")},
        {27, S("ab")},
        {28, S("b")},
        {29, S("\xff")},
        {30, sl_list(NULL, 0)},
        {31, L(sl_nil())},
        {32, L(sl_integer(1))},
        {32, L(sl_number(1.0))},
        {33, L(sl_integer(1), sl_nil())},
        {34, L(S("a"))},
        {35, L(L(sl_integer(1)))},
        {36, sl_map(NULL, 0)},
        {37, M(S("a"), sl_integer(1))},
        {37, M(S("a"), sl_number(1.0))},
        {38, M(S("a"), sl_integer(1), S("b"), sl_nil())},
        {39, M(S("a"), sl_integer(2))},
        {40, M(S("b"), sl_nil())},
    };
    check_ladder(ladder, COUNT_OF(ladder));
}

static void test_field_looks_same_only_where_it_is_written_the_same(void **state)
{
    const struct rung look[] = {
        {0, sl_nil()},
        {1, sl_boolean(false)},
        {2, sl_boolean(true)},
        {3, sl_integer(0)},
        {4, sl_number(0.0)},
        {5, sl_number(-0.0)},
        {6, sl_integer(1)},
        {7, sl_number(1.0)},
        {8, sl_number(NAN)},
        {8, sl_number(-NAN)},
        {9, sl_number(INFINITY)},
        {10, sl_string(NULL, 0)},
        {10, S("")},
        {11, S("1")},
        {12, S("1\0")},
        {13, S("a string that is longer than a word, and")},
        {13, S("a string that is longer than a word, and")},
        {14, S("a string that is longer than a word, but")},
        {15, sl_list(NULL, 0)},
        {16, L(sl_number(0.0))},
        {17, L(sl_number(-0.0))},
        {18, L(sl_integer(0))},
        {19, L(L(sl_number(-0.0)), sl_nil())},
        {19, L(L(sl_number(-0.0)), sl_nil())},
        {20, L(L(sl_number(-0.0)))},
        {21, sl_map(NULL, 0)},
        {22, M(S("a"), sl_number(0.0))},
        {23, M(S("a"), sl_number(-0.0))},
        {24, M(S("b"), sl_number(0.0))},
        {25, L(S("a"), sl_number(0.0))},
    };
    for (size_t i = 0; i < COUNT_OF(look); i++)
        for (size_t k = 0; k < COUNT_OF(look); k++)
            assert_int_equal(sl_field_looks_same(&look[i].field, &look[k].field),
                             look[i].step == look[k].step);
}

enum { FIELDS = 160 };

static void check_pair(const struct sl_field *a, const struct sl_field *b)
{
    int order = sl_field_compare(a, b);
    assert_int_equal(sign(order), -sign(sl_field_compare(b, a)));
    assert_int_equal(sl_field_equals(a, b), order == 0);
    if (order == 0) {
        assert_true(sl_field_hash(a, 1) == sl_field_hash(b, 1));
        assert_true(sl_field_hash(a, UINT64_MAX) == sl_field_hash(b, UINT64_MAX));
        assert_true(sl_field_partition_hash(a) == sl_field_partition_hash(b));
    } else {
        assert_true(sl_field_partition_hash(a) != sl_field_partition_hash(b));
    }
}

static void test_field_order_is_total_and_agrees_with_equality_and_hash(void **state)
{
    struct chance chance = chance_new();
    struct sl_arena arena;
    struct sl_field field[FIELDS];
    sl_arena_init(&arena);
    for (size_t i = 0; i < FIELDS; i++)
        field[i] = random_field(&arena, &chance, 3);
    for (size_t i = 0; i < FIELDS; i++)
        for (size_t k = 0; k < FIELDS; k++)
            check_pair(&field[i], &field[k]);
    for (size_t n = 0; n < 200000; n++) {
        const struct sl_field *a = &field[chance_below(&chance, FIELDS)],
                              *b = &field[chance_below(&chance, FIELDS)],
                              *c = &field[chance_below(&chance, FIELDS)];
        if (sl_field_compare(a, b) <= 0 && sl_field_compare(b, c) <= 0)
            assert_true(sl_field_compare(a, c) <= 0);
    }
    sl_arena_done(&arena);
}

static void test_field_flags_are_no_part_of_the_value(void **state)
{
    struct sl_field list = L(sl_integer(1), S("a")), row = list;
    row.flags = SL_FIELD_ROW;
    assert_true(sl_field_equals(&list, &row));
    assert_true(sl_field_hash(&list, 3) == sl_field_hash(&row, 3));
    assert_true(sl_field_partition_hash(&list) == sl_field_partition_hash(&row));
}

static void test_float_is_integer_only_in_range(void **state)
{
    const struct {
        double number;
        bool is;
        int64_t integer;
    } cases[] = {
        {0.0, true, 0},
        {-0.0, true, 0},
        {-3.0, true, -3},
        {0.5, false, 0},
        {9223372036854774784.0, true, 9223372036854774784},
        {9223372036854775808.0, false, 0},
        {-9223372036854775808.0, true, INT64_MIN},
        {-9223372036854777856.0, false, 0},
        {INFINITY, false, 0},
        {-INFINITY, false, 0},
        {NAN, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t integer = 0;
        assert_int_equal(sl_float_is_integer(cases[i].number, &integer), cases[i].is);
        assert_true(integer == cases[i].integer);
    }
}

/* ---- hashes ---- */

/* These decide which partition a key is in, on every machine and for ever: XXH3-64 of the tag, eight bytes of
 * payload or length, little-endian, and what follows. */
static void test_partition_hash_never_changes(void **state)
{
    const struct {
        struct sl_field field;
        uint64_t hash;
    } golden[] = {
        {sl_nil(), 0x34499569f0391857},
        {sl_boolean(false), 0x313c2dd2ec996e80},
        {sl_boolean(true), 0xa048b5cb82162577},
        {sl_integer(0), 0x8da2b7ab8b1ee0e7},
        {sl_number(-0.0), 0x8da2b7ab8b1ee0e7},
        {sl_number(1.0), 0x77b9ee4e4f0d5d17},
        {sl_integer(-2), 0x6225577fe0dffa25},
        {sl_number(0.5), 0x70827c21a1fdf17c},
        {sl_number(NAN), 0xa849877be0234960},
        {sl_number(-NAN), 0xa849877be0234960},
        {S(""), 0xee53fd1b240e9dc6},
        {S("sluice"), 0x2c57b6b79e2fbf95},
        {L(sl_number(1.0), S("a")), 0x70998a5060152b57},
        {M(S("a"), sl_nil()), 0x98f130f17cf08257},
    };
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        uint64_t hash = sl_field_partition_hash(&golden[i].field);
        if (hash != golden[i].hash)
            fail_msg("field %zu hashes to 0x%016llx", i, (unsigned long long)hash);
    }
}

static void test_field_hash_depends_on_the_seed(void **state)
{
    const struct sl_field fields[] = {sl_nil(), sl_boolean(true), sl_integer(5),
                                      S("a"),   S("abcdefgh"),    S("abcdefghijklmnopqrstuvwxyz"),
                                      L(S("a"))};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        assert_true(sl_field_hash(&fields[i], 1) != sl_field_hash(&fields[i], 2));
}

/* Slots of tables are the upper bits of the lower 32. */
static void test_every_byte_of_a_string_counts_whatever_its_length(void **state)
{
    uint8_t text[48], other[48];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 37 + 5);
    for (size_t len = 0; len <= 40; len++) {
        struct sl_field a = sl_string(text, len), b = sl_string(other + 3, len);
        memcpy(other + 3, text, len);
        assert_true(sl_field_equals(&a, &b));
        assert_true(sl_field_hash(&a, 7) == sl_field_hash(&b, 7));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            other[3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(sl_field_equals(&a, &b));
            assert_true(sl_field_hash(&a, 7) != sl_field_hash(&b, 7));
            other[3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* One after the other in an arena, so that a byte too many would be another string's. */
static void test_strings_of_every_length_are_copied_whole(void **state)
{
    enum { LENGTHS = 80 };
    struct sl_arena arena = {0};
    struct sl_field copy[LENGTHS];
    uint8_t text[LENGTHS];
    for (size_t i = 0; i < LENGTHS; i++)
        text[i] = (uint8_t)(i * 37 + 5);
    for (size_t len = 0; len < LENGTHS; len++) {
        struct sl_field string = sl_string(text, len);
        assert_true(sl_field_copy(&arena, &string, &copy[len]));
    }
    for (size_t len = 0; len < LENGTHS; len++) {
        assert_int_equal(copy[len].len, len);
        assert_memory_equal(copy[len].str, text, len);
    }
    sl_arena_done(&arena);
}

static void test_field_hash_spreads_numbers_and_short_words(void **state)
{
    enum { BUCKETS = 256, KEYS = 64 * BUCKETS };
    for (int kind = 0; kind < 3; kind++) {
        unsigned count[BUCKETS] = {0};
        for (unsigned i = 0; i < KEYS; i++) {
            char word[16];
            int len = snprintf(word, sizeof word, "%u", i);
            struct sl_field key = kind == 0   ? sl_integer(i)
                                  : kind == 1 ? sl_number(i + 0.5)
                                              : sl_string(word, (size_t)len);
            count[(uint32_t)sl_field_hash(&key, 12345) >> 24]++;
        }
        for (unsigned b = 0; b < BUCKETS; b++)
            assert_in_range(count[b], 16, 160);
    }
}

/* ---- copies and maps ---- */

static void test_field_copy_owns_all_of_it(void **state)
{
    struct chance chance = chance_new();
    struct sl_arena from, to;
    sl_arena_init(&to);
    for (int i = 0; i < 500; i++) {
        sl_arena_init(&from);
        struct sl_field field = random_field(&from, &chance, 4), copy;
        uint64_t hash = sl_field_partition_hash(&field);
        field.flags = SL_FIELD_ROW;
        assert_true(sl_field_copy(&to, &field, &copy));
        sl_arena_done(&from); /* a copy that borrowed would be seen by the sanitizer */
        assert_true(sl_field_partition_hash(&copy) == hash);
        assert_int_equal(copy.flags, SL_FIELD_ROW);
    }
    sl_arena_done(&to);
}

static void test_map_sort_refuses_twins_and_keys_that_are_no_strings(void **state)
{
    struct sl_field good[] = {S("b"), sl_integer(1), S(""), sl_integer(2), S("a"), sl_integer(3)};
    struct sl_field twins[] = {S("b"), sl_integer(1), S("a"), sl_integer(2), S("b"), sl_integer(3)};
    struct sl_field number[] = {S("b"), sl_integer(1), sl_integer(1), sl_integer(2)};
    assert_true(sl_map_sort(good, 3));
    struct sl_field sorted = M(S(""), sl_integer(2), S("a"), sl_integer(3), S("b"), sl_integer(1));
    struct sl_field map = sl_map(good, 3);
    assert_true(sl_field_equals(&map, &sorted));
    assert_false(sl_map_sort(twins, 3));
    assert_false(sl_map_sort(number, 2));
    assert_true(sl_map_sort(NULL, 0));
}

static void test_map_get_finds_every_key(void **state)
{
    struct sl_field pairs[2 * 100];
    char name[100][8];
    for (size_t count = 0; count <= 100; count += count < 5 ? 1 : 19) {
        for (size_t i = 0; i < count; i++) {
            int len = snprintf(name[i], sizeof name[i], "k%zu", i * 7919 % 1000);
            pairs[2 * i] = sl_string(name[i], (size_t)len);
            pairs[2 * i + 1] = sl_integer((int64_t)i);
        }
        assert_true(sl_map_sort(pairs, count));
        struct sl_field map = sl_map(pairs, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(sl_map_get(&map, name[i], strlen(name[i]))->integer, i);
        assert_null(sl_map_get(&map, "k", 1));
        assert_null(sl_map_get(&map, "", 0));
    }
    struct sl_field list = L(S("a"), sl_integer(1));
    assert_null(sl_map_get(&list, "a", 1));
}

static void test_strings_differ_wherever_one_byte_does(void **state)
{
    enum { LEN_MAX = 40 };
    uint8_t a[LEN_MAX + 1], b[LEN_MAX + 1];
    for (uint32_t len = 0; len <= LEN_MAX; len++) {
        memset(a, 'x', sizeof a);
        memset(b, 'x', sizeof b);
        b[len] = 'y'; /* behind the end: no part of it */
        struct sl_field left = sl_string(a, len), right = sl_string(b, len);
        assert_true(sl_field_equals(&left, &right));
        for (uint32_t i = 0; i < len; i++) {
            b[i] = 'y';
            assert_false(sl_field_equals(&left, &right));
            b[i] = 'x';
        }
    }
}

static void test_strings_are_in_the_order_of_their_bytes_wherever_they_differ(void **state)
{
    static const char pair[][2] = {{1, 2}, {'a', '\xFF'}, {'\x7F', '\x80'}, {0, '\x80'}};
    char a[24], b[24];
    for (uint32_t len = 1; len <= sizeof a; len++)
        for (uint32_t i = 0; i < len; i++)
            for (size_t k = 0; k < COUNT_OF(pair); k++) {
                memset(a, 'x', sizeof a);
                memset(b, 'x', sizeof b);
                a[i] = pair[k][0];
                b[i] = pair[k][1];
                memset(a + i + 1, 'z', len - i - 1); /* which must not count */
                struct sl_field less = sl_string(a, len), more = sl_string(b, len);
                struct sl_field begin = sl_string(b, i);
                assert_true(sl_field_compare(&less, &more) < 0 && sl_field_compare(&more, &less) > 0);
                assert_true(sl_field_compare(&begin, &more) < 0 && sl_field_compare(&more, &begin) > 0);
            }
}

static void test_tags_have_the_names_users_know(void **state)
{
    const char *const names[] = {"nil", "boolean", "integer", "float", "string", "list", "map"};
    for (int tag = SL_NIL; tag <= SL_MAP; tag++)
        assert_string_equal(sl_tag_name((enum sl_tag)tag), names[tag]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field_order_is_that_of_the_contract),
        cmocka_unit_test(test_field_looks_same_only_where_it_is_written_the_same),
        cmocka_unit_test(test_field_order_is_total_and_agrees_with_equality_and_hash),
        cmocka_unit_test(test_field_flags_are_no_part_of_the_value),
        cmocka_unit_test(test_float_is_integer_only_in_range),
        cmocka_unit_test(test_partition_hash_never_changes),
        cmocka_unit_test(test_field_hash_depends_on_the_seed),
        cmocka_unit_test(test_every_byte_of_a_string_counts_whatever_its_length),
        cmocka_unit_test(test_strings_of_every_length_are_copied_whole),
        cmocka_unit_test(test_field_hash_spreads_numbers_and_short_words),
        cmocka_unit_test(test_field_copy_owns_all_of_it),
        cmocka_unit_test(test_map_sort_refuses_twins_and_keys_that_are_no_strings),
        cmocka_unit_test(test_map_get_finds_every_key),
        cmocka_unit_test(test_strings_differ_wherever_one_byte_does),
        cmocka_unit_test(test_strings_are_in_the_order_of_their_bytes_wherever_they_differ),
        cmocka_unit_test(test_tags_have_the_names_users_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
