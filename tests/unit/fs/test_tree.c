/* The tree without a mount: names, lookups, listings, what is kept and what is let go. */
#include "planted.h"

#include <errno.h>
#include <sys/stat.h>

static void test_names_of_a_view(void **state)
{
    static const struct {
        const char *path;
        mode_t type;
        const char *target;
    } names[] = {
        {"counts", S_IFDIR, NULL},
        {"counts/now", S_IFLNK, "at/1000"},
        {"counts/current", S_IFLNK, "now/data"},
        {"counts/current.json", S_IFLNK, "now/data.json"},
        {"counts/meta.json", S_IFLNK, "now/meta.json"},
        {"counts/keys", S_IFLNK, "now/keys"},
        {"counts/at", S_IFDIR, NULL},
        {"counts/at/1000", S_IFDIR, NULL},
        {"counts/at/1000/data", S_IFREG, NULL},
        {"counts/at/1000/keys", S_IFDIR, NULL},
        {"counts/at/1000/keys/be", S_IFREG, NULL},
        {"counts/log", S_IFREG, NULL},
        {"counts/next", S_IFREG, NULL},
        {"counts/feed", S_IFREG, NULL},
        {".sluice", S_IFDIR, NULL},
        {"counts/nothing", 0, NULL},
        {"counts/at/01000", 0, NULL},
        {"counts/at/+1000", 0, NULL},
        {"counts/at/1001", 0, NULL},
        {"counts/at/", S_IFDIR, NULL},
        {"counts/at/1000/stamped", 0, NULL},
        {"lines/now", 0, NULL},
        {"lines/current", 0, NULL},
    };
    struct planted planted;
    char target[64];
    planted_open(&planted, 10);
    planted_publish(&planted, shown_version(1000, "be\t1"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sl_attr attr;
        int r = planted_walk(&planted, names[i].path, &attr);
        if (r != (names[i].type ? 0 : -ENOENT) || (r == 0 && (attr.mode & S_IFMT) != names[i].type))
            fail_msg("%s: %d", names[i].path, r);
        if (!names[i].target)
            continue;
        assert_int_equal(sl_tree_readlink(planted.tree, attr.ino, target, sizeof target), 0);
        assert_string_equal(target, names[i].target);
        assert_int_equal(attr.size, strlen(target));
    }
    sl_tree_free(planted.tree);
}

static void test_listings_can_be_read_in_pieces(void **state)
{
    static const struct {
        const char *path, *names;
    } dirs[] = {
        {"", ". .. .sluice counts lines "},
        {"counts", ". .. now at log current current.json meta.json keys "},
        {"lines", ". .. at log "},
        {"counts/at", ". .. 2 3 "},
        {"counts/at/3", ". .. data data.json data.csv meta.json changes keys "},
        {"counts/at/3/keys", ". .. b %2Ea "},
        {".sluice", ". .. batches status.json "},
        {".sluice/batches", ". .. 2.json 3.json "},
    };
    struct planted planted;
    char names[1024];
    planted_open(&planted, 2);
    assert_int_equal(sl_tree_document(planted.tree, "status.json", "{}", 2, NULL), 0);
    assert_int_equal(sl_tree_document(planted.tree, "batches/2.json", "{}", 2, NULL), 0);
    assert_int_equal(sl_tree_document(planted.tree, "batches/3.json", "{}", 2, NULL), 0);
    for (int64_t t = 1; t <= 3; t++)
        planted_publish(&planted, shown_version(t, "b\t1\n.a\t2"));
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        for (unsigned step = 1; step < 10; step++) {
            planted_list(&planted, planted_ino(&planted, dirs[i].path), step, step % 2, names, sizeof names);
            assert_string_equal(names, dirs[i].names);
        }
    sl_tree_free(planted.tree);
}

static void test_a_view_of_one_field_has_no_keys(void **state)
{
    struct planted planted;
    struct sl_attr attr;
    char names[256];
    planted_open(&planted, 2);
    planted_publish(&planted, shown_version(1, "be\nor"));
    assert_int_equal(planted_walk(&planted, "counts/keys", &attr), -ENOENT);
    assert_int_equal(planted_walk(&planted, "counts/at/1/keys", &attr), -ENOENT);
    planted_list(&planted, planted_ino(&planted, "counts"), 99, false, names, sizeof names);
    assert_string_equal(names, ". .. now at log current current.json meta.json ");
    sl_tree_free(planted.tree);
}

static void test_an_empty_version_is_a_version(void **state)
{
    struct planted planted;
    planted_open(&planted, 2);
    planted_publish(&planted, shown_version(1, "a\t1"));
    planted_publish(&planted, shown_version(2, ""));
    planted_assert_text(&planted, "counts/at/2/data", "");
    planted_assert_text(&planted, "counts/at/2/changes", "-\ta\t1\n");
    (void)planted_ino(&planted, "counts/at/2/keys");
    sl_tree_free(planted.tree);
}

static void test_a_swap_tells_the_caches_once(void **state)
{
    struct planted planted;
    planted_open(&planted, 10);
    planted_publish(&planted, shown_version(1, "a\t1"));
    uint64_t view = planted_ino(&planted, "counts"), now = planted_ino(&planted, "counts/now");
    assert_string_equal(planted.notices, "");
    planted_publish(&planted, shown_version(2, "a\t2"));
    char expected[64];
    snprintf(expected, sizeof expected, "gone %" PRIu64 " now\n", view);
    assert_string_equal(planted.notices, expected);
    assert_true(planted_ino(&planted, "counts/now") != now);
    sl_tree_free(planted.tree);
}

static void test_without_memory_for_the_notice_nothing_is_swapped(void **state)
{
    struct planted planted;
    struct sl_error err;
    planted_open(&planted, 10);
    planted_publish(&planted, shown_version(1, "a\t1"));
    uint64_t now = planted_ino(&planted, "counts/now");
    struct sl_version *version = shown_version(2, "a\t2");
    planted.deaf = true;
    assert_int_equal(sl_tree_publish(planted.tree, 0, version, &err), SL_ENOMEM);
    assert_int_equal(planted_ino(&planted, "counts/now"), now);
    planted.deaf = false;
    assert_int_equal(sl_tree_publish(planted.tree, 0, version, &err), 0);
    assert_true(planted_ino(&planted, "counts/now") != now);
    sl_version_unref(version);
    sl_tree_free(planted.tree);
}

static void test_versions_nobody_looked_at_go_without_a_word(void **state)
{
    struct planted planted;
    planted_open(&planted, 2);
    for (int64_t t = 1; t <= 3000; t++)
        planted_publish(&planted, shown_keys(t, 1, t));
    sl_tree_tidy(planted.tree);
    struct sl_viewer_counts counts = planted_count(&planted);
    assert_true(counts.versions <= 2 + 1024);
    assert_int_equal(counts.pinned, 0);
    assert_string_equal(planted.notices, "");
    sl_tree_free(planted.tree);
}

/* Lets so many versions go by that the first is retired. */
static void retire_first(struct planted *planted)
{
    for (int64_t t = 2; t <= 1100; t++)
        planted_publish(planted, shown_keys(t, 1, t));
    sl_tree_tidy(planted->tree);
}

static void test_a_retired_version_lives_until_its_lookups_are_forgotten(void **state)
{
    struct planted planted;
    struct sl_attr attr;
    planted_open(&planted, 2);
    struct sl_version *version = shown_version(1, "a\t1\nb\t2");
    planted_publish(&planted, sl_version_ref(version));
    uint64_t dir = planted_ino(&planted, "counts/at/1"), keys = planted_ino(&planted, "counts/at/1/keys");
    uint64_t key = planted_ino(&planted, "counts/at/1/keys/b");
    retire_first(&planted);
    assert_int_equal(planted_walk(&planted, "counts/at/1", &attr), -ENOENT);
    assert_int_equal(planted_count(&planted).pinned, 1);
    char expected[128];
    snprintf(expected, sizeof expected, "drop %" PRIu64 " keys\ndrop %" PRIu64 " 1\n", dir,
             planted_ino(&planted, "counts/at"));
    assert_non_null(strstr(planted.notices, expected));
    /* From inside it can still be read: and the caches are told to let go at once. */
    planted.notices[0] = 0;
    assert_int_equal(sl_tree_lookup(planted.tree, keys, "a", &attr), 0);
    snprintf(expected, sizeof expected, "drop %" PRIu64 " a\n", keys);
    assert_string_equal(planted.notices, expected);
    sl_tree_forget(planted.tree, attr.ino, 1);
    sl_tree_forget(planted.tree, key, 1);
    sl_tree_forget(planted.tree, keys, 2);
    assert_int_equal(planted_count(&planted).pinned, 1);
    sl_tree_forget(planted.tree, dir, 3);
    assert_int_equal(planted_count(&planted).pinned, 0);
    assert_int_equal(version->refs, 1);
    assert_int_equal(sl_tree_getattr(planted.tree, dir, &attr), -ENOENT);
    sl_version_unref(version);
    sl_tree_free(planted.tree);
}

static void test_an_open_file_holds_its_version(void **state)
{
    struct planted planted;
    char text[64];
    planted_open(&planted, 2);
    struct sl_version *version = shown_version(1, "a\t1");
    planted_publish(&planted, sl_version_ref(version));
    uint64_t dir = planted_ino(&planted, "counts/at/1"), data = planted_ino(&planted, "counts/at/1/data");
    struct sl_open *open = planted_file(&planted, data);
    retire_first(&planted);
    sl_tree_forget(planted.tree, data, 1);
    sl_tree_forget(planted.tree, dir, 2);
    assert_int_equal(planted_read(&planted, open, 0, 64, text), 4);
    assert_string_equal(text, "a\t1\n");
    assert_true(version->refs > 1);
    sl_tree_close(planted.tree, open);
    assert_int_equal(version->refs, 1);
    sl_version_unref(version);
    sl_tree_free(planted.tree);
}

static void test_a_version_that_the_caches_may_lead_to_is_not_retired(void **state)
{
    struct planted planted;
    struct sl_attr attr;
    planted_open(&planted, 1);
    planted_publish(&planted, shown_keys(1, 1, 1));
    for (int64_t t = 2; t < 1300; t++) {
        struct sl_version *version = shown_keys(t, 1, t);
        assert_int_equal(sl_tree_publish(planted.tree, 0, version, NULL), 0);
        sl_version_unref(version);
    }
    assert_int_equal(planted_walk(&planted, "counts/at/1", &attr), 0);
    sl_tree_forget(planted.tree, attr.ino, 1);
    planted_publish(&planted, shown_keys(1300, 1, 1));
    (void)sl_tree_tidy(planted.tree);
    assert_int_equal(planted_walk(&planted, "counts/at/1", &attr), -ENOENT);
    sl_tree_free(planted.tree);
}

static void test_too_many_pinned_versions_are_given_up_oldest_first(void **state)
{
    struct planted planted;
    struct sl_open *first = NULL, *last = NULL;
    char path[64], text[64];
    struct sl_attr attr;
    planted_open(&planted, 1);
    struct sl_version *version = shown_version(1, "a\t1");
    planted_publish(&planted, sl_version_ref(version));
    for (int64_t t = 1; t <= 80; t++) {
        snprintf(path, sizeof path, "counts/at/%d/data", (int)t);
        struct sl_open *open = planted_file(&planted, planted_ino(&planted, path));
        first = t == 1 ? open : first;
        last = open;
        planted_publish(&planted, shown_version(t + 1, "a\t1"));
    }
    uint64_t csv = planted_ino(&planted, "counts/at/1/data.csv");
    for (int64_t t = 100; t < 1300; t++)
        planted_publish(&planted, shown_keys(t, 1, t));
    sl_tree_tidy(planted.tree);
    assert_int_equal(planted_count(&planted).pinned, 80);
    assert_int_equal(planted_count(&planted).given_up, 80 - 64);
    assert_int_equal(version->refs, 1);
    assert_int_equal(planted_read(&planted, first, 0, 60, text), 4); /* what is open stays */
    assert_int_equal(planted_read(&planted, last, 0, 60, text), 4);
    struct sl_open *open;
    assert_int_equal(sl_tree_open(planted.tree, csv, &open), -ESTALE);
    assert_int_equal(sl_tree_getattr(planted.tree, csv, &attr), 0);
    sl_version_unref(version);
    sl_tree_free(planted.tree);
}

static void test_lookups_add_up_to_zero(void **state)
{
    static const char *const paths[] = {"counts/now",          "counts/keys",           "counts/at/1/data",
                                        "counts/at/1/keys/k1", "counts/at/2/meta.json", "counts/log",
                                        "counts/feed"};
    struct planted planted;
    planted_open(&planted, 10);
    for (int64_t t = 1; t <= 2; t++)
        planted_publish(&planted, shown_keys(t, 3, t));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char name[SL_KEY_NAME_MAX + 1];
        struct sl_attr attr = {.ino = SL_INO_ROOT};
        uint64_t looked_up[8];
        size_t count = 0;
        for (const char *at = paths[i]; *at; at += strspn(at, "/")) {
            size_t len = strcspn(at, "/");
            snprintf(name, sizeof name, "%.*s", (int)len, at);
            assert_int_equal(sl_tree_lookup(planted.tree, attr.ino, name, &attr), 0);
            looked_up[count++] = attr.ino;
            at += len;
        }
        assert_int_equal(planted_count(&planted).lookups, count);
        while (count)
            sl_tree_forget(planted.tree, looked_up[--count], 1);
        assert_int_equal(planted_count(&planted).lookups, 0);
    }
    sl_tree_free(planted.tree);
}

