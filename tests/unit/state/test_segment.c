/* The bytes of a segment, frame by frame (state/store/segment_write.c), and of the list of segments in the catalog. */
#include "state/store/segment.h"

#include "core/base/error.h"
#include "state/store/frame.h"
#include "state/store/store_internal.h"
#include "tests/unit/state/checkpoint.h"

#include <inttypes.h>
#include <xxhash.h>
#include <zstd.h>

static const char section_row[] =
    "\5s\2opi\4i\0i\xD0\x0Fi\xA0\x1F";         /* "op", KEYED, part 0, t 1000, until 2000 */
static const char rows[] = "\2s\1ai\2\2s\1bn"; /* ("a", 1), ("b", nil) */

struct segment {
    struct checkpoint place; /* its directory only */
    uint64_t bytes, hash;
    char *content;
    size_t len;
};

static void segment_init(struct segment *segment)
{
    const struct sl_section section = {.kind = SL_SECTION_KEYED, .t = 1000, .until_ms = 2000};
    const struct sl_field first[2] = {sl_string("a", 1), sl_integer(1)},
                          second[2] = {sl_string("b", 1), sl_nil()};
    struct sl_error err;
    struct sl_segment_writer *writer;
    checkpoint_init(&segment->place);
    assert_int_equal(sl_segment_create(&sl_io_system, segment->place.dirfd, "1.seg", &writer, &err), 0);
    assert_int_equal(sl_segment_begin(writer, "op", &section, &err), 0);
    assert_int_equal(sl_segment_row(writer, first, 2, &err), 0);
    assert_int_equal(sl_segment_row(writer, second, 2, &err), 0);
    assert_int_equal(sl_segment_finish(writer, &segment->bytes, &segment->hash, &err), 0);
    assert_int_equal(sl_io_read_file(&sl_io_system, segment->place.dirfd, "1.seg", 1 << 20, &segment->content,
                                     &segment->len, &err),
                     0);
}

static void segment_done(struct segment *segment)
{
    free(segment->content);
    checkpoint_done(&segment->place);
}

/* The frame at *at, which moves past it; its check goes into the hash of the file. */
static struct sl_frame take_frame(const struct segment *segment, size_t *at, XXH3_state_t *hash,
                                  const char **ret_payload)
{
    const uint8_t *head = (const uint8_t *)segment->content + *at;
    struct sl_frame frame = sl_frame_decode(head);
    *ret_payload = segment->content + *at + SL_FRAME_BYTES;
    assert_true(sl_frame_is_whole(head, *ret_payload, *at));
    XXH3_64bits_update(hash, head + 16, 8);
    *at += SL_FRAME_BYTES + frame.packed;
    return frame;
}

static void assert_plain(struct sl_frame frame, uint32_t type, const char *payload, const char *expected,
                         size_t len)
{
    assert_int_equal(frame.type, type);
    assert_int_equal(frame.packed, len);
    assert_int_equal(frame.raw, len);
    assert_memory_equal(payload, expected, len);
}

static void test_segment_is_header_section_block_and_end(void **state)
{
    struct segment segment;
    char raw[64];
    const char *payload;
    size_t at = 0;
    segment_init(&segment);
    XXH3_state_t *hash = XXH3_createState();
    XXH3_64bits_reset(hash);
    struct sl_frame frame = take_frame(&segment, &at, hash, &payload);
    assert_plain(frame, 'H', payload, "sluice segment 1\n", 17);
    frame = take_frame(&segment, &at, hash, &payload);
    assert_plain(frame, 'S', payload, section_row, sizeof section_row - 1);
    frame = take_frame(&segment, &at, hash, &payload);
    assert_int_equal(frame.type, 'B');
    assert_int_equal(frame.rows, 2);
    assert_int_equal(frame.raw, sizeof rows - 1);
    assert_int_equal(ZSTD_decompress(raw, sizeof raw, payload, frame.packed), sizeof rows - 1);
    assert_memory_equal(raw, rows, sizeof rows - 1);
    frame = take_frame(&segment, &at, hash, &payload);
    assert_int_equal(frame.type, 'E');
    assert_int_equal(frame.rows, 1); /* sections */
    assert_int_equal(at, segment.len);
    assert_int_equal(segment.bytes, segment.len);
    assert_true(segment.hash == XXH3_64bits_digest(hash));
    XXH3_freeState(hash);
    segment_done(&segment);
}

static void test_segment_numbers_of_a_frame_are_little_endian_and_sealed_with_its_offset(void **state)
{
    const struct sl_frame frame = {.type = 'B', .packed = 5, .raw = 0x01020304, .rows = 6};
    static const uint8_t numbers[16] = {'B', 0, 0, 0, 5, 0, 0, 0, 4, 3, 2, 1, 6, 0, 0, 0};
    uint8_t small[SL_FRAME_BYTES];
    const struct sl_frame empty = {.type = 'E'};
    sl_frame_encode(&frame, "bytes", 0, small);
    assert_memory_equal(small, numbers, sizeof numbers);
    sl_frame_encode(&empty, "", 100, small);
    assert_true(sl_frame_is_whole(small, "", 100));
    assert_false(sl_frame_is_whole(small, "", 101));
    small[12] ^= 1;
    assert_false(sl_frame_is_whole(small, "", 100));
}

static void test_store_list_is_a_line_per_segment(void **state)
{
    struct sl_store_list list = {0};
    struct sl_error err;
    assert_int_equal(sl_store_list_parse(&list, "7 1f4 ff00ff00ff00ff00\n12 18 1\n", &err), 0);
    assert_int_equal(list.count, 2);
    assert_true(list.entry[0].number == 7 && list.entry[0].bytes == 500 &&
                list.entry[0].hash == 0xff00ff00ff00ff00);
    assert_true(list.entry[1].number == 12 && list.entry[1].bytes == 24 && list.entry[1].hash == 1);
    list.count = 0;
    assert_int_equal(sl_store_list_parse(&list, "7 1f4\n", &err), SL_EDAMAGED);
    free(list.entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_is_header_section_block_and_end),
        cmocka_unit_test(test_segment_numbers_of_a_frame_are_little_endian_and_sealed_with_its_offset),
        cmocka_unit_test(test_store_list_is_a_line_per_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
