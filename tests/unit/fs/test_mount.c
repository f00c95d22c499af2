/* The mount through system calls. */
#include "mounted.h"

#include <sys/mman.h>
#include <sys/xattr.h>

/* More versions than linger: whatever was there before is retired. */
static void let_linger_pass(struct mounted *mounted)
{
    for (int64_t t = 2; t < 1200; t++)
        mounted_publish(mounted, shown_keys(t, 2, t));
}

/* The kernel is told of it by a thread that takes its time. */
static void wait_until_gone(const struct mounted *mounted, const char *path)
{
    int64_t until_ns = sl_monotonic_ns() + 30000000000;
    while (mounted_errno(mounted, path) != ENOENT && sl_monotonic_ns() < until_ns)
        sched_yield();
    assert_int_equal(mounted_errno(mounted, path), ENOENT);
}

static void test_before_the_first_version_there_is_no_now_and_an_empty_log(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 10);
    const char *const missing[] = {"counts/now",       "counts/current", "counts/current.json",
                                   "counts/meta.json", "counts/keys",    "counts/at/1000"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        assert_int_equal(mounted_errno(&mounted, missing[i]), ENOENT);
    mounted_assert_text(&mounted, "counts/log", "");
    mounted_publish(&mounted, shown_version(1000, "be\t1"));
    mounted_assert_text(&mounted, "counts/current", "be\t1\n");
    mounted_close(&mounted);
}

static void test_files_of_a_version(void **state)
{
    static const struct {
        const char *path, *text;
    } files[] = {
        {"counts/current", "be\t1\nnot\t2\nor\t3\n"},
        {"counts/now/data", "be\t1\nnot\t2\nor\t3\n"},
        {"counts/current.json", "[\"be\",1]\n[\"not\",2]\n[\"or\",3]\n"},
        {"counts/at/2000/data.csv", "be,1\nnot,2\nor,3\n"},
        {"counts/at/2000/changes", "+\tnot\t2\n~\tor\t3\n-\tto\t2\n"},
        {"counts/at/1000/changes", "+\tbe\t1\n+\tor\t1\n+\tto\t2\n"},
        {"counts/keys/or", "3\n"},
        {"counts/at/1000/keys/to", "2\n"},
        {"counts/log", "1000\tbe\t1\n1000\tor\t1\n1000\tto\t2\n2000\tbe\t1\n2000\tnot\t2\n2000\tor\t3\n"},
        {"counts/meta.json", "{\"time\": 2000, \"window\": {\"from\": 1000, \"to\": 2000}, \"records\": 3, "
                             "\"bytes\": 16, \"inputs\": {\"count\": 2, \"first\": [\"in/a.log\", "
                             "\"in/b.log\"]}}\n"},
    };
    struct mounted mounted;
    mounted_open(&mounted, 10);
    mounted_publish(&mounted, shown_version(1000, "be\t1\nor\t1\nto\t2"));
    mounted_publish(&mounted, shown_version(2000, "be\t1\nnot\t2\nor\t3"));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        mounted_assert_text(&mounted, files[i].path, files[i].text);
    assert_int_equal(mounted_errno(&mounted, "counts/keys/to"), ENOENT);
    mounted_close(&mounted);
}

static void test_what_is_open_stays_on_its_version(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 1);
    mounted_publish(&mounted, shown_version(1, "first\t1"));
    int file = mounted_file(&mounted, "counts/current", O_RDONLY);
    int dir = mounted_file(&mounted, "counts/now", O_RDONLY | O_DIRECTORY);
    assert_true(file >= 0 && dir >= 0);
    char *bytes = mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
    assert_true(bytes != MAP_FAILED);
    let_linger_pass(&mounted);
    char *text = mounted_slurp(file);
    assert_string_equal(text, "first\t1\n");
    free(text);
    assert_memory_equal(bytes, "first\t1\n", 8);
    wait_until_gone(&mounted, "counts/at/1/data");
    int inside = openat(dir, "keys/first", O_RDONLY);
    assert_true(inside >= 0);
    text = mounted_slurp(inside);
    assert_string_equal(text, "1\n");
    free(text);
    munmap(bytes, 8);
    close(inside);
    close(file);
    close(dir);
    mounted_close(&mounted);
}

