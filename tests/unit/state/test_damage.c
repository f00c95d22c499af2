/* A byte that rots in a checkpoint is harmless or named, wherever it is: never computed with.
 *
 * A good checkpoint is kept as bytes, once as a closed catalog leaves it and once as a killed process does,
 * with a long log. Each case puts it back, changes one byte of one file, and starts. */
#include "tests/unit/state/checkpoint.h"

#include <sqlite3.h>

enum { BATCHES = 12, CASES = 250, FILES = 3 };

static const char *const file_name[FILES] = {"catalog.db", "catalog.db-wal", "seal"};

struct image {
    char *bytes[FILES];
    size_t len[FILES];
};

static struct checkpoint ck;
static struct image image;

static void image_take(void)
{
    char path[64];
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "jobs/ck/%s", file_name[i]);
        free(image.bytes[i]);
        image.bytes[i] = NULL;
        image.len[i] = 0;
        if (faccessat(ck.dirfd, path, F_OK, 0) == 0)
            assert_int_equal(sl_io_read_file(&sl_io_system, ck.dirfd, path, 64 << 20, &image.bytes[i],
                                             &image.len[i], &ck.err),
                             0);
    }
}

static void put_file(unsigned i, const char *path)
{
    int fd = openat(ck.dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, image.bytes[i], image.len[i]), image.len[i]);
    close(fd);
}

static void image_put(void)
{
    char path[64];
    assert_int_equal(sl_io_remove_tree(&sl_io_system, ck.dirfd, "jobs/ck", &ck.err), 0);
    assert_int_equal(mkdirat(ck.dirfd, "jobs/ck", 0700), 0);
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "jobs/ck/%s", file_name[i]);
        if (image.bytes[i])
            put_file(i, path);
    }
}

/* Committed batches 0 .. BATCHES-1, the last one planned only. */
static void make_history(void)
{
    char path[32];
    checkpoint_open(&ck);
    for (uint64_t i = 0; i < BATCHES; i++) {
        snprintf(path, sizeof path, "in/%02d", (int)i);
        batch_one(&ck, i, path, i + 1);
    }
    plan_one(&ck, BATCHES, "in/last", 99);
}

static int setup(void **state)
{
    checkpoint_init(&ck);
    make_history();
    return 0;
}

static int teardown(void **state)
{
    checkpoint_done(&ck);
    for (unsigned i = 0; i < FILES; i++) {
        free(image.bytes[i]);
        image.bytes[i] = NULL;
    }
    return 0;
}

static void assert_sound(void)
{
    assert_int_equal(ck.progress.batches, BATCHES);
    assert_int_equal(ck.progress.last_ms, 1000 * BATCHES);
    assert_true(ck.progress.planned);
    assert_int_equal(ck.progress.plan.files[0].count, 1);
    assert_string_equal(ck.progress.plan.files[0].file[0].path, "in/last");
    assert_int_equal(ck.progress.plan.files[0].file[0].inode, 99);
    assert_int_equal(ck.remembered[0].count, BATCHES);
    for (uint64_t i = 0; i < BATCHES; i++)
        assert_int_equal(ck.remembered[0].file[i].inode, i + 1);
}

/* True: it was named. */
static bool start(void)
{
    int r = checkpoint_load(&ck, 2, source_key);
    if (r == 0) {
        assert_sound();
        r = commit_one(&ck, BATCHES, "in/last", 99, NULL);
    }
    if (r != 0 && (r != SL_EDAMAGED || !strstr(ck.err.text, "jobs/ck/catalog.db")))
        fail_msg("code %d: %s", r, ck.err.text);
    checkpoint_close(&ck);
    return r != 0;
}

/* One flipped bit at each of CASES places spread over the file. */
static unsigned flip_over(unsigned file, unsigned seed)
{
    unsigned named = 0;
    for (unsigned i = 0; i < CASES; i++) {
        seed = seed * 1103515245 + 12345;
        size_t at = (size_t)i * image.len[file] / CASES + (seed >> 8) % (image.len[file] / CASES + 1);
        char bit = (char)(1 << (seed >> 28) % 8);
        if (at >= image.len[file])
            continue;
        image.bytes[file][at] ^= bit;
        image_put();
        image.bytes[file][at] ^= bit;
        named += start();
    }
    return named;
}

