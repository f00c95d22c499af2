/* The catalog over the life of a checkpoint: what is planned, committed, remembered and found again. */
#include "tests/unit/state/checkpoint.h"

#include <sqlite3.h>
#include <sys/wait.h>

static struct checkpoint ck;

static int setup(void **state)
{
    checkpoint_init(&ck);
    checkpoint_open(&ck);
    return 0;
}

static int teardown(void **state)
{
    checkpoint_done(&ck);
    return 0;
}

static void assert_file(const struct sl_file *file, const char *path, uint64_t inode)
{
    struct sl_file expected = a_file(path, inode);
    assert_string_equal(file->path, path);
    assert_true(sl_file_same(file, &expected));
    assert_int_equal(file->size, expected.size);
    assert_int_equal(file->mtime_ns, expected.mtime_ns);
}

static void test_catalog_begins_with_nothing(void **state)
{
    assert_false(ck.progress.any);
    assert_false(ck.progress.planned);
    assert_int_equal(ck.progress.batches, 0);
    assert_int_equal(ck.remembered[0].count, 0);
}

static void test_catalog_directory_is_for_the_owner_only(void **state)
{
    struct stat st;
    assert_int_equal(fstatat(ck.dirfd, "jobs/ck", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_catalog_finds_a_committed_batch_again(void **state)
{
    batch_one(&ck, 0, "in/a\xff\x01.log", UINT64_MAX - 5);
    checkpoint_reopen(&ck);
    assert_true(ck.progress.any);
    assert_int_equal(ck.progress.last_ms, 1000);
    assert_int_equal(ck.progress.batches, 1);
    assert_false(ck.progress.planned);
    assert_int_equal(ck.remembered[0].count, 1);
    assert_int_equal(ck.remembered[1].count, 0);
    assert_file(&ck.remembered[0].file[0], "in/a\xff\x01.log", UINT64_MAX - 5);
}

static void test_catalog_reads_the_files_of_the_last_batch_for_whom_wants_them_only(void **state)
{
    const struct sl_catalog_wants nothing = {0};
    struct sl_progress progress;
    batch_one(&ck, 0, "in/a", 1);
    checkpoint_reopen(&ck);
    assert_int_equal(ck.progress.last.files[0].count, 1);
    checkpoint_close(&ck);
    assert_int_equal(sl_catalog_open(&sl_io_system, ck.dirfd, "jobs/ck", &ck.catalog, &ck.err), 0);
    assert_int_equal(sl_catalog_load(ck.catalog, 2, source_key, &nothing, &progress, &ck.err), 0);
    assert_int_equal(progress.last_ms, 1000);
    assert_null(progress.last.files);
    sl_progress_done(&progress);
}

static void test_catalog_finds_a_planned_batch_after_a_crash(void **state)
{
    batch_one(&ck, 0, "in/a", 1);
    plan_one(&ck, 1, "in/b", 2);
    checkpoint_reopen(&ck);
    assert_true(ck.progress.planned);
    assert_int_equal(ck.progress.plan.batch_ms, 2000);
    assert_int_equal(ck.progress.plan.number, 1);
    assert_int_equal(ck.progress.plan.sources, 2);
    assert_int_equal(ck.progress.plan.files[0].count, 1);
    assert_int_equal(ck.progress.plan.files[1].count, 0);
    assert_file(&ck.progress.plan.files[0].file[0], "in/b", 2);
    assert_int_equal(ck.progress.last_ms, 1000);
    assert_int_equal(ck.remembered[0].count, 1);
    assert_int_equal(commit_one(&ck, 1, "in/b", 2, NULL), 0);
    checkpoint_reopen(&ck);
    assert_false(ck.progress.planned);
    assert_int_equal(ck.remembered[0].count, 2);
}

/* The process ends without closing anything. */
static void test_catalog_survives_the_end_of_its_process(void **state)
{
    checkpoint_close(&ck);
    pid_t child = fork();
    if (child == 0) {
        checkpoint_open(&ck);
        batch_one(&ck, 0, "in/a", 1);
        plan_one(&ck, 1, "in/b", 2);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    checkpoint_open(&ck);
    assert_int_equal(ck.progress.batches, 1);
    assert_true(ck.progress.planned);
}

static void test_catalog_keeps_the_order_of_a_plan(void **state)
{
    struct sl_files files[2] = {0};
    struct sl_batch_plan plan = {.batch_ms = 1000, .sources = 2, .files = files};
    char path[32];
    for (uint64_t i = 0; i < 500; i++) {
        snprintf(path, sizeof path, "in/%03d", (int)(i * 7 % 500));
        add_file(&files[i % 2], path, i);
    }
    assert_int_equal(sl_catalog_plan(ck.catalog, &plan, &ck.err), 0);
    checkpoint_reopen(&ck);
    for (size_t s = 0; s < 2; s++) {
        assert_int_equal(ck.progress.plan.files[s].count, 250);
        for (size_t i = 0; i < 250; i++)
            assert_file(&ck.progress.plan.files[s].file[i], files[s].file[i].path, files[s].file[i].inode);
        sl_files_done(&files[s]);
    }
}

static void test_catalog_forgets_files_that_have_gone(void **state)
{
    struct sl_file gone = a_file("in/a", 1);
    batch_one(&ck, 0, "in/a", 1);
    plan_one(&ck, 1, "in/b", 2);
    assert_int_equal(commit_one(&ck, 1, "in/b", 2, &gone), 0);
    checkpoint_reopen(&ck);
    assert_int_equal(ck.remembered[0].count, 1);
    assert_file(&ck.remembered[0].file[0], "in/b", 2);
}

static void test_catalog_remembers_the_newer_file_of_a_name(void **state)
{
    struct sl_file older = a_file("in/a", 1);
    batch_one(&ck, 0, "in/a", 1);
    plan_one(&ck, 1, "in/a", 2);
    assert_int_equal(commit_one(&ck, 1, "in/a", 2, &older), 0); /* the older one has gone, the newer stays */
    checkpoint_reopen(&ck);
    assert_int_equal(ck.remembered[0].count, 1);
    assert_file(&ck.remembered[0].file[0], "in/a", 2);
}

static void test_catalog_tells_sources_apart_by_key_not_by_position(void **state)
{
    static const char *const changed[] = {"new", "in"}, *const twice[] = {"in", "in"};
    batch_one(&ck, 0, "in/a", 1);
    checkpoint_close(&ck);
    assert_int_equal(checkpoint_load(&ck, 2, changed), 0);
    assert_int_equal(ck.remembered[0].count, 0);
    assert_int_equal(ck.remembered[1].count, 1);
    checkpoint_close(&ck);
    assert_int_equal(checkpoint_load(&ck, 2, twice), 0);
    assert_int_equal(ck.remembered[0].count, 1);
    assert_int_equal(ck.remembered[1].count, 0);
}

static void test_catalog_refuses_to_drop_the_files_of_a_plan(void **state)
{
    static const char *const changed[] = {"new", "in2"};
    plan_one(&ck, 0, "in/a", 1);
    checkpoint_close(&ck);
    assert_int_equal(checkpoint_load(&ck, 2, changed), SL_EUSAGE);
    assert_non_null(strstr(ck.err.text, "with files of in,"));
}

/* ---- the lock ---- */

static void test_catalog_is_held_by_one_process(void **state)
{
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sl_catalog *second;
        struct sl_error err = {0};
        int r = sl_catalog_open(&sl_io_system, ck.dirfd, "jobs/ck", &second, &err);
        ssize_t written = write(told[1], err.text, strlen(err.text));
        _exit(r == SL_EHELD && written > 0 ? 0 : 1);
    }
    int status;
    char text[SL_ERROR_TEXT_MAX] = "", expected[64];
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(told[0], text, sizeof text - 1) > 0);
    snprintf(expected, sizeof expected, "in use by process %ld", (long)getpid());
    assert_non_null(strstr(text, expected));
    assert_int_equal(status, 0);
    close(told[0]);
    close(told[1]);
}

/* ---- for people ---- */

static int64_t ask(const char *sql)
{
    char path[300];
    sqlite3 *reader;
    sqlite3_stmt *statement;
    snprintf(path, sizeof path, "%s/jobs/ck/catalog.db", ck.dir);
    assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(reader, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(reader);
    return answer;
}

/* A batch of the files of these numbers, each with the inode 100 * batch + number; of some numbers with that of batch 0. */
static void batch_of(uint64_t batch, int from, int to, int same_until)
{
    struct sl_files files[2] = {0};
    struct sl_batch_plan plan = {
        .batch_ms = 1000 * ((int64_t)batch + 1), .number = batch, .sources = 2, .files = files};
    const struct sl_committed committed = {.plan = &plan};
    char path[32];
    for (int i = from; i < to; i++) {
        snprintf(path, sizeof path, i % 9 == 8 ? "letters-%02d" : "in/%02d", i);
        add_file(&files[i % 5 == 4], path, (i < same_until ? 0 : 100 * batch) + (uint64_t)i);
    }
    assert_int_equal(sl_catalog_plan(ck.catalog, &plan, &ck.err), 0);
    if (sl_catalog_commit(ck.catalog, &committed, &ck.err) < 0)
        fail_msg("%s", ck.err.text);
    sl_files_done(&files[0]);
    sl_files_done(&files[1]);
}

/* Whose names are remembered already, are not, or are of the same files. */
static void test_catalog_remembers_the_newest_of_many_files(void **state)
{
    size_t met = 0;
    batch_of(0, 0, 60, 0);
    batch_of(1, 20, 90, 40);
    batch_of(2, 88, 99, 0);
    checkpoint_reopen(&ck);
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < ck.remembered[s].count; i++, met++) {
            const struct sl_file *file = &ck.remembered[s].file[i];
            uint64_t n = strtoul(file->path + strlen("in/"), NULL, 10);
            assert_int_equal(n % 5 == 4, s);
            assert_int_equal(file->inode, n + (n >= 88 ? 200 : n >= 40 ? 100 : 0));
        }
    assert_int_equal(met, 99 - 99 / 9);
    assert_int_equal(ask("SELECT count(*) FROM file"), 60 + 70 + 11);
}

static void test_catalog_views_say_what_happened(void **state)
{
    batch_one(&ck, 0, "in/a", 1);
    plan_one(&ck, 1, "in/b", 2);
    static const struct {
        const char *sql;
        int64_t expected;
    } cases[] = {
        {"SELECT count(*) FROM batches", 2},
        {"SELECT batch FROM batches WHERE status = 'planned'", 2000},
        {"SELECT files FROM batches WHERE batch = 1000 AND rejected = 2 AND started_ms = 5", 1},
        {"SELECT batch FROM files WHERE path = 'in/b' AND source = 'in' AND bytes = 100", 2000},
        {"SELECT records FROM outputs WHERE path = 'out/x' AND file = 'part-00000' AND bytes = 9", 3},
        {"SELECT count(*) FROM outputs WHERE xxh3 = 'fffffffffffffffe'", 1},
        {"SELECT count FROM errors WHERE batch = 1000 AND kind = 'records'", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ask(cases[i].sql), cases[i].expected);
}

/* ---- the history of outputs ---- */

struct seen {
    int count;
    int64_t time_ms[8];
};

static int see(void *arg, int64_t time_ms, const char *path)
{
    struct seen *seen = arg;
    assert_string_equal(path, "out/x");
    seen->time_ms[seen->count++] = time_ms;
    return 0;
}

/* Those except the newest `keep`. */
static struct seen history_but(uint64_t keep)
{
    struct seen seen = {0};
    struct sl_history *known = sl_catalog_history(ck.catalog);
    assert_int_equal(known->ops->oldest(known, "out/x*", keep, see, &seen, &ck.err), 0);
    return seen;
}

static struct seen history(void)
{
    return history_but(0);
}

static void test_catalog_history_knows_what_was_made(void **state)
{
    struct sl_manifest manifest;
    struct sl_history *known = sl_catalog_history(ck.catalog);
    batch_one(&ck, 0, "in/a", 1);
    batch_one(&ck, 1, "in/b", 2);
    struct seen seen = history();
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.time_ms[0], 1000);
    assert_int_equal(seen.time_ms[1], 2000);
    assert_int_equal(known->ops->manifest(known, 1000, "out/x", &manifest, &ck.err), 0);
    assert_int_equal(manifest.records, 3);
    assert_int_equal(manifest.count, 1);
    assert_string_equal(manifest.file[0].name, "part-00000");
    assert_int_equal(manifest.file[0].bytes, 9);
    assert_int_equal(manifest.file[0].hash, UINT64_MAX - 1);
    sl_manifest_done(&manifest);
}

static void test_catalog_history_gives_the_oldest_of_one_output(void **state)
{
    struct seen none = {0};
    struct sl_history *known = sl_catalog_history(ck.catalog);
    for (uint64_t i = 0; i < 5; i++)
        batch_one(&ck, i, "in/a", i);
    struct seen seen = history_but(3);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.time_ms[1], 2000);
    assert_int_equal(known->ops->oldest(known, "out/y*", 0, see, &none, &ck.err), 0);
    assert_int_equal(none.count, 0);
    assert_int_equal(known->ops->release(known, 1000, "out/x", &ck.err), 0);
    plan_one(&ck, 5, NULL, 0);
    assert_int_equal(history_but(3).count, 1);
}

static void test_catalog_history_forgets_what_was_released_with_the_next_transaction(void **state)
{
    struct sl_history *known = sl_catalog_history(ck.catalog);
    batch_one(&ck, 0, "in/a", 1);
    batch_one(&ck, 1, "in/b", 2);
    assert_int_equal(known->ops->release(known, 1000, "out/x", &ck.err), 0);
    plan_one(&ck, 2, NULL, 0);
    checkpoint_reopen(&ck);
    struct seen seen = history();
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.time_ms[0], 2000);
}

