/* Names of taken files, packed: compared with a plain list of what must be there. */
#include "watcher/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { COUNT = 4000, STEPS = 60000 };

/* Few hashes, so that searches meet others on their way, also over the end of the table. */
static uint32_t hash_of(int i)
{
    return (uint32_t)(i % 97) * 0x02a00000u + (i % 5 == 0 ? UINT32_MAX - 0x10000000u : 0u);
}

/* Of any length and any bytes. */
static void name_of(int i, char name[SL_PACKED_NAME_MAX + 1])
{
    size_t len = (size_t)snprintf(name, SL_PACKED_NAME_MAX + 1, "%d\n", i);
    size_t more = (size_t)i % (SL_PACKED_NAME_MAX - len + 1);
    memset(name + len, i % 7 ? 'x' : '\xff', more);
    name[len + more] = 0;
}

static struct sl_packed_file file_of(int i)
{
    return (struct sl_packed_file){
        .inode = (uint64_t)i,
        .born_ns = i % 3 ? i : INT64_MIN,
        .mtime_ns = -i,
        .ctime_ns = (int64_t)i << 32,
        .size = INT64_MAX - i,
        .scan = UINT32_MAX - (uint32_t)i,
        .is_unverified = i % 2,
    };
}

static void assert_is(const struct sl_packed_file *found, int i)
{
    char name[SL_PACKED_NAME_MAX + 1];
    const struct sl_packed_file wanted = file_of(i);
    name_of(i, name);
    assert_non_null(found);
    assert_int_equal(found->name_len, strlen(name));
    assert_memory_equal(found->name, name, strlen(name));
    assert_memory_equal(found, &wanted, offsetof(struct sl_packed_file, name_len));
}

static void assert_all(const struct sl_packed_files *packed, const bool *is_there)
{
    char name[SL_PACKED_NAME_MAX + 1];
    size_t count = 0, met = 0;
    const struct sl_packed_file *walked;
    for (int i = 0; i < COUNT; i++) {
        name_of(i, name);
        const struct sl_packed_file *found = sl_packed_files_find(packed, hash_of(i), name);
        count += is_there[i];
        if (is_there[i])
            assert_is(found, i);
        else
            assert_null(found);
    }
    assert_int_equal(packed->count, count);
    for (size_t at = 0; sl_packed_files_next(packed, &at); at++)
        met++;
    assert_int_equal(met, count);
    met = 0;
    for (size_t at = 0; (walked = sl_packed_files_walk(packed, &at)); met++)
        assert_true(is_there[walked->inode]);
    assert_int_equal(met, count);
}

static void test_packed_files_are_found_whatever_was_added_and_removed(void **state)
{
    static bool is_there[COUNT];
    struct sl_packed_files packed = {0};
    uint64_t random = 20261129;
    char name[SL_PACKED_NAME_MAX + 1];
    assert_null(sl_packed_files_find(&packed, 1, "a"));
    for (int step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int i = (int)(random >> 33) % COUNT;
        bool removes = step / 10000 % 2 ? (random >> 20 & 7) != 0 : (random >> 20 & 7) == 0;
        const struct sl_packed_file file = file_of(i);
        name_of(i, name);
        if (removes && is_there[i])
            sl_packed_files_remove(&packed, hash_of(i), sl_packed_files_find(&packed, hash_of(i), name));
        else if (!removes && !is_there[i])
            assert_int_equal(sl_packed_files_add(&packed, hash_of(i), name, &file), 0);
        is_there[i] = !removes;
        if (step % 5000 == 4999)
            assert_all(&packed, is_there);
    }
    sl_packed_files_done(&packed);
    sl_packed_files_done(&packed);
}

static void test_packed_files_can_all_be_removed_on_the_way_through_them(void **state)
{
    struct sl_packed_files packed = {0};
    char name[SL_PACKED_NAME_MAX + 1];
    size_t removed = 0;
    for (int i = 0; i < COUNT; i++) {
        const struct sl_packed_file file = file_of(i);
        name_of(i, name);
        assert_int_equal(sl_packed_files_add(&packed, hash_of(i), name, &file), 0);
    }
    const struct sl_packed_file *file;
    for (size_t at = 0; (file = sl_packed_files_next(&packed, &at));)
        if (file->inode % 3 == 0) {
            at++;
        } else {
            sl_packed_files_remove(&packed, hash_of((int)file->inode), file);
            removed++;
        }
    assert_int_equal(removed, COUNT - (COUNT + 2) / 3);
    for (size_t at = 0; (file = sl_packed_files_next(&packed, &at)); at++)
        assert_int_equal(file->inode % 3, 0);
    sl_packed_files_done(&packed);
}

