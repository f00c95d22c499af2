/* log, next and feed as the tree gives them, without a mount. */
#include "planted.h"

#include <errno.h>

static char big_text[80 << 20];

static void test_log_holds_the_kept_versions_then_each_new_one(void **state)
{
    struct planted planted;
    char text[256];
    planted_open(&planted, 2);
    for (int64_t t = 1; t <= 3; t++)
        planted_publish(&planted, shown_keys(t, 1, t));
    struct sl_open *open = planted_file(&planted, planted_ino(&planted, "counts/log"));
    planted_publish(&planted, shown_keys(4, 2, 4));
    planted_read(&planted, open, 0, 200, text);
    assert_string_equal(text, "2\tk0\t2\n3\tk0\t3\n4\tk0\t4\n4\tk1\t4\n");
    /* The same bytes, wherever a read begins and ends. */
    for (size_t from = 0; from < strlen(text); from++)
        for (size_t size = 1; size < 20; size++) {
            char piece[64];
            int len = planted_read(&planted, open, from, size, piece);
            assert_memory_equal(piece, text + from, (size_t)len);
            assert_int_equal(len, strlen(text) - from < size ? strlen(text) - from : size);
        }
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

static void test_an_open_log_misses_nothing_that_tidying_sees(void **state)
{
    struct planted planted;
    char text[65536], expected[65536] = "";
    planted_open(&planted, 1);
    struct sl_open *open = planted_file(&planted, planted_ino(&planted, "counts/log"));
    for (int64_t t = 1; t <= 2000; t++) {
        planted_publish(&planted, shown_keys(t, 1, t));
        if (t % 500 == 0)
            sl_tree_tidy(planted.tree);
        snprintf(expected + strlen(expected), 64, "%" PRId64 "\tk0\t%" PRId64 "\n", t, t);
    }
    for (size_t at = 0; at < strlen(expected);) {
        int len = planted_read(&planted, open, at, 4096, text);
        assert_true(len > 0);
        assert_memory_equal(text, expected + at, (size_t)len);
        at += (size_t)len;
    }
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

static void test_a_log_nobody_has_open_is_let_go(void **state)
{
    struct planted planted;
    planted_open(&planted, 2);
    planted_publish(&planted, shown_keys(1, 1, 1));
    uint64_t first = planted_ino(&planted, "counts/log");
    assert_int_equal(planted_ino(&planted, "counts/log"), first);
    planted_publish(&planted, shown_keys(2, 1, 2));
    assert_non_null(strstr(planted.notices, " log\n"));
    assert_true(planted_ino(&planted, "counts/log") != first);
    planted_assert_text(&planted, "counts/log", "1\tk0\t1\n2\tk0\t2\n");
    sl_tree_free(planted.tree);
}

static void test_a_log_that_is_opened_just_when_it_is_let_go_grows(void **state)
{
    struct planted planted;
    char text[64];
    planted_open(&planted, 2);
    planted_publish(&planted, shown_keys(1, 1, 1));
    uint64_t log = planted_ino(&planted, "counts/log");
    planted_publish(&planted, shown_keys(2, 1, 2));
    struct sl_open *open = planted_file(&planted, log);
    planted_publish(&planted, shown_keys(3, 1, 3));
    planted_read(&planted, open, 0, 60, text);
    assert_string_equal(text, "1\tk0\t1\n2\tk0\t2\n3\tk0\t3\n");
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

/* A version of about 30 MiB. */
static struct sl_version *big_version(int64_t time_ms)
{
    size_t len = 0;
    while (len < (30u << 20))
        len += (size_t)snprintf(big_text + len, sizeof big_text - len, "%0998dx\n", 7);
    return shown_version(time_ms, big_text);
}

static void test_a_full_log_goes_on_under_another_inode(void **state)
{
    struct planted planted;
    char text[64];
    planted_open(&planted, 10);
    uint64_t first = planted_ino(&planted, "counts/log");
    struct sl_open *open = planted_file(&planted, first);
    for (int64_t t = 1; t <= 3; t++)
        planted_publish(&planted, big_version(t));
    sl_tree_tidy(planted.tree);
    struct sl_attr attr;
    assert_int_equal(sl_tree_getattr(planted.tree, first, &attr), 0);
    assert_true(attr.size > (60 << 20) && attr.size <= (64 << 20));
    assert_non_null(strstr(planted.notices, " log\n"));
    planted_publish(&planted, shown_keys(4, 1, 4)); /* nobody has looked at the new one yet */
    uint64_t second = planted_ino(&planted, "counts/log");
    assert_true(second != first);
    struct sl_open *next = planted_file(&planted, second);
    assert_int_equal(planted_read(&planted, next, 0, 5, text), 5);
    assert_memory_equal(text, "3\t000", 5);
    sl_tree_close(planted.tree, next);
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

/* tail -F has the full one open and looks at the name only every few seconds, and others look at it
 * meanwhile. */
static void test_who_follows_the_name_of_a_full_log_misses_nothing(void **state)
{
    struct planted planted;
    char text[4096], expected[4096] = "";
    planted_open(&planted, 1);
    struct sl_open *full = planted_file(&planted, planted_ino(&planted, "counts/log"));
    for (int64_t t = 1; t <= 3; t++) {
        planted_publish(&planted, big_version(t));
        sl_tree_tidy(planted.tree);
    }
    uint64_t second = planted_ino(&planted, "counts/log");
    for (int64_t t = 4; t <= 30; t++) {
        planted_publish(&planted, shown_keys(t, 1, t));
        sl_tree_tidy(planted.tree);
        assert_int_equal(planted_ino(&planted, "counts/log"), second);
        snprintf(expected + strlen(expected), 64, "%" PRId64 "\tk0\t%" PRId64 "\n", t, t);
    }
    struct sl_open *open = planted_file(&planted, second);
    sl_tree_close(planted.tree, full);
    struct sl_attr attr;
    assert_int_equal(sl_tree_getattr(planted.tree, second, &attr), 0);
    int len = planted_read(&planted, open, attr.size - strlen(expected), 4000, text);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
    sl_tree_close(planted.tree, open);
    planted_publish(&planted, shown_keys(31, 1, 31));
    assert_true(planted_ino(&planted, "counts/log") != second); /* nobody has either of them open */
    sl_tree_free(planted.tree);
}

static void assert_says_what_was_missed(struct planted *planted, uint64_t log, uint64_t offset,
                                        uint64_t published)
{
    char text[64];
    unsigned skipped, first;
    struct sl_open *open = planted_file(planted, log);
    assert_true(planted_read(planted, open, offset, 60, text) > 0);
    assert_int_equal(sscanf(text, "# skipped %u versions\n%u\t", &skipped, &first), 2);
    assert_int_equal(first, published + skipped + 1);
    assert_int_equal(planted_count(planted).skipped, skipped);
    sl_tree_close(planted->tree, open);
}

static void test_an_open_log_says_what_was_missed(void **state)
{
    struct planted planted;
    planted_open(&planted, 5);
    uint64_t log = planted_ino(&planted, "counts/log");
    struct sl_open *open = planted_file(&planted, log);
    for (int64_t t = 1; t <= 3000; t++)
        planted_publish(&planted, shown_keys(t, 1, t));
    assert_says_what_was_missed(&planted, log, 0, 0);
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

static void test_a_log_that_goes_on_behind_a_full_one_says_what_was_missed(void **state)
{
    struct planted planted;
    planted_open(&planted, 5);
    uint64_t full = planted_ino(&planted, "counts/log");
    struct sl_open *open = planted_file(&planted, full);
    for (int64_t t = 1; t <= 3; t++)
        planted_publish(&planted, big_version(t));
    sl_tree_tidy(planted.tree);
    struct sl_attr attr;
    uint64_t second = planted_ino(&planted, "counts/log");
    assert_int_equal(sl_tree_getattr(planted.tree, second, &attr), 0);
    for (int64_t t = 4; t <= 3000; t++)
        planted_publish(&planted, shown_keys(t, 1, t));
    assert_says_what_was_missed(&planted, second, attr.size, 3);
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

static void test_next_waits_for_the_version_after_opening(void **state)
{
    struct planted planted;
    char text[64];
    planted_open(&planted, 5);
    uint64_t ino = planted_ino(&planted, "counts/next");
    struct sl_open *early = planted_file(&planted, ino);
    assert_int_equal(planted_read(&planted, early, 0, 60, text), -EAGAIN);
    assert_false(sl_tree_readable(planted.tree, early));
    planted_publish(&planted, shown_keys(1, 1, 1));
    struct sl_open *late = planted_file(&planted, ino);
    planted_publish(&planted, shown_keys(2, 1, 2));
    assert_true(sl_tree_readable(planted.tree, early));
    assert_int_equal(planted_read(&planted, early, 0, 60, text), 5);
    assert_string_equal(text, "k0\t1\n");
    assert_int_equal(planted_read(&planted, early, 5, 60, text), 0);
    assert_int_equal(planted_read(&planted, late, 0, 60, text), 5);
    assert_string_equal(text, "k0\t2\n");
    sl_tree_close(planted.tree, early);
    sl_tree_close(planted.tree, late);
    sl_tree_free(planted.tree);
}

static void test_feed_begins_with_the_current_version_and_never_ends(void **state)
{
    struct planted planted;
    char text[64];
    planted_open(&planted, 5);
    uint64_t ino = planted_ino(&planted, "counts/feed");
    planted_publish(&planted, shown_keys(1, 1, 1));
    planted_publish(&planted, shown_keys(2, 1, 2));
    struct sl_open *open = planted_file(&planted, ino);
    assert_int_equal(planted_read(&planted, open, 0, 4, text), 4);
    assert_string_equal(text, "2\tk0");
    assert_int_equal(planted_read(&planted, open, 4, 60, text), 3);
    assert_string_equal(text, "\t2\n");
    assert_int_equal(planted_read(&planted, open, 7, 60, text), -EAGAIN);
    planted_publish(&planted, shown_version(3, "")); /* nothing to say */
    assert_false(sl_tree_readable(planted.tree, open));
    assert_int_equal(planted_read(&planted, open, 7, 60, text), -EAGAIN);
    planted_publish(&planted, shown_keys(4, 1, 4));
    assert_true(sl_tree_readable(planted.tree, open));
    assert_int_equal(planted_read(&planted, open, 7, 60, text), 7);
    assert_string_equal(text, "4\tk0\t4\n");
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

static void test_a_slow_reader_of_feed_is_told_what_it_missed(void **state)
{
    struct planted planted;
    char text[64], expected[64];
    unsigned skipped;
    planted_open(&planted, 5);
    planted_publish(&planted, shown_keys(1, 1, 1));
    struct sl_open *open = planted_file(&planted, planted_ino(&planted, "counts/feed"));
    assert_int_equal(planted_read(&planted, open, 0, 60, text), 7);
    for (int64_t t = 2; t <= 3000; t++)
        planted_publish(&planted, shown_keys(t, 1, t));
    assert_true(planted_read(&planted, open, 7, 60, text) > 0);
    assert_int_equal(sscanf(text, "# skipped %u versions\n", &skipped), 1);
    assert_int_equal(planted_count(&planted).skipped, skipped);
    for (unsigned t = skipped + 2; t <= 3000; t++) {
        snprintf(expected, sizeof expected, "%u\tk0\t%u\n", t, t);
        assert_true(planted_read(&planted, open, 0, 60, text) > 0);
        assert_string_equal(text, expected);
    }
    assert_int_equal(planted_read(&planted, open, 0, 60, text), -EAGAIN);
    sl_tree_close(planted.tree, open);
    sl_tree_free(planted.tree);
}

static void test_streams_give_nothing_that_the_caches_do_not_know_of(void **state)
{
    static const char *const names[] = {"counts/log", "counts/next", "counts/feed"};
    static const char *const texts[] = {"7\tk0\t1\n", "k0\t1\n", "7\tk0\t1\n"};
    for (int i = 0; i < 3; i++) {
        struct planted planted;
        char text[64];
        planted_open(&planted, 5);
        struct sl_open *open = planted_file(&planted, planted_ino(&planted, names[i]));
        struct sl_version *version = shown_keys(7, 1, 1);
        assert_int_equal(sl_tree_publish(planted.tree, 0, version, NULL), 0);
        sl_version_unref(version);
        assert_true(planted_read(&planted, open, 0, 60, text) <= 0);
        sl_tree_notified(planted.tree, sl_tree_published(planted.tree));
        assert_true(planted_read(&planted, open, 0, 60, text) > 0);
        assert_string_equal(text, texts[i]);
        sl_tree_close(planted.tree, open);
        sl_tree_free(planted.tree);
    }
}

static void test_readers_share_one_rendering(void **state)
{
    struct planted planted;
    struct sl_pieces one, two;
    planted_open(&planted, 5);
    planted_publish(&planted, shown_keys(1, 1000, 1));
    uint64_t ino = planted_ino(&planted, "counts/at/1/data");
    struct sl_open *first = planted_file(&planted, ino), *second = planted_file(&planted, ino);
    assert_int_equal(sl_tree_read(planted.tree, first, 0, 100, &one), 0);
    assert_int_equal(sl_tree_read(planted.tree, second, 0, 100, &two), 0);
    assert_ptr_equal(one.piece[0].at, two.piece[0].at);
    sl_pieces_done(&one);
    sl_pieces_done(&two);
    sl_tree_close(planted.tree, first);
    sl_tree_close(planted.tree, second);
    sl_tree_free(planted.tree);
}

static void test_a_tree_that_ends_closes_what_is_open(void **state)
{
    struct planted planted;
    struct sl_version *version = shown_version(1, "a\t1");
    planted_open(&planted, 5);
    planted_publish(&planted, sl_version_ref(version));
    (void)planted_file(&planted, planted_ino(&planted, "counts/feed"));
    (void)planted_file(&planted, planted_ino(&planted, "counts/log"));
    (void)planted_file(&planted, planted_ino(&planted, "counts/at/1/data"));
    assert_int_equal(planted_count(&planted).opens, 3);
    sl_tree_free(planted.tree);
    assert_int_equal(version->refs, 1);
    sl_version_unref(version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_holds_the_kept_versions_then_each_new_one),
        cmocka_unit_test(test_an_open_log_misses_nothing_that_tidying_sees),
        cmocka_unit_test(test_a_log_nobody_has_open_is_let_go),
        cmocka_unit_test(test_a_log_that_is_opened_just_when_it_is_let_go_grows),
        cmocka_unit_test(test_a_full_log_goes_on_under_another_inode),
        cmocka_unit_test(test_who_follows_the_name_of_a_full_log_misses_nothing),
        cmocka_unit_test(test_an_open_log_says_what_was_missed),
        cmocka_unit_test(test_a_log_that_goes_on_behind_a_full_one_says_what_was_missed),
        cmocka_unit_test(test_next_waits_for_the_version_after_opening),
        cmocka_unit_test(test_feed_begins_with_the_current_version_and_never_ends),
        cmocka_unit_test(test_a_slow_reader_of_feed_is_told_what_it_missed),
        cmocka_unit_test(test_streams_give_nothing_that_the_caches_do_not_know_of),
        cmocka_unit_test(test_readers_share_one_rendering),
        cmocka_unit_test(test_a_tree_that_ends_closes_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