static void test_damage_of_a_closed_catalog_is_harmless_or_named(void **state)
{
    checkpoint_close(&ck);
    image_take();
    assert_null(image.bytes[1]);
    print_message("named %u of %d\n", flip_over(0, 1), CASES);
    flip_over(2, 1);
}

static void test_damage_of_a_killed_catalog_is_harmless_or_named(void **state)
{
    image_take();
    checkpoint_close(&ck);
    assert_non_null(image.bytes[1]);
    unsigned named = flip_over(1, 2);
    print_message("named %u of %d\n", named, CASES);
    assert_true(named > CASES / 2); /* the log holds everything: most of it matters */
    flip_over(0, 2);
    flip_over(2, 2);
}

static void test_damage_a_lost_log_is_named(void **state)
{
    image_take();
    checkpoint_close(&ck);
    image_put();
    assert_int_equal(unlinkat(ck.dirfd, "jobs/ck/catalog.db-wal", 0), 0);
    assert_true(start());
}

/* A log cut short is what a power loss may leave only of what was never acknowledged: the seal knows. */
static void test_damage_a_log_cut_short_is_named(void **state)
{
    image_take();
    checkpoint_close(&ck);
    image.len[1] -= 4096;
    image_put();
    assert_true(start());
}

static void test_damage_a_lost_seal_is_harmless(void **state)
{
    checkpoint_close(&ck);
    image_take();
    image_put();
    assert_int_equal(unlinkat(ck.dirfd, "jobs/ck/seal", 0), 0);
    assert_false(start());
}

static void test_damage_a_newer_schema_is_refused(void **state)
{
    checkpoint_close(&ck);
    image_take();
    image.bytes[0][63] = 77; /* user_version, SQLite's header */
    image_put();
    assert_int_equal(checkpoint_load(&ck, 2, source_key), SL_EDAMAGED);
    assert_non_null(strstr(ck.err.text, "written by a newer sluice (schema 77"));
}

static void test_damage_another_database_is_refused(void **state)
{
    checkpoint_close(&ck);
    image_take();
    image.bytes[0][68] = 1; /* application_id */
    image_put();
    assert_int_equal(checkpoint_load(&ck, 2, source_key), SL_EDAMAGED);
    assert_non_null(strstr(ck.err.text, "another program"));
}

/* Rows that decide results cannot be changed, lost or added unnoticed. */
static void test_damage_of_a_row_names_its_table(void **state)
{
    static const struct {
        const char *sql, *expected;
    } cases[] = {
        {"UPDATE taken SET inode = 5 WHERE path = 'in/03'", "table taken, row in/03"},
        {"UPDATE taken SET path = 'in/x' WHERE path = 'in/03'", "table taken, row in/x"},
        {"DELETE FROM taken WHERE path = 'in/03'", "table taken, rows are missing or doubled"},
        {"UPDATE file SET path = 'in/x' WHERE batch = 12", "table file, row in/x"},
        {"DELETE FROM file WHERE batch = 12", "table file, rows of batch 13000 are missing"},
        {"UPDATE batch SET time_ms = 14000 WHERE number = 12", "table batch, row 12"},
        {"DELETE FROM batch WHERE number = 12", "table batch, row 12 is missing"},
        {"UPDATE progress SET planned = -1", "table progress, row 1"},
        {"DELETE FROM progress", "table progress, its row is missing"},
        {"UPDATE source SET key = 'x' WHERE key = 'in'", "table source, row 1"},
        {"DELETE FROM source WHERE key = 'in'", "table source, a row is missing"},
        {"DROP TABLE taken", "no such table"},
    };
    char path[300];
    checkpoint_close(&ck);
    image_take();
    snprintf(path, sizeof path, "%s/jobs/ck/catalog.db", ck.dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sqlite3 *other;
        image_put();
        assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, cases[i].sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(other);
        assert_int_equal(checkpoint_load(&ck, 2, source_key), SL_EDAMAGED);
        if (!strstr(ck.err.text, cases[i].expected))
            fail_msg("%s: %s", cases[i].sql, ck.err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_damage_of_a_closed_catalog_is_harmless_or_named),
        TEST(test_damage_of_a_killed_catalog_is_harmless_or_named),
        TEST(test_damage_of_a_row_names_its_table),
        TEST(test_damage_a_lost_log_is_named),
        TEST(test_damage_a_log_cut_short_is_named),
        TEST(test_damage_a_lost_seal_is_harmless),
        TEST(test_damage_a_newer_schema_is_refused),
        TEST(test_damage_another_database_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
