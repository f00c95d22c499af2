/* The name that was meant. */
#include "core/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_distance_counts_edits(void **state)
{
    const struct {
        const char *a, *b;
        unsigned distance;
    } cases[] = {
        {"", "", 0},
        {"a", "", 1},
        {"map", "map", 0},
        {"map", "MAP", 0},
        {"map", "mpa", 1},
        {"map", "mapp", 1},
        {"map", "ap", 1},
        {"map", "mop", 1},
        {"kitten", "sitting", 3},
        {"reduceBykey", "reduceByKey", 0},
        {"flatmpa", "flatMap", 1},
        {"abc", "xyz", 3},
        {"ab", "ba", 1},
        {"abcd", "badc", 2},
        {"a", "ab", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sl_name_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(sl_name_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void test_distance_of_long_names_is_that_of_their_beginnings(void **state)
{
    char a[200], b[200];
    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    a[199] = b[150] = 0;
    assert_int_equal(sl_name_distance(a, b), 0);
    a[63] = 'b';
    assert_int_equal(sl_name_distance(a, b), 1);
    a[63] = 'a';
    a[64] = 'b';
    assert_int_equal(sl_name_distance(a, b), 0);
}

static void test_nearest_suggests_only_what_is_near(void **state)
{
    static const char *const names[] = {"map", "flatMap", "filter", "reduceByKey", "reduceByKeyAndWindow"};
    const struct {
        const char *name, *nearest;
    } cases[] = {
        {"mpa", "map"},
        {"flatmap", "flatMap"},
        {"flitre", "filter"},
        {"reduceByKeyandwindow", "reduceByKeyAndWindow"},
        {"redcueByKye", "reduceByKey"},
        {"zzz", NULL},
        {"x", NULL},
        {"", NULL},
        {"groupByKey", NULL},
        {"mapPartitions", NULL},
        {"MAP", "map"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = sl_name_nearest(cases[i].name, names, 5);
        if (!nearest != !cases[i].nearest || (nearest && strcmp(nearest, cases[i].nearest) != 0))
            fail_msg("%s: %s", cases[i].name, nearest ? nearest : "nothing");
    }
    assert_null(sl_name_nearest("map", names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance_counts_edits),
        cmocka_unit_test(test_distance_of_long_names_is_that_of_their_beginnings),
        cmocka_unit_test(test_nearest_suggests_only_what_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
