/* What changed from one version to the next. */
#include "fs/tree/changes.h"

#include "shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static char *changes(const char *before, const char *now)
{
    struct sl_version *older = before ? shown_version(1, before) : NULL, *newer = shown_version(2, now);
    struct sl_buf buf;
    sl_buf_init(&buf);
    assert_true(sl_changes_render(newer->rows, older ? older->rows : NULL, &buf));
    assert_true(sl_buf_byte(&buf, 0));
    sl_version_unref(older);
    sl_version_unref(newer);
    return (char *)buf.bytes;
}

static void test_changes(void **state)
{
    static const struct {
        const char *what, *before, *now, *changes;
    } cases[] = {
        {"the first version is all new", NULL, "a\t1\nb\t2", "+\ta\t1\n+\tb\t2\n"},
        {"nothing", "a\t1", "a\t1", ""},
        {"both empty", "", "", ""},
        {"gone, new, changed, the same", "a\t1\nb\t1\nd\t1", "b\t2\nc\t1\nd\t1",
         "-\ta\t1\n~\tb\t2\n+\tc\t1\n"},
        {"all gone", "a\t1\nb\t1", "", "-\ta\t1\n-\tb\t1\n"},
        {"rows of one field come and go", "a\nb", "b\nc", "-\ta\n+\tc\n"},
        {"one of two equal rows", "a\na", "a", "-\ta\n"},
        {"several rows of a key", "k\t1\nk\t2", "k\t1\nk\t3\nk\t4", "~\tk\t3\n+\tk\t4\n"},
        {"the first of several rows of a key goes", "k\t1\nk\t2\nk\t3", "k\t2\nk\t3", "-\tk\t1\n"},
        {"one comes in front of several rows of a key", "k\t2\nk\t3", "k\t1\nk\t2\nk\t3", "+\tk\t1\n"},
        {"rows of a key change places", "k\t1\nk\t2\nl\t1", "k\t2\nk\t1\nl\t1", ""},
        {"one of several equal rows of a key", "k\t1\nk\t1\nk\t2", "k\t2\nk\t1\nk\t3", "~\tk\t3\n"},
        {"more equal rows of a key than before", "k\t1", "k\t1\nk\t1\nk\t1", "+\tk\t1\n+\tk\t1\n"},
        {"all of several rows of a key go", "a\t1\nk\t1\nk\t2", "a\t1", "-\tk\t1\n-\tk\t2\n"},
        {"not in order", "b\t1\na\t1", "c\t1\na\t2\nb\t1", "~\ta\t2\n+\tc\t1\n"},
        {"another width", "a\t1", "a\t1\t2", "~\ta\t1\t2\n"},
        {"numbers before strings", "x\t1", "x\t1\n5\t1", "+\t5\t1\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = changes(cases[i].before, cases[i].now);
        if (strcmp(text, cases[i].changes) != 0)
            fail_msg("%s: %s", cases[i].what, text);
        free(text);
    }
}

static struct sl_dataset *pair_of(struct sl_field key, struct sl_field value)
{
    struct sl_field fields[2] = {key, value};
    struct sl_chunk chunk = {.rows = 1, .width = 2, .column = {&fields[0], &fields[1]}};
    struct sl_rows *rows = sl_rows_new();
    assert_int_equal(sl_rows_append(rows, &chunk), 0);
    return sl_dataset_of(rows);
}

static void test_what_looks_different_has_changed(void **state)
{
    struct sl_field one = sl_integer(1), one_point = sl_number(1.0), zero = sl_number(0.0),
                    minus = sl_number(-0.0);
    const struct {
        struct sl_field before, now;
        const char *changes;
    } cases[] = {
        {one, one_point, "~\tk\t1.0\n"},
        {zero, minus, "~\tk\t-0.0\n"},
        {zero, zero, ""},
        {sl_list(&one, 1), sl_list(&one, 1), ""},
        {sl_list(&one, 1), sl_list(&one_point, 1), "~\tk\t[1.0]\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_dataset *before = pair_of(sl_string("k", 1), cases[i].before);
        struct sl_dataset *now = pair_of(sl_string("k", 1), cases[i].now);
        struct sl_buf buf;
        sl_buf_init(&buf);
        assert_true(sl_changes_render(now, before, &buf) && sl_buf_byte(&buf, 0));
        assert_string_equal(buf.bytes, cases[i].changes);
        sl_buf_done(&buf);
        sl_dataset_unref(before);
        sl_dataset_unref(now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_what_looks_different_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
