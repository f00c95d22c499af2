/* Rows by hash partition on disk: every partition comes back whole, in the order of writers and of what each added, or in
 * that of lanes, whatever the rows are like; a write or read that fails is returned. */
#include "ops/key/ordered_part.h"

#include "state/spill/spill.h"
#include "tests/unit/core/fault_calls.h"
#include "tests/unit/state/checkpoint.h"

enum { ROWS = 20000, WRITERS = 3, LANE_ROWS = 50, LANES = ROWS / LANE_ROWS };

struct bench {
    struct checkpoint place; /* its directory only */
    struct fault_calls fault;
    struct sl_spill *spill;
    struct sl_spilled_parts parts;
    struct sl_error err;
};

static int bench_open(struct bench *bench, int fail, size_t bytes)
{
    *bench = (struct bench){.fault = fault_calls_new(fail, ENOSPC)};
    checkpoint_init(&bench->place);
    int r = sl_spill_open(&bench->fault.io, bench->place.dirfd, "spill", false, &bench->spill, &bench->err);
    if (r < 0)
        return r;
    bench->spill->bytes = bytes;
    return sl_spilled_parts_init(&bench->parts, bench->spill, WRITERS);
}

static void bench_done(struct bench *bench)
{
    sl_spilled_parts_done(&bench->parts);
    if (bench->spill)
        sl_spill_close(bench->spill);
    assert_int_equal(bench->fault.open, 0);
    checkpoint_done(&bench->place);
}

/* Lanes are of one writer each; those of the second half are before the others; two paths by turns. */
static size_t writer_of(int64_t i)
{
    return (size_t)(i / LANE_ROWS % (WRITERS - 1));
}

static struct sl_position position_of(int64_t i)
{
    return (struct sl_position){
        .path = i % 8 == 5, .partition = (uint32_t)(i / LANE_ROWS + LANES / 2) % LANES, .piece = 3};
}

/* Row i: most are of one partition, now and then one is wide, and one is larger than any buffer. */
static uint32_t hash_of(int64_t i)
{
    return i % 4 ? 0xF0000000 : (uint32_t)i * 2654435761u;
}

static uint32_t make_row(int64_t i, uint8_t text[], struct sl_field fields[3])
{
    size_t len = i % 5003 == 3 ? 300000 : (size_t)i % 50;
    memset(text, (int)i, len);
    fields[0] = sl_integer(i);
    fields[1] = sl_string(text, len);
    fields[2] = sl_number((double)i / 3);
    return i % 1000 == 7 ? 3 : 2;
}

static int add_all(struct bench *bench)
{
    uint8_t *text = malloc(300000);
    struct sl_field fields[3];
    int r = 0;
    for (int64_t i = 0; i < ROWS && r == 0; i++) {
        uint32_t width = make_row(i, text, fields);
        struct sl_position position = position_of(i);
        r = sl_spilled_parts_add(&bench->parts, writer_of(i), hash_of(i), &position, fields, width,
                                 &bench->err);
    }
    for (size_t w = 0; w < WRITERS && r == 0; w++) /* one of them has written nothing */
        r = sl_spilled_parts_end(&bench->parts, w, &bench->err);
    free(text);
    return r;
}

static void check_row(const struct sl_chunk *chunk, uint32_t row, size_t part, unsigned parts_log2)
{
    static uint8_t text[300000];
    struct sl_field fields[SL_WIDTH_MAX], wanted[3];
    sl_chunk_row(chunk, row, fields);
    uint32_t width = make_row(fields[0].integer, text, wanted);
    assert_int_equal(chunk->width, width);
    assert_int_equal(hash_of(fields[0].integer) >> (32 - parts_log2), part);
    for (uint32_t c = 0; c < width; c++)
        assert_true(sl_field_equals(&fields[c], &wanted[c]));
}

