/* Runs of rows on disk: they come back as they were, whoever reads them; what fails or is damaged is said. */
#include "state/spill/spill.h"

#include "core/rows/dataset.h"
#include "tests/unit/core/fault_calls.h"
#include "tests/unit/state/checkpoint.h"

enum { ROWS = 5000 };

/* ---- a directory, and runs in it ---- */

struct bench {
    struct checkpoint place; /* its directory only */
    struct fault_calls fault;
    struct sl_spill *spill;
    struct sl_error err;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){.fault = fault_calls_new(0, 0)};
    checkpoint_init(&bench->place);
    assert_int_equal(
        sl_spill_open(&bench->fault.io, bench->place.dirfd, "spill", true, &bench->spill, &bench->err), 0);
}

static void bench_done(struct bench *bench)
{
    sl_spill_close(bench->spill);
    assert_int_equal(bench->fault.open, 0);
    checkpoint_done(&bench->place);
}

/* Row i: a number, a string, every 700 rows of another width, now and then something large. */
static uint32_t make_row(uint64_t i, char text[70000], struct sl_field *fields)
{
    static const struct sl_field items[2] = {{.tag = SL_INT, .integer = 7}, {.tag = SL_NIL}};
    int len = i % 997 == 3 ? 69000 : snprintf(text, 100, "row %d", (int)i);
    if (len == 69000)
        memset(text, 'x', 69000);
    fields[0] = sl_integer((int64_t)i);
    fields[1] = sl_string(text, (size_t)len);
    fields[2] = sl_list(items, 2);
    fields[2].flags = i % 2 ? SL_FIELD_ROW : 0;
    return i / 700 % 2 ? 2 : 3;
}

static void assert_row(uint64_t i, const struct sl_field *fields, uint32_t width)
{
    static char text[70000];
    struct sl_field wanted[3];
    assert_int_equal(width, make_row(i, text, wanted));
    for (uint32_t c = 0; c < width; c++)
        assert_true(sl_field_equals(&fields[c], &wanted[c]));
    if (width == 3)
        assert_int_equal(fields[2].flags, wanted[2].flags);
}

/* Rows [from, to) as a run of the file. */
static int write_run(struct bench *bench, struct sl_spill_file *file, uint64_t from, uint64_t to,
                     struct sl_stored **ret)
{
    static char text[70000];
    struct sl_field fields[3];
    int r = 0;
    for (uint64_t i = from; r == 0 && i < to; i++) {
        uint32_t width = make_row(i, text, fields);
        r = bench->spill->ops->row(file, fields, width, &bench->err);
    }
    return r < 0 ? r : bench->spill->ops->end(file, ret, &bench->err);
}

static struct sl_rows *rows_on_disk(struct bench *bench)
{
    struct sl_spill_file *file;
    struct sl_stored *run;
    assert_int_equal(bench->spill->ops->open(bench->spill, &file, &bench->err), 0);
    assert_int_equal(write_run(bench, file, 0, ROWS, &run), 0);
    bench->spill->ops->close(file);
    struct sl_rows *rows = sl_rows_stored(run);
    assert_non_null(rows);
    return rows;
}

static size_t names_in(struct bench *bench, const char *path)
{
    int fd = openat(bench->place.dirfd, path, O_RDONLY | O_DIRECTORY);
    DIR *dir = fdopendir(fd);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.' || entry->d_name[1] == 's';
    closedir(dir);
    return count;
}

/* ---- what comes back ---- */

struct counting {
    struct sl_outlet outlet;
    uint64_t next;
};

static int count_rows(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct counting *counting = (struct counting *)outlet;
    struct sl_field fields[SL_WIDTH_MAX];
    for (uint32_t row = 0; row < chunk->rows; row++) {
        sl_chunk_row(chunk, row, fields);
        assert_row(counting->next++, fields, chunk->width);
    }
    return 0;
}

static void test_a_run_comes_back_as_it_was(void **state)
{
    struct bench bench;
    bench_init(&bench);
    struct sl_dataset *dataset = sl_dataset_of(rows_on_disk(&bench));
    for (uint64_t from = 0; from < ROWS; from += 777) {
        struct counting counting = {{count_rows}, from};
        assert_int_equal(sl_dataset_push(dataset, 0, from, ROWS - from / 3, &counting.outlet), 0);
        assert_int_equal(counting.next, from < ROWS - from / 3 ? ROWS - from / 3 : from);
    }
    sl_dataset_unref(dataset);
    bench_done(&bench);
}

