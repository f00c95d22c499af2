/* Whichever allocation fails, what reads state and rows on disk says that memory is out, never that it is
 * damaged: that would be exit status 4 and a restore from a backup. */
#include "tests/unit/core/scarce.h"

#include "core/rows/spill.h"
#include "state/spill/spill.h"
#include "state/store/segment.h"
#include "tests/unit/state/checkpoint.h"

enum { ROWS = 3000 };

static void make_row(int i, struct sl_field fields[3])
{
    static const struct sl_field items[2] = {{.tag = SL_INT, .integer = 7}, {.tag = SL_NIL}};
    fields[0] = sl_integer(i);
    fields[1] = sl_text("a row, and another one");
    fields[2] = sl_list(items, 2);
}

struct written {
    struct checkpoint place; /* its directory only */
    uint64_t bytes, hash;
    struct sl_stored *run;
};

static int read_segment(void *arg)
{
    struct written *written = arg;
    struct sl_segment *segment;
    struct sl_segment_rows rows;
    struct sl_field fields[64];
    struct sl_error err;
    uint32_t width;
    int r = sl_segment_open(&sl_io_system, written->place.dirfd, "segment", written->bytes, written->hash,
                            true, &segment, &err);
    if (r < 0)
        return r;
    sl_segment_rows_init(&rows, segment, &segment->section[0]);
    while ((r = sl_segment_rows_next(&rows, fields, &width, &err)) > 0)
        continue;
    sl_segment_rows_done(&rows);
    sl_segment_close(segment);
    return r;
}

static void test_segments_are_not_damaged(void **state)
{
    struct written written = {0};
    struct sl_segment_writer *writer;
    struct sl_error err;
    const struct sl_section section = {.kind = SL_SECTION_BATCH};
    struct sl_field fields[3];
    checkpoint_init(&written.place);
    assert_int_equal(sl_segment_create(&sl_io_system, written.place.dirfd, "segment", &writer, &err), 0);
    assert_int_equal(sl_segment_begin(writer, "key", &section, &err), 0);
    for (int i = 0; i < ROWS; i++) {
        make_row(i, fields);
        assert_int_equal(sl_segment_row(writer, fields, 3, &err), 0);
    }
    assert_int_equal(sl_segment_finish(writer, &written.bytes, &written.hash, &err), 0);
    assert_true(scarce_loop(read_segment, &written) > 5);
    checkpoint_done(&written.place);
}

static int load_blocks(void *arg)
{
    struct written *written = arg;
    struct sl_arena arena = {0};
    struct sl_chunk *chunk;
    struct sl_error err;
    int r = 0;
    for (size_t block = 0; r == 0 && block < written->run->blocks; block++)
        r = written->run->spill->ops->load(written->run, block, &arena, &chunk, &err);
    sl_arena_done(&arena);
    return r;
}

static void test_rows_on_disk_are_not_damaged(void **state)
{
    struct written written = {0};
    struct sl_spill *spill;
    struct sl_spill_file *file;
    struct sl_error err;
    struct sl_field fields[3];
    checkpoint_init(&written.place);
    assert_int_equal(sl_spill_open(&sl_io_system, written.place.dirfd, "spill", true, &spill, &err), 0);
    assert_int_equal(spill->ops->open(spill, &file, &err), 0);
    for (int i = 0; i < ROWS; i++) {
        make_row(i, fields);
        assert_int_equal(spill->ops->row(file, fields, 3, &err), 0);
    }
    assert_int_equal(spill->ops->end(file, &written.run, &err), 0);
    spill->ops->close(file);
    assert_true(scarce_loop(load_blocks, &written) > 3);
    spill->ops->free(written.run);
    sl_spill_close(spill);
    checkpoint_done(&written.place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_are_not_damaged),
        cmocka_unit_test(test_rows_on_disk_are_not_damaged),
    };
#ifdef SL_HAS_SANITIZER
    puts("a sanitizer has its own allocator");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
