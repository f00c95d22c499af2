/* Table taken as a start reads it, where it has so many rows that two threads do: each file is remembered once, and a table
 * that is not what was written is damage, wherever the threads meet. */
#include "core/base/pool.h"
#include "state/catalog/rows.h"
#include "tests/unit/state/checkpoint.h"

#include <sqlite3.h>
#include <sys/resource.h>
#include <xxhash.h>

enum { FILES = 30000, OTHERS = 3000, LONG = 2000 };

static struct checkpoint ck;

/* File number i of a source: short and long paths, in another order than their numbers. */
static void path_of(char *path, size_t size, size_t source, size_t i)
{
    int len = snprintf(path, size, "%s/%zu-%zu", source_key[source], i % 97, i);
    for (size_t more = i % 100 == 0 ? i / 100 % LONG : 0; more; more--)
        path[len++] = '/';
    path[len] = 0;
}

static void fill(struct sl_files *files, size_t source, size_t count)
{
    char path[LONG + 100];
    for (size_t i = 0; i < count; i++) {
        path_of(path, sizeof path, source, i);
        add_file(files, path, 10 * i + source + 1);
    }
    sl_files_sort(files, 0);
}

static int setup(void **state)
{
    struct sl_files files[2] = {0};
    struct sl_batch_plan plan = {.batch_ms = 1000, .sources = 2, .files = files};
    const struct sl_committed batch = {.plan = &plan};
    checkpoint_init(&ck);
    checkpoint_open(&ck);
    fill(&files[0], 0, FILES);
    fill(&files[1], 1, OTHERS);
    assert_int_equal(sl_catalog_plan(ck.catalog, &plan, &ck.err), 0);
    assert_int_equal(sl_catalog_commit(ck.catalog, &batch, &ck.err), 0);
    sl_files_done(&files[0]);
    sl_files_done(&files[1]);
    checkpoint_close(&ck);
    return 0;
}

static int teardown(void **state)
{
    sl_pool_free(ck.pool);
    ck.pool = NULL;
    ck.remember_max = 0;
    checkpoint_done(&ck);
    return 0;
}

static void use_workers(unsigned workers)
{
    sl_pool_free(ck.pool);
    ck.pool = workers ? sl_pool_new(workers, &ck.err) : NULL;
    assert_true(ck.pool || !workers);
}

static void assert_all(void)
{
    struct sl_files files[2] = {0};
    fill(&files[0], 0, FILES);
    fill(&files[1], 1, OTHERS);
    for (size_t s = 0; s < 2; s++) {
        sl_files_sort(&ck.remembered[s], 0);
        assert_int_equal(ck.remembered[s].count, files[s].count);
        for (size_t i = 0; i < files[s].count; i++) {
            assert_string_equal(ck.remembered[s].file[i].path, files[s].file[i].path);
            assert_int_equal(ck.remembered[s].file[i].inode, files[s].file[i].inode);
        }
        sl_files_done(&files[s]);
    }
}

static void test_taken_is_remembered_once_by_any_number_of_workers(void **state)
{
    for (unsigned workers = 0; workers < 5; workers++) {
        use_workers(workers);
        checkpoint_open(&ck);
        assert_all();
        checkpoint_close(&ck);
    }
}

static void test_taken_is_read_where_there_is_no_second_connection(void **state)
{
    struct rlimit before, now;
    use_workers(2);
    assert_int_equal(sl_catalog_open(&sl_io_system, ck.dirfd, "jobs/ck", &ck.catalog, &ck.err), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    const struct sl_catalog_wants wants = {.remember = checkpoint_remember, .arg = &ck, .pool = ck.pool};
    int r = sl_catalog_load(ck.catalog, 2, source_key, &wants, &ck.progress, &ck.err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(r, 0);
    assert_all();
}

static void test_taken_ends_where_remembering_fails(void **state)
{
    for (unsigned workers = 1; workers < 4; workers++)
        for (size_t most = 1; most < FILES; most = 3 * most + 1000) {
            use_workers(workers);
            ck.remember_max = most;
            assert_int_equal(checkpoint_load(&ck, 2, source_key), SL_EFAIL);
            assert_string_equal(ck.err.text, "enough is remembered");
        }
}

/* ---- damage ---- */

static sqlite3 *database(void)
{
    char path[300];
    sqlite3 *handle;
    snprintf(path, sizeof path, "%s/jobs/ck/catalog.db", ck.dir);
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    return handle;
}

static void change(const char *sql)
{
    sqlite3 *handle = database();
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(handle), 1);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static void assert_damaged(const char *what)
{
    for (unsigned workers = 1; workers < 4; workers++) {
        use_workers(workers);
        assert_int_equal(checkpoint_load(&ck, 2, source_key), SL_EDAMAGED);
        if (!strstr(ck.err.text, what))
            fail_msg("%s is not in %s", what, ck.err.text);
    }
}

/* The beginning, a place where the threads may meet, and the end. */
static const char *const places[] = {"in/0-0", "in/48-10039", "in/9-9", "in2/0-0", "in2/9-9"};

static void test_taken_without_a_row_is_damage(void **state)
{
    char sql[400];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(sql, sizeof sql, "DELETE FROM taken WHERE path = '%s'", places[i]);
        change(sql);
        assert_damaged("rows are missing or doubled");
        teardown(NULL);
        setup(NULL);
    }
}

static void test_taken_with_a_row_that_is_sound_and_too_many_is_damage(void **state)
{
    XXH3_state_t *hash = XXH3_createState();
    char path[300], sql[700];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s+", places[i]);
        const struct sl_file file = a_file(path, 7);
        int64_t source = places[i][2] == '2' ? 2 : 1;
        snprintf(sql, sizeof sql, "INSERT INTO taken VALUES (%lld, '%s', %llu, %lld, %lld, %lld, %lld, 0)",
                 (long long)source, path, (unsigned long long)file.inode, (long long)file.born_ns,
                 (long long)file.mtime_ns, (long long)file.size,
                 (long long)sl_row_taken(hash, source, &file));
        change(sql);
        assert_damaged("rows are missing or doubled");
        snprintf(sql, sizeof sql, "DELETE FROM taken WHERE path = '%s'", path);
        change(sql);
    }
    XXH3_freeState(hash);
    use_workers(2);
    checkpoint_open(&ck);
    assert_all();
}

static void test_taken_with_a_row_that_has_changed_is_damage(void **state)
{
    char sql[400];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(sql, sizeof sql, "UPDATE taken SET size = size + 1 WHERE path = '%s'", places[i]);
        change(sql);
        assert_damaged(places[i]);
        snprintf(sql, sizeof sql, "UPDATE taken SET size = size - 1 WHERE path = '%s'", places[i]);
        change(sql);
    }
    use_workers(2);
    checkpoint_open(&ck);
    assert_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_taken_is_remembered_once_by_any_number_of_workers),
        TEST(test_taken_is_read_where_there_is_no_second_connection),
        TEST(test_taken_ends_where_remembering_fails),
        TEST(test_taken_without_a_row_is_damage),
        TEST(test_taken_with_a_row_that_is_sound_and_too_many_is_damage),
        TEST(test_taken_with_a_row_that_has_changed_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