/* Rows of the partition, or a failure. */
static int64_t check_part(struct bench *bench, size_t part)
{
    struct sl_spilled_parts_at at = {0};
    struct sl_arena arena = {0};
    struct sl_chunk *chunk;
    int64_t rows = 0, last[WRITERS] = {-1, -1, -1};
    int r;
    while ((r = sl_spilled_parts_load(&bench->parts, part, &at, &arena, &chunk, &bench->err)) > 0) {
        assert_in_range(chunk->rows, 1, SL_CHUNK_ROWS);
        for (uint32_t row = 0; row < chunk->rows; row++) {
            int64_t i = chunk->column[0][row].integer;
            check_row(chunk, row, part, bench->parts.parts_log2);
            assert_int_equal(writer_of(i), at.writer);
            assert_true(i > last[at.writer]);
            last[at.writer] = i;
        }
        rows += chunk->rows;
        sl_arena_reset(&arena);
    }
    sl_arena_done(&arena);
    return r < 0 ? r : rows;
}

/* Rows of all partitions by `check`, or a failure. */
static int64_t check_all(struct bench *bench, int64_t (*check)(struct bench *bench, size_t part))
{
    int64_t rows = 0;
    for (size_t p = 0; p < sl_spilled_parts_count(&bench->parts); p++) {
        int64_t found = check(bench, p);
        if (found < 0)
            return found;
        rows += found;
    }
    return rows;
}

/* From little memory for their buffers to much. */
static void check_sizes(int64_t (*check)(struct bench *bench, size_t part))
{
    for (size_t bytes = 100 << 10; bytes < 100 << 20; bytes *= 30) {
        struct bench bench;
        assert_int_equal(bench_open(&bench, 0, bytes), 0);
        assert_int_equal(add_all(&bench), 0);
        assert_int_equal(check_all(&bench, check), ROWS);
        bench_done(&bench);
    }
}

static void test_every_partition_comes_back(void **state)
{
    check_sizes(check_part);
}

static struct sl_position position_of_row(const void *arg, const struct sl_chunk *chunk, uint32_t row)
{
    return position_of(chunk->column[0][row].integer);
}

/* Rows of the partition in the order of lanes, or a failure. */
static int64_t check_order(struct bench *bench, size_t part)
{
    struct sl_ordered_part ordered = {.parts = &bench->parts, .part = part, .position = position_of_row};
    struct sl_ordered_rows rows;
    int64_t count = 0, last = -1;
    int r = sl_ordered_part_open(&ordered, &bench->err);
    for (r = r < 0 ? r : 1; r > 0 && (r = sl_ordered_part_next(&ordered, &rows, &bench->err)) > 0;)
        for (uint32_t row = rows.from; row < rows.to; row++, count++) {
            int64_t i = rows.chunk->column[0][row].integer;
            check_row(rows.chunk, row, part, bench->parts.parts_log2);
            struct sl_position position = position_of(i);
            int64_t place = (int64_t)position.path * ROWS + position.partition * LANE_ROWS + i % LANE_ROWS;
            assert_true(place > last);
            last = place;
        }
    sl_ordered_part_close(&ordered);
    return r < 0 ? r : count;
}

static void test_partitions_come_back_in_the_order_of_lanes(void **state)
{
    check_sizes(check_order);
}

static void test_without_rows_there_are_no_files(void **state)
{
    struct bench bench;
    assert_int_equal(bench_open(&bench, 0, 1 << 20), 0);
    for (size_t w = 0; w < WRITERS; w++)
        assert_int_equal(sl_spilled_parts_end(&bench.parts, w, &bench.err), 0);
    assert_int_equal(check_all(&bench, check_part), 0);
    assert_int_equal(bench.spill->written, 0);
    bench_done(&bench);
    struct sl_spilled_parts never = {0};
    sl_spilled_parts_done(&never);
}

static void test_what_fails_is_returned(void **state)
{
    bool failed = true;
    for (int fail = 1; failed; fail += 1 + fail / 8) {
        struct bench bench;
        int64_t r = bench_open(&bench, fail, 1 << 20);
        r = r < 0 ? r : add_all(&bench);
        r = r < 0 ? r : check_all(&bench, fail % 2 ? check_part : check_order);
        failed = r != ROWS;
        assert_true(!failed || (r < 0 && bench.err.text[0]));
        bench_done(&bench);
        assert_true(failed || fail > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_partition_comes_back),
        cmocka_unit_test(test_partitions_come_back_in_the_order_of_lanes),
        cmocka_unit_test(test_without_rows_there_are_no_files),
        cmocka_unit_test(test_what_fails_is_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