static void test_rows_of_a_cursor_stay(void **state)
{
    struct bench bench;
    bench_init(&bench);
    struct sl_dataset *dataset = sl_dataset_of(rows_on_disk(&bench));
    static struct sl_field kept[ROWS][SL_WIDTH_MAX];
    static uint32_t width[ROWS];
    struct sl_cursor cursor;
    sl_cursor_init(&cursor, dataset);
    for (uint64_t i = 0; i < ROWS; i++)
        assert_true(sl_cursor_next(&cursor, kept[i], &width[i]));
    assert_false(sl_cursor_next(&cursor, kept[0], &width[0]));
    assert_int_equal(sl_spill_failure(bench.spill, &bench.err), 0);
    sl_cursor_seek(&cursor, 4000);
    assert_true(sl_cursor_next(&cursor, kept[4000], &width[4000]));
    for (uint64_t i = 0; i < ROWS; i++)
        assert_row(i, kept[i], width[i]);
    sl_dataset_unref(dataset);
    bench_done(&bench);
}

static void test_a_passing_cursor_keeps_one_block(void **state)
{
    struct bench bench;
    bench_init(&bench);
    struct sl_rows *rows = rows_on_disk(&bench);
    struct sl_dataset *dataset = sl_dataset_of(sl_rows_ref(rows));
    struct sl_arena block = {0};
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    uint64_t at = 0;
    assert_int_equal(sl_dataset_add(dataset, 0, rows, 0, ROWS), 0); /* the same rows again */
    sl_cursor_pass(&cursor, dataset, &block);
    for (; sl_cursor_next(&cursor, fields, &width); at++)
        assert_row(at % ROWS, fields, width);
    assert_int_equal(at, 2 * ROWS);
    for (size_t i = 0; i < rows->chunks; i++)
        assert_null(rows->chunk[i]);
    sl_arena_done(&block);
    sl_dataset_unref(dataset);
    sl_rows_unref(rows);
    bench_done(&bench);
}