static void test_versions_beyond_keep_are_not_listed(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 3);
    for (int64_t t = 1; t <= 5; t++)
        mounted_publish(&mounted, shown_keys(t, 1, t));
    char *at = mounted_path(&mounted, "counts/at");
    DIR *dir = opendir(at);
    assert_non_null(dir);
    char names[64] = "";
    size_t length = 0;
    for (struct dirent *entry; (entry = readdir(dir)) && length < sizeof names;)
        if (entry->d_name[0] != '.')
            length += (size_t)snprintf(names + length, sizeof names - length, "%s", entry->d_name);
    closedir(dir);
    free(at);
    assert_string_equal(names, "345");
    mounted_close(&mounted);
}

static void test_extended_attributes_tell_batch_and_key(void **state)
{
    struct mounted mounted;
    char value[64];
    mounted_open(&mounted, 10);
    mounted_publish(&mounted, shown_version(1700000000000, "a b\t1"));
    char *key = mounted_path(&mounted, "counts/keys/a%20b"), *data = mounted_path(&mounted, "counts/current");
    assert_int_equal(getxattr(key, "user.key", value, sizeof value), 3);
    assert_memory_equal(value, "a b", 3);
    assert_int_equal(getxattr(data, "user.batch", value, sizeof value), 13);
    assert_memory_equal(value, "1700000000000", 13);
    assert_int_equal(getxattr(data, "user.batch", value, 3), -1);
    assert_int_equal(errno, ERANGE);
    assert_int_equal(getxattr(data, "user.key", value, sizeof value), -1);
    assert_int_equal(errno, ENODATA);
    free(key);
    free(data);
    mounted_close(&mounted);
}

static void test_nothing_can_be_written(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 10);
    mounted_publish(&mounted, shown_version(1, "a\t1"));
    char *path = mounted_path(&mounted, "counts/new");
    assert_int_equal(open(path, O_WRONLY | O_CREAT, 0600), -1);
    assert_int_equal(errno, EROFS);
    assert_int_equal(mounted_file(&mounted, "counts/current", O_RDWR), -1);
    assert_int_equal(errno, EROFS);
    free(path);
    mounted_close(&mounted);
}

static void test_names_over_255_bytes_are_too_long(void **state)
{
    struct mounted mounted;
    char path[512] = "counts/keys/";
    mounted_open(&mounted, 10);
    mounted_publish(&mounted, shown_version(1, "a\t1"));
    memset(path + strlen(path), 'x', 256);
    assert_int_equal(mounted_errno(&mounted, path), ENAMETOOLONG);
    path[strlen("counts/keys/") + 255] = 0;
    assert_int_equal(mounted_errno(&mounted, path), ENOENT);
    mounted_close(&mounted);
}

static void test_status_is_replaced_as_a_whole(void **state)
{
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_open(&mounted, 10);
    const struct sl_viewer_ops *ops = mounted.viewer->ops;
    assert_int_equal(mounted_errno(&mounted, ".sluice/status.json"), ENOENT);
    assert_int_equal(ops->document(mounted.viewer, "status.json", "{}\n", 3, &err), 0);
    mounted_assert_text(&mounted, ".sluice/status.json", "{}\n");
    int old = mounted_file(&mounted, ".sluice/status.json", O_RDONLY);
    assert_int_equal(ops->document(mounted.viewer, "status.json", "{\"batches\": 1}\n", 15, &err), 0);
    assert_true(ops->settle(mounted.viewer, 10000));
    mounted_assert_text(&mounted, ".sluice/status.json", "{\"batches\": 1}\n");
    char *text = mounted_slurp(old);
    assert_string_equal(text, "{}\n");
    free(text);
    close(old);
    mounted_close(&mounted);
}

