/* Sorting on all workers: any keys, however they are cut into lists, come out in the order, equal ones in
 * that of the lists. */
#include "ops/key/sort_lists.h"

#include "core/base/error.h"
#include "tests/unit/ops/harness.h"

enum { COUNT = 40000, TEXT_BYTES = 120 };

static const unsigned worker_counts[] = {1, 2, 7};

static char text[COUNT][TEXT_BYTES];
static struct sl_field key[COUNT];
static size_t rank[COUNT]; /* of a key in the lists, one behind the other */

/* ---- keys that are hard to tell apart ---- */

static uint32_t mix(uint32_t number)
{
    return (number * 2654435761u) ^ (number * 40503u >> 3);
}

static struct sl_field random_text(uint32_t i)
{
    int len = snprintf(text[i], TEXT_BYTES, "%x", mix(i));
    return sl_string(text[i], (size_t)len);
}

/* The first eight bytes are one, and the next; what tells them apart comes early, late or not at all. */
static struct sl_field alike_text(uint32_t i)
{
    int len = snprintf(text[i], TEXT_BYTES, "/site/section-%u/%s/%u", mix(i) % 50,
                       i % 3 ? "article/list" : "", mix(i) % 2000);
    return sl_string(text[i], (size_t)len);
}

/* Longer than all prefixes that are tried. */
static struct sl_field long_text(uint32_t i)
{
    memset(text[i], 'x', TEXT_BYTES);
    int len = snprintf(text[i] + 90, TEXT_BYTES - 90, "%u", mix(i) % 5000);
    return sl_string(text[i], 90 + (size_t)len);
}

/* A zero byte is a byte: "a" < "a\0" < "a\0\0". */
static struct sl_field zeros(uint32_t i)
{
    memset(text[i], 0, TEXT_BYTES);
    text[i][0] = (char)('a' + mix(i) % 3);
    return sl_string(text[i], mix(i) / 3 % TEXT_BYTES);
}

static struct sl_field mixed(uint32_t i)
{
    switch (mix(i) % 6) {
    case 0:
        return N;
    case 1:
        return B(i % 2);
    case 2:
        return I((int64_t)mix(i) - 70000);
    case 3:
        return F(mix(i) / 8.0);
    case 4:
        return sl_list(&key[i / 2], i ? 1 : 0);
    }
    return alike_text(i);
}

/* Numbers whose first sixty bits are those of others, on both sides of zero, and what is beyond exact integers. */
static struct sl_field near_numbers(uint32_t i)
{
    uint32_t m = mix(i);
    double ulps = (double)(m % 64) * 0x1p-52, sign = m & 64 ? -1 : 1;
    switch (m >> 8 & 3) {
    case 0:
        return F(sign * (1 + ulps));
    case 1:
        return I((int64_t)sign * ((1LL << 53) + (int64_t)(m % 9) - 4));
    case 2:
        return F(sign * (0x1p53 + 2 * (m % 4)));
    }
    return I((int64_t)sign * (int64_t)(m % 16));
}

/* Strings around the seven bytes that a prefix has. */
static struct sl_field short_text(uint32_t i)
{
    uint32_t m = mix(i);
    memcpy(text[i], "aaaaaaa\0\0b", 10);
    if (m & 1)
        memset(text[i] + m / 2 % 8, 0, 10 - m / 2 % 8);
    text[i][7] = (char)(m >> 8);
    return sl_string(text[i], (m >> 16) % 11);
}

static struct sl_field one_key(uint32_t i)
{
    return S("all the same");
}

static struct sl_field (*const kinds[])(uint32_t) = {random_text, alike_text,   long_text,  zeros,
                                                     mixed,       near_numbers, short_text, one_key};

/* ---- sorting ---- */

struct sorted {
    const struct sl_field *key[COUNT];
    _Atomic size_t count;
};

static void place(void *arg, size_t at, const struct sl_sort_item *item, size_t count)
{
    struct sorted *sorted = arg;
    for (size_t i = 0; i < count; i++)
        sorted->key[at + i] = item[i].key;
    atomic_fetch_add(&sorted->count, count);
}

static void check_sorted(const struct sorted *sorted, size_t count)
{
    assert_int_equal(sorted->count, count);
    for (size_t i = 1; i < count; i++) {
        int order = sl_field_compare(sorted->key[i - 1], sorted->key[i]);
        assert_true(order < 0 || (order == 0 && rank[sorted->key[i - 1] - key] < rank[sorted->key[i] - key]));
    }
}

/* List l gets every lists-th key from its end on, so that no list is sorted; the last list is empty. */
static void sort_keys(unsigned workers, size_t count, size_t lists)
{
    struct sl_error err = {0};
    struct sl_stage stage = {.pool = sl_pool_new(workers, &err), .err = &err};
    struct sl_sort_item *item = calloc(count + 1, sizeof *item), *at = item;
    struct sl_sort_list *list = calloc(lists + 1, sizeof *list);
    struct sorted *sorted = calloc(1, sizeof *sorted);
    assert_true(stage.pool && item && list && sorted);
    for (size_t l = 0; l < lists; l++) {
        list[l].item = at;
        for (size_t i = count; i-- > 0;)
            if (i % lists == l) {
                rank[i] = (size_t)(at - item);
                (at++)->key = &key[i];
            }
        list[l].count = (size_t)(at - list[l].item);
    }
    assert_int_equal(sl_sort_lists(&stage, list, lists + 1, place, sorted), 0);
    check_sorted(sorted, count);
    free(sorted);
    free(list);
    free(item);
    sl_pool_free(stage.pool);
}

static void test_all_kinds_of_keys_are_sorted(void **state)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (uint32_t i = 0; i < COUNT; i++)
            key[i] = kinds[k](i);
        for (size_t w = 0; w < 3; w++)
            sort_keys(worker_counts[w], COUNT, 5);
    }
}

static void test_any_number_of_keys_in_any_number_of_lists_is_sorted(void **state)
{
    static const size_t counts[] = {0, 1, 2, 63, 64, 65, 4095, 4096, 8191, 8192, 20000};
    for (uint32_t i = 0; i < COUNT; i++)
        key[i] = alike_text(i);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t lists = 1; lists < 80; lists += 26)
            sort_keys(2, counts[c], lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds_of_keys_are_sorted),
        cmocka_unit_test(test_any_number_of_keys_in_any_number_of_lists_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