static void test_listing_with_lookups_counts_what_was_taken(void **state)
{
    struct planted planted;
    char names[256];
    planted_open(&planted, 10);
    planted_publish(&planted, shown_keys(1, 5, 1));
    uint64_t keys = planted_ino(&planted, "counts/at/1/keys");
    uint64_t before = planted_count(&planted).lookups;
    planted_list(&planted, keys, 2, true, names, sizeof names);
    assert_int_equal(planted_count(&planted).lookups, before + 5);
    planted_list(&planted, keys, 2, false, names, sizeof names);
    assert_int_equal(planted_count(&planted).lookups, before + 5);
    sl_tree_free(planted.tree);
}

static void test_what_no_longer_is_current_is_rendered_again(void **state)
{
    struct planted planted;
    planted_open(&planted, 3);
    planted_publish(&planted, shown_keys(1, 2, 7));
    for (int round = 0; round < 3; round++) {
        planted_assert_text(&planted, "counts/at/1/data", "k0\t7\nk1\t7\n");
        planted_assert_text(&planted, "counts/at/1/keys/k1", "7\n");
        planted_publish(&planted, shown_keys(2 + round, 1, 1));
        sl_tree_tidy(planted.tree);
    }
    sl_tree_free(planted.tree);
}

static void test_documents_are_replaced(void **state)
{
    struct planted planted;
    char text[64];
    planted_open(&planted, 1);
    assert_int_equal(sl_tree_document(planted.tree, "status.json", "1", 1, NULL), 0);
    struct sl_open *old = planted_file(&planted, planted_ino(&planted, ".sluice/status.json"));
    assert_int_equal(sl_tree_document(planted.tree, "status.json", "22", 2, NULL), 0);
    assert_string_equal(planted.notices, "gone 2 status.json\n");
    planted_assert_text(&planted, ".sluice/status.json", "22");
    assert_int_equal(planted_read(&planted, old, 0, 9, text), 1);
    assert_string_equal(text, "1");
    sl_tree_close(planted.tree, old);
    sl_tree_free(planted.tree);
}