static void test_closing_with_open_files_ends(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 10);
    mounted_publish(&mounted, shown_version(1, "a\t1"));
    int file = mounted_file(&mounted, "counts/current", O_RDONLY);
    int feed = mounted_file(&mounted, "counts/feed", O_RDONLY);
    int log = mounted_file(&mounted, "counts/log", O_RDONLY);
    assert_true(file >= 0 && feed >= 0 && log >= 0);
    mounted_close(&mounted);
    close(file);
    close(feed);
    close(log);
}

static void test_versions_are_given_back_at_close(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 2);
    struct sl_version *version = shown_version(1, "a\t1");
    mounted_publish(&mounted, sl_version_ref(version));
    for (int64_t t = 2; t < 6; t++)
        mounted_publish(&mounted, shown_keys(t, 3, t));
    mounted_assert_text(&mounted, "counts/log",
                        "4\tk0\t4\n4\tk1\t4\n4\tk2\t4\n5\tk0\t5\n5\tk1\t5\n5\tk2\t5\n");
    mounted_close(&mounted);
    assert_int_equal(version->refs, 1);
    sl_version_unref(version);
}

static uint64_t retired(struct sl_viewer_counts counts)
{
    return counts.pinned;
}

/* Everything of version 1, so that the caches hold it. */
static void read_first(struct mounted *mounted)
{
    static const char *const paths[] = {"counts/at/1/data",    "counts/at/1/meta.json", "counts/at/1/changes",
                                        "counts/at/1/keys/k7", "counts/at/1/keys/k8",   "counts/keys/k9"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(mounted_errno(mounted, paths[i]), 0);
    char *keys = mounted_path(mounted, "counts/at/1/keys");
    DIR *dir = opendir(keys);
    struct stat st;
    for (struct dirent *entry; (entry = readdir(dir));)
        assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
    closedir(dir);
    free(keys);
}

static void test_the_caches_give_back_what_is_retired(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 2);
    mounted_publish(&mounted, shown_keys(1, 100, 1));
    read_first(&mounted);
    assert_true(mounted_count(&mounted).lookups > 100);
    let_linger_pass(&mounted);
    mounted_wait(&mounted, retired, 0);
    assert_true(mounted_count(&mounted).lookups < 10);
    mounted_close(&mounted);
}

static void test_the_caches_give_back_what_was_open_when_it_was_retired(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 2);
    mounted_publish(&mounted, shown_keys(1, 100, 1));
    read_first(&mounted);
    int data = mounted_file(&mounted, "counts/at/1/data", O_RDONLY);
    int key = mounted_file(&mounted, "counts/at/1/keys/k3", O_RDONLY);
    int keys = mounted_file(&mounted, "counts/at/1/keys", O_RDONLY | O_DIRECTORY);
    int dir = mounted_file(&mounted, "counts/at/1", O_RDONLY | O_DIRECTORY);
    let_linger_pass(&mounted);
    mounted_wait(&mounted, retired, 1);
    struct stat st;
    assert_int_equal(fstatat(keys, "k55", &st, 0), 0);
    assert_int_equal(st.st_size, 2);
    assert_int_equal(fstatat(dir, "data.json", &st, 0), 0);
    close(data);
    close(key);
    close(keys);
    close(dir);
    mounted_wait(&mounted, retired, 0);
    mounted_close(&mounted);
}

int main(void)
{
    mounted_skip_without_fuse();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_the_first_version_there_is_no_now_and_an_empty_log),
        cmocka_unit_test(test_files_of_a_version),
        cmocka_unit_test(test_what_is_open_stays_on_its_version),
        cmocka_unit_test(test_versions_beyond_keep_are_not_listed),
        cmocka_unit_test(test_extended_attributes_tell_batch_and_key),
        cmocka_unit_test(test_nothing_can_be_written),
        cmocka_unit_test(test_names_over_255_bytes_are_too_long),
        cmocka_unit_test(test_status_is_replaced_as_a_whole),
        cmocka_unit_test(test_closing_with_open_files_ends),
        cmocka_unit_test(test_versions_are_given_back_at_close),
        cmocka_unit_test(test_the_caches_give_back_what_is_retired),
        cmocka_unit_test(test_the_caches_give_back_what_was_open_when_it_was_retired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