static void test_a_file_has_many_runs_that_outlive_it(void **state)
{
    struct bench bench;
    struct sl_spill_file *file;
    struct sl_stored *run[4];
    bench_init(&bench);
    const struct sl_spill_ops *ops = bench.spill->ops;
    assert_int_equal(ops->open(bench.spill, &file, &bench.err), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(write_run(&bench, file, i * 100, i == 2 ? 200 : i * 100 + 1500, &run[i]), 0);
    ops->close(file);
    assert_int_equal(bench.fault.open, 1);
    assert_int_equal(run[2]->rows, 0);
    for (size_t i = 0; i < 4; i++) {
        struct counting counting = {{count_rows}, i * 100};
        uint64_t rows = run[i]->rows;
        struct sl_dataset *dataset = sl_dataset_of(sl_rows_stored(run[i]));
        assert_int_equal(sl_dataset_push(dataset, 0, 0, UINT64_MAX, &counting.outlet), 0);
        assert_int_equal(counting.next, i * 100 + rows);
        sl_dataset_unref(dataset);
    }
    bench_done(&bench);
}

static void test_files_have_no_names(void **state)
{
    struct bench bench;
    bench_init(&bench);
    struct sl_rows *rows = rows_on_disk(&bench);
    assert_int_equal(names_in(&bench, "spill"), 0);
    sl_rows_unref(rows);
    bench_done(&bench);
}

static void test_rows_outlive_the_store(void **state)
{
    struct bench bench;
    bench_init(&bench);
    struct sl_dataset *dataset = sl_dataset_of(rows_on_disk(&bench));
    struct counting counting = {{count_rows}, 0};
    sl_spill_close(bench.spill);
    bench.spill = NULL;
    assert_int_equal(sl_dataset_push(dataset, 0, 0, UINT64_MAX, &counting.outlet), 0);
    sl_dataset_unref(dataset);
    bench_done(&bench);
}

/* ---- what fails ---- */

/* Everything once: a failure that is said, or all rows. */
static int write_and_read(struct bench *bench, uint64_t *ret_rows)
{
    const struct sl_spill_ops *ops = bench->spill->ops;
    struct sl_spill_file *file;
    struct sl_stored *run;
    int r = ops->open(bench->spill, &file, &bench->err);
    if (r < 0)
        return r;
    r = write_run(bench, file, 0, ROWS, &run);
    ops->close(file);
    if (r < 0)
        return r;
    struct sl_dataset *dataset = sl_dataset_of(sl_rows_stored(run));
    struct counting counting = {{count_rows}, 0};
    r = sl_dataset_push(dataset, 0, 0, UINT64_MAX, &counting.outlet);
    int noted = sl_spill_failure(bench->spill, &bench->err);
    assert_int_equal(r < 0, noted < 0);
    sl_dataset_unref(dataset);
    *ret_rows = counting.next;
    return r;
}

static void test_every_call_that_fails_is_said(void **state)
{
    static const int codes[] = {EIO, ENOSPC};
    struct bench bench;
    bench_init(&bench);
    for (size_t c = 0; c < 2; c++) {
        int failed = 0;
        for (bench.fault.fail_at = 1;; bench.fault.fail_at++) {
            uint64_t rows = 0;
            bench.fault.calls = 0;
            bench.fault.sys = codes[c];
            bench.err = (struct sl_error){0};
            if (write_and_read(&bench, &rows) == 0) {
                assert_int_equal(rows, ROWS);
                break;
            }
            failed++;
            assert_int_equal(bench.err.sys, codes[c]);
            assert_non_null(strstr(bench.err.text, "spill"));
            assert_int_equal(bench.fault.open, 0);
        }
        assert_true(failed > 10);
    }
    bench_done(&bench);
}

static void test_short_and_interrupted_calls_change_nothing(void **state)
{
    struct bench bench;
    uint64_t rows = 0;
    bench_init(&bench);
    bench.fault.bytes_most = 1000;
    bench.fault.interrupts = 2;
    assert_int_equal(write_and_read(&bench, &rows), 0);
    assert_int_equal(rows, ROWS);
    bench_done(&bench);
}

/* One bit of what the nth read gives is another. */
static struct {
    int reads, at;
} flip;

static ssize_t flipping_pread(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    ssize_t n = SYSTEM(pread, fd, buf, size, offset);
    if (n > 0 && ++flip.reads == flip.at)
        ((uint8_t *)buf)[(size_t)(flip.at * 7919) % (size_t)n] ^= 16;
    return n;
}

static void test_damage_is_said_and_never_computed_with(void **state)
{
    struct bench bench;
    bench_init(&bench);
    struct sl_io_ops ops = fault_calls_ops;
    ops.pread = flipping_pread;
    bench.fault.io.ops = &ops;
    int damaged = 0;
    for (flip.at = 1;; flip.at++) {
        uint64_t rows;
        flip.reads = 0;
        if (write_and_read(&bench, &rows) == 0)
            break;
        damaged++;
        assert_int_equal(bench.err.code, SL_EFAIL);
        assert_non_null(strstr(bench.err.text, "came back damaged"));
    }
    assert_true(damaged > 5);
    assert_int_equal(flip.reads, damaged);
    bench_done(&bench);
}

static void test_a_cursor_that_cannot_read_ends_and_it_is_noted(void **state)
{
    struct bench bench;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    bench_init(&bench);
    struct sl_dataset *dataset = sl_dataset_of(rows_on_disk(&bench));
    struct sl_cursor cursor;
    bench.fault.fail_at = bench.fault.calls + 2;
    bench.fault.sys = EIO;
    sl_cursor_init(&cursor, dataset);
    uint64_t rows = 0;
    while (sl_cursor_next(&cursor, fields, &width))
        rows++;
    assert_true(rows > 0 && rows < ROWS);
    assert_int_equal(sl_spill_failure(bench.spill, &bench.err), SL_EFAIL);
    assert_int_equal(bench.err.sys, EIO);
    assert_int_equal(sl_spill_failure(bench.spill, &bench.err), 0);
    sl_dataset_unref(dataset);
    bench_done(&bench);
}

static void test_leftovers_are_removed(void **state)
{
    struct bench bench;
    bench_init(&bench);
    sl_spill_close(bench.spill);
    assert_int_equal(mkdirat(bench.place.dirfd, "spill", 0700), 0);
    int fd = openat(bench.place.dirfd, "spill/.sluice-spill.1.0", O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(
        sl_spill_open(&bench.fault.io, bench.place.dirfd, "spill", true, &bench.spill, &bench.err), 0);
    sl_rows_unref(rows_on_disk(&bench));
    assert_int_equal(names_in(&bench, "spill"), 0);
    bench_done(&bench);
}

/* Of a directory that others may write, such as /tmp. */
static void test_names_that_others_took_are_passed_over(void **state)
{
    struct bench bench;
    char path[64];
    bench_init(&bench);
    sl_spill_close(bench.spill);
    assert_int_equal(mkdirat(bench.place.dirfd, "spill", 0700), 0);
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "spill/.sluice-spill.%ld.%d", (long)getpid(), i);
        assert_int_equal(symlinkat("/dev/null", bench.place.dirfd, path), 0);
    }
    assert_int_equal(
        sl_spill_open(&bench.fault.io, bench.place.dirfd, "spill", false, &bench.spill, &bench.err), 0);
    sl_rows_unref(rows_on_disk(&bench));
    assert_int_equal(names_in(&bench, "spill"), 200);
    bench_done(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_comes_back_as_it_was),
        cmocka_unit_test(test_rows_of_a_cursor_stay),
        cmocka_unit_test(test_a_passing_cursor_keeps_one_block),
        cmocka_unit_test(test_a_file_has_many_runs_that_outlive_it),
        cmocka_unit_test(test_files_have_no_names),
        cmocka_unit_test(test_rows_outlive_the_store),
        cmocka_unit_test(test_every_call_that_fails_is_said),
        cmocka_unit_test(test_short_and_interrupted_calls_change_nothing),
        cmocka_unit_test(test_damage_is_said_and_never_computed_with),
        cmocka_unit_test(test_a_cursor_that_cannot_read_ends_and_it_is_noted),
        cmocka_unit_test(test_leftovers_are_removed),
        cmocka_unit_test(test_names_that_others_took_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