/* What is needed stays: the taken files, and what an output will ask for. */
static void test_catalog_drops_old_history_and_nothing_that_is_needed(void **state)
{
    char name[32];
    struct sl_history *known = sl_catalog_history(ck.catalog);
    for (uint64_t i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "in/%03d", (int)i);
        ck.history_from_ms = 1000 * ((int64_t)i + 1) - 9000;
        batch_one(&ck, i, name, i);
        assert_int_equal(known->ops->release(known, 1000 * ((int64_t)i - 19), "out/x", &ck.err), 0);
    }
    plan_one(&ck, 100, NULL, 0);
    assert_int_equal(ask("SELECT count(*) FROM batches WHERE status = 'committed'"), 10);
    assert_int_equal(ask("SELECT min(batch) FROM batches"), 91000);
    assert_int_equal(ask("SELECT count(*) FROM files"), 10);
    assert_int_equal(ask("SELECT count(*) FROM errors"), 10);
    assert_int_equal(ask("SELECT min(batch) FROM outputs"), 81000);
    assert_int_equal(ask("SELECT count(*) FROM outputs"), 20);
    assert_int_equal(ask("SELECT count(*) FROM output_file"), 20);
    checkpoint_reopen(&ck);
    assert_int_equal(ck.remembered[0].count, 100);
    assert_int_equal(ck.progress.batches, 100);
}

