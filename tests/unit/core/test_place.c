/* Where a path leads when only its directory exists. */
#include "core/base/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_tree(char home[static PATH_MAX])
{
    char dir[] = "/tmp/place.XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_non_null(realpath(dir, home));
    assert_int_equal(chdir(home), 0);
    assert_int_equal(mkdir("a", 0700), 0);
    assert_int_equal(symlink("a", "link"), 0);
    assert_int_equal(symlink("gone", "a/dangling"), 0);
}

static void remove_tree(const char *home)
{
    assert_int_equal(unlink("a/dangling") | unlink("link") | rmdir("a") | rmdir(home), 0);
}

static void test_only_the_directory_must_exist(void **state)
{
    (void)state;
    const struct {
        const char *path, *below; /* the home directory */
    } cases[] = {
        {"x", "/x"},
        {"./x", "/x"},
        {"x///", "/x"},
        {"a/x", "/a/x"},
        {"link/x", "/a/x"},
        {"a//x/", "/a/x"},
        {"a/../a/./x", "/a/x"},
        {"link", "/link"},
        {"a", "/a"},
        {"link/../x", "/x"},
        {"a/dangling", "/a/dangling"},
    };
    char home[PATH_MAX], path[PATH_MAX], wanted[PATH_MAX + 16];
    make_tree(home);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sl_place_path(cases[i].path, path), 0);
        snprintf(wanted, sizeof wanted, "%s%s", home, cases[i].below);
        assert_string_equal(path, wanted);
    }
    remove_tree(home);
}

static void test_what_lies_in_directories_that_do_not_exist(void **state)
{
    (void)state;
    static const struct {
        const char *path, *below;
    } cases[] = {
        {"gone/x", "/gone/x"},
        {"gone//./er/x/", "/gone/er/x"},
        {"a/gone/x", "/a/gone/x"},
        {"link/gone/x", "/a/gone/x"},
        {"a/../gone/x", "/gone/x"},
        {"a/dangling/x", "/a/dangling/x"},
        {"a/x", "/a/x"},
    };
    char home[PATH_MAX], path[PATH_MAX], wanted[PATH_MAX + 16];
    struct sl_place place;
    make_tree(home);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sl_place_path_missing(cases[i].path, path), 0);
        snprintf(wanted, sizeof wanted, "%s%s", home, cases[i].below);
        assert_string_equal(path, wanted);
    }
    assert_int_equal(sl_place_find_missing("gone/../x", &place), ENOENT);
    assert_int_equal(sl_place_find_missing("", &place), ENOENT);
    assert_int_equal(sl_place_find_missing("/gone/er/x", &place), 0);
    assert_string_equal(place.dir, "/gone/er");
    remove_tree(home);
}

static void test_what_lies_in_the_root_directory(void **state)
{
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(sl_place_path("//x/", path), 0);
    assert_string_equal(path, "/x");
    assert_int_equal(sl_place_path("/", path), 0);
    assert_string_equal(path, "/");
}

static void test_what_leads_nowhere(void **state)
{
    (void)state;
    char path[PATH_MAX + 16], whole[PATH_MAX], home[PATH_MAX];
    make_tree(home);
    assert_int_equal(sl_place_path("", whole), ENOENT);
    assert_int_equal(sl_place_path("gone/x", whole), ENOENT);
    assert_int_equal(sl_place_path("a/dangling/x", whole), ENOENT);
    memset(path, 'n', sizeof path);
    path[NAME_MAX + 1] = 0;
    assert_int_equal(sl_place_path(path, whole), ENAMETOOLONG);
    memset(path, '/', sizeof path);
    path[sizeof path - 1] = 0;
    path[sizeof path - 2] = 'x';
    assert_int_equal(sl_place_path(path, whole), ENAMETOOLONG);
    for (size_t i = 0; i < PATH_MAX - 2; i++)
        path[i] = i % 2 ? 'd' : '/';
    memcpy(path + PATH_MAX - 2, "/x", 3);
    assert_int_equal(sl_place_path_missing(path, whole), ENAMETOOLONG);
    remove_tree(home);
}

static void test_a_path_is_only_split(void **state)
{
    (void)state;
    static const struct {
        const char *path, *dir, *name;
    } cases[] = {
        {"x", ".", "x"},           {"x//", ".", "x"}, {"/x", "/", "x"}, {"gone/x", "gone/", "x"},
        {"a/../x/", "a/../", "x"}, {"/", "/", ""},    {".", ".", "."},
    };
    struct sl_place place;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sl_place_split(cases[i].path, &place), 0);
        assert_string_equal(place.dir, cases[i].dir);
        assert_string_equal(place.name, cases[i].name);
    }
    assert_int_equal(sl_place_split("", &place), ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_directory_must_exist),
        cmocka_unit_test(test_what_lies_in_directories_that_do_not_exist),
        cmocka_unit_test(test_what_lies_in_the_root_directory),
        cmocka_unit_test(test_what_leads_nowhere),
        cmocka_unit_test(test_a_path_is_only_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
