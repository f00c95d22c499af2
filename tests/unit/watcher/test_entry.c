/* The table of names and its lists. */
#include "watcher/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void name_of(int i, char name[16])
{
    (void)snprintf(name, 16, "%d", i);
}

static void test_entries_find_every_name_after_growth_and_removal(void **state)
{
    enum { COUNT = 10000 };
    struct sl_entries entries;
    char name[16];
    sl_entries_init(&entries);
    assert_null(sl_entries_find(&entries, "0"));
    for (int i = 0; i < COUNT; i++) {
        name_of(i, name);
        assert_non_null(sl_entries_add(&entries, name));
    }
    for (int i = 0; i < COUNT; i += 2) {
        name_of(i, name);
        sl_entries_remove(&entries, sl_entries_find(&entries, name));
    }
    for (int i = 0; i < COUNT; i++) {
        name_of(i, name);
        struct sl_entry *entry = sl_entries_find(&entries, name);
        assert_int_equal(entry != NULL, i % 2);
        if (entry)
            assert_ptr_equal(sl_entries_add(&entries, name), entry);
    }
    assert_int_equal(entries.count, COUNT / 2);
    sl_entries_done(&entries);
}

static void assert_ready(const struct sl_entries *entries, const char *names)
{
    char text[64] = "";
    const struct sl_entry *before = NULL;
    for (const struct sl_entry *entry = entries->first[SL_LIST_READY]; entry; entry = entry->after) {
        assert_ptr_equal(entry->before, before);
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", entry->name);
        before = entry;
    }
    assert_ptr_equal(entries->last[SL_LIST_READY], before);
    assert_string_equal(text, names);
}

static void test_entries_wait_in_the_order_in_which_they_came(void **state)
{
    struct sl_entries entries;
    struct sl_entry *entry[4];
    sl_entries_init(&entries);
    for (int i = 0; i < 4; i++) {
        char name[16];
        name_of(i, name);
        entry[i] = sl_entries_add(&entries, name);
        sl_entries_put(&entries, entry[i], SL_STANDING_WAITING);
    }
    assert_ready(&entries, "0123");
    sl_entries_put(&entries, entry[1], SL_STANDING_WAITING); /* keeps its place */
    assert_ready(&entries, "0123");
    sl_entries_put(&entries, entry[0], SL_STANDING_WRITING);
    assert_ready(&entries, "123");
    sl_entries_put(&entries, entry[0], SL_STANDING_WAITING);
    assert_ready(&entries, "1230");
    sl_entries_remove(&entries, entry[2]);
    assert_ready(&entries, "130");
    sl_entries_put(&entries, entry[1], SL_STANDING_TAKEN);
    sl_entries_remove(&entries, entry[0]);
    assert_ready(&entries, "3");
    assert_int_equal(entries.standing[SL_STANDING_WAITING], 1);
    assert_int_equal(entries.standing[SL_STANDING_TAKEN], 1);
    assert_int_equal(entries.standing[SL_STANDING_NEW], 0);
    sl_entries_done(&entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_find_every_name_after_growth_and_removal),
        cmocka_unit_test(test_entries_wait_in_the_order_in_which_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