static void test_documents_go(void **state)
{
    struct planted planted;
    char names[64];
    planted_open(&planted, 1);
    for (int i = 0; i < 100; i++) {
        snprintf(names, sizeof names, "batches/%d.json", i);
        assert_int_equal(sl_tree_document(planted.tree, names, "{}", 2, NULL), 0);
        snprintf(names, sizeof names, "batches/%d.json", i - 3);
        assert_int_equal(sl_tree_document(planted.tree, names, NULL, 0, NULL), 0);
    }
    planted_list(&planted, planted_ino(&planted, ".sluice/batches"), 9, true, names, sizeof names);
    assert_string_equal(names, ". .. 97.json 98.json 99.json ");
    sl_tree_free(planted.tree);
}

static void test_extended_attributes(void **state)
{
    static const struct {
        const char *path, *name, *value; /* NULL: there is none */
    } cases[] = {
        {"counts/at/1/data", "user.batch", "1"},     {"counts/at/1", "user.batch", "1"},
        {"counts/at/1/keys/%0A", "user.batch", "1"}, {"counts/at/1/keys/%5Cn", "user.key", "\\n"},
        {"counts/at/1/data", "user.key", NULL},      {"counts/at", "user.batch", NULL},
        {"counts/at/1/data", "user.other", NULL},
    };
    struct planted planted;
    planted_open(&planted, 1);
    struct sl_rows *rows = sl_rows_new();
    struct sl_field fields[2] = {sl_string("\n", 1), sl_integer(1)};
    struct sl_chunk chunk = {.rows = 1, .width = 2, .column = {&fields[0], &fields[1]}};
    assert_int_equal(sl_rows_append(rows, &chunk), 0);
    planted_publish(&planted, sl_version_new(1, 0, sl_dataset_of(rows), 0, 0, NULL));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_attr attr;
        struct sl_buf value;
        sl_buf_init(&value);
        if (planted_walk(&planted, cases[i].path, &attr) < 0) {
            assert_string_equal(cases[i].path, "counts/at/1/keys/%0A"); /* its text is \n, escaped */
            continue;
        }
        int r = sl_tree_xattr(planted.tree, attr.ino, cases[i].name, &value);
        assert_int_equal(r, cases[i].value ? 0 : -ENODATA);
        if (cases[i].value)
            assert_memory_equal(value.bytes, cases[i].value, strlen(cases[i].value));
        assert_int_equal(value.len, cases[i].value ? strlen(cases[i].value) : 0);
        sl_buf_done(&value);
    }
    sl_tree_free(planted.tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_a_view),
        cmocka_unit_test(test_listings_can_be_read_in_pieces),
        cmocka_unit_test(test_a_view_of_one_field_has_no_keys),
        cmocka_unit_test(test_an_empty_version_is_a_version),
        cmocka_unit_test(test_a_swap_tells_the_caches_once),
        cmocka_unit_test(test_without_memory_for_the_notice_nothing_is_swapped),
        cmocka_unit_test(test_versions_nobody_looked_at_go_without_a_word),
        cmocka_unit_test(test_a_retired_version_lives_until_its_lookups_are_forgotten),
        cmocka_unit_test(test_an_open_file_holds_its_version),
        cmocka_unit_test(test_a_version_that_the_caches_may_lead_to_is_not_retired),
        cmocka_unit_test(test_too_many_pinned_versions_are_given_up_oldest_first),
        cmocka_unit_test(test_lookups_add_up_to_zero),
        cmocka_unit_test(test_listing_with_lookups_counts_what_was_taken),
        cmocka_unit_test(test_what_no_longer_is_current_is_rendered_again),
        cmocka_unit_test(test_documents_are_replaced),
        cmocka_unit_test(test_documents_go),
        cmocka_unit_test(test_extended_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