/* Where gaps were closed there is no room, and as little as the smallest array has. */
static void test_records_are_added_after_gaps_were_closed(void **state)
{
    enum {
        REMOVED = 1261,
        KEPT_MIN = 60,
        KEPT_MAX = 100
    }; /* at that many the gaps of such names are closed */
    char name[SL_PACKED_NAME_MAX + 1];
    for (int kept = KEPT_MIN; kept < KEPT_MAX; kept++) {
        struct sl_packed_files packed = {0};
        struct sl_packed_file file = file_of(kept);
        for (uint32_t i = 0; i < (uint32_t)(REMOVED + kept); i++) {
            snprintf(name, sizeof name, "%04u", i);
            assert_int_equal(sl_packed_files_add(&packed, i, name, &file), 0);
        }
        for (uint32_t i = 0; i < REMOVED; i++) {
            snprintf(name, sizeof name, "%04u", i);
            sl_packed_files_remove(&packed, i, sl_packed_files_find(&packed, i, name));
        }
        assert_int_equal(packed.gaps, 0);
        assert_int_equal(sl_packed_files_add(&packed, 1, "0001", &file), 0);
        assert_true(packed.len <= packed.capacity);
        assert_non_null(sl_packed_files_find(&packed, 1, "0001"));
        sl_packed_files_done(&packed);
    }
    (void)state;
}

static void test_packed_files_take_few_bytes(void **state)
{
    enum { MANY = 200000, BYTES_EACH_MAX = 80 };
    struct sl_entries entries;
    char name[32];
    sl_entries_init(&entries);
    for (int i = 0; i < MANY; i++) {
        const struct sl_packed_file file = file_of(i);
        (void)snprintf(name, sizeof name, "known%07d", i);
        assert_int_equal(sl_entries_add_packed(&entries, name, &file), 0);
    }
    const struct sl_packed_files *packed = &entries.packed;
    assert_true(packed->len + packed->slots * sizeof *packed->slot <= (size_t)MANY * BYTES_EACH_MAX);
    assert_int_equal(entries.standing[SL_STANDING_TAKEN], MANY);
    sl_entries_done(&entries);
}

static struct sl_entry *add_taken(struct sl_entries *entries, const char *name)
{
    struct sl_entry *entry = sl_entries_add(entries, name);
    assert_non_null(entry);
    entry->look = (struct sl_file_stat){SL_LOOK_FILE, 1, 2, 3, 4, 5, 0, 0};
    entry->scan = 7;
    sl_entries_put(entries, entry, SL_STANDING_TAKEN);
    return entry;
}

static void test_an_entry_that_was_packed_comes_back_as_it_was(void **state)
{
    struct sl_entries entries;
    struct sl_entry *entry;
    sl_entries_init(&entries);
    sl_entries_pack(&entries, add_taken(&entries, "a"));
    assert_null(sl_entries_find(&entries, "a"));
    assert_int_equal(sl_entries_find_packed(&entries, "a")->scan, 7);
    assert_int_equal(entries.standing[SL_STANDING_TAKEN], 1);
    assert_int_equal(entries.count, 0);
    assert_int_equal(sl_entries_get(&entries, "b", &entry), 0);
    assert_null(entry);
    assert_int_equal(sl_entries_get(&entries, "a", &entry), 0);
    assert_null(sl_entries_find_packed(&entries, "a"));
    assert_ptr_equal(sl_entries_find(&entries, "a"), entry);
    assert_int_equal(entry->standing, SL_STANDING_TAKEN);
    assert_int_equal(entry->look.ctime_ns, 4);
    assert_int_equal(entry->look.size, 5);
    assert_false(entry->unverified);
    sl_entries_remove(&entries, entry);
    assert_int_equal(entries.standing[SL_STANDING_TAKEN], 0);
    sl_entries_done(&entries);
}

static void test_an_entry_of_which_more_is_known_is_not_packed(void **state)
{
    struct sl_entries entries;
    sl_entries_init(&entries);
    struct sl_entry *entry = add_taken(&entries, "a");
    entry->left = true;
    sl_entries_pack(&entries, entry);
    entry->left = false;
    entry->touched = true;
    sl_entries_pack(&entries, entry);
    entry->touched = false;
    entry->changed = true;
    sl_entries_pack(&entries, entry);
    entry->changed = false;
    entry->hint = SL_HINT_CREATED;
    sl_entries_pack(&entries, entry);
    entry->hint = SL_HINT_NONE;
    entry->look.kind = SL_LOOK_DIRECTORY;
    sl_entries_pack(&entries, entry);
    entry->look.kind = SL_LOOK_FILE;
    sl_entries_put(&entries, entry, SL_STANDING_WAITING);
    sl_entries_pack(&entries, entry);
    assert_ptr_equal(sl_entries_find(&entries, "a"), entry);
    assert_null(sl_entries_find_packed(&entries, "a"));
    sl_entries_done(&entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_files_are_found_whatever_was_added_and_removed),
        cmocka_unit_test(test_packed_files_can_all_be_removed_on_the_way_through_them),
        cmocka_unit_test(test_records_are_added_after_gaps_were_closed),
        cmocka_unit_test(test_packed_files_take_few_bytes),
        cmocka_unit_test(test_an_entry_that_was_packed_comes_back_as_it_was),
        cmocka_unit_test(test_an_entry_of_which_more_is_known_is_not_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