/* A reader that keeps its transaction open sees its batch and holds nobody up, however long the log gets. */
static void test_catalog_commits_while_a_reader_keeps_a_transaction_open(void **state)
{
    char path[300], name[32];
    sqlite3 *reader;
    batch_one(&ck, 0, "in/a", 1);
    snprintf(path, sizeof path, "%s/jobs/ck/catalog.db", ck.dir);
    assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM batches;", NULL, NULL, NULL),
                     SQLITE_OK);
    for (uint64_t i = 1; i < 300; i++) {
        snprintf(name, sizeof name, "in/%03d", (int)i);
        batch_one(&ck, i, name, i);
    }
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_equal(ask("SELECT count(*) FROM batches"), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_catalog_begins_with_nothing),
        TEST(test_catalog_directory_is_for_the_owner_only),
        TEST(test_catalog_finds_a_committed_batch_again),
        TEST(test_catalog_reads_the_files_of_the_last_batch_for_whom_wants_them_only),
        TEST(test_catalog_finds_a_planned_batch_after_a_crash),
        TEST(test_catalog_survives_the_end_of_its_process),
        TEST(test_catalog_keeps_the_order_of_a_plan),
        TEST(test_catalog_forgets_files_that_have_gone),
        TEST(test_catalog_remembers_the_newer_file_of_a_name),
        TEST(test_catalog_remembers_the_newest_of_many_files),
        TEST(test_catalog_tells_sources_apart_by_key_not_by_position),
        TEST(test_catalog_refuses_to_drop_the_files_of_a_plan),
        TEST(test_catalog_is_held_by_one_process),
        TEST(test_catalog_views_say_what_happened),
        TEST(test_catalog_history_knows_what_was_made),
        TEST(test_catalog_history_gives_the_oldest_of_one_output),
        TEST(test_catalog_history_forgets_what_was_released_with_the_next_transaction),
        TEST(test_catalog_drops_old_history_and_nothing_that_is_needed),
        TEST(test_catalog_commits_while_a_reader_keeps_a_transaction_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
