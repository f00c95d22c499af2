/* The received log: what is appended is read again, wherever its end is torn, whichever call fails, however it is cut. */
#include "receive/log/log.h"

#include "tests/unit/core/fault_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEGMENT_BYTES = 4096 };

struct bench {
    char dir[64], path[128];
    struct fault_calls fault;
    struct sl_received_log *log;
    struct sl_error err;
    uint64_t position; /* the last one that was restored */
    uint64_t appended; /* what snapshot writes */
    bool commits;      /* a batch commits everything while a segment is being made */
    uint64_t refused;  /* a position that cannot be restored; 0: none */
};

static int restore(void *arg, const struct sl_received_frame *frame, struct sl_error *err)
{
    struct bench *bench = arg;
    const uint8_t *bytes = frame->kind == SL_RECEIVED_FRAME_POSITIONS ? frame->body : frame->position;
    uint32_t len = frame->kind == SL_RECEIVED_FRAME_POSITIONS ? frame->body_len : frame->position_len;
    if (len == sizeof bench->position)
        memcpy(&bench->position, bytes, len);
    return bench->refused && bench->position == bench->refused
               ? sl_error_set(err, SL_EDAMAGED, "a position that cannot be read")
               : 0;
}

static bool snapshot(void *arg, struct sl_buf *ret)
{
    struct bench *bench = arg;
    if (bench->commits)
        sl_received_log_used(bench->log, sl_received_log_end(bench->log));
    return sl_buf_append(ret, &bench->appended, sizeof bench->appended);
}

static int reopen(struct bench *bench, uint64_t needed)
{
    const struct sl_received_log_options options = {
        .io = &bench->fault.io,
        .dir = bench->path,
        .segment_bytes = SEGMENT_BYTES,
        .positions = {.restore = restore, .snapshot = snapshot, .arg = bench}};
    sl_received_log_close(bench->log);
    bench->log = NULL;
    bench->position = 0;
    int r = sl_received_log_open(&options, &bench->log, &bench->err);
    return r < 0 ? r : sl_received_log_recover(bench->log, needed, &bench->err);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    snprintf(bench->dir, sizeof bench->dir, "/tmp/sluice-log-XXXXXX");
    if (!mkdtemp(bench->dir))
        return -1;
    snprintf(bench->path, sizeof bench->path, "%s/received/source", bench->dir);
    bench->fault = fault_calls_new(0, 0);
    *state = bench;
    return reopen(bench, 0);
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    sl_received_log_close(bench->log);
    int r = sl_io_remove_tree(&sl_io_system, AT_FDCWD, bench->dir, &bench->err);
    free(bench);
    return r;
}

/* Frame i has i % 5 + 1 records, i % 300 bytes a record, and the position i + 1. */
static int append(struct bench *bench, uint64_t i)
{
    uint8_t body[5 * 301];
    uint64_t position = i + 1;
    size_t len = 0;
    uint32_t count = (uint32_t)(i % 5) + 1;
    for (uint32_t n = 0; n < count; n++) {
        memset(body + len, 'a' + (int)(i % 26), i % 300);
        len += i % 300;
        body[len++] = '\n';
    }
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_LINES,
                                      .count = count,
                                      .body = body,
                                      .body_len = (uint32_t)len,
                                      .position = (const uint8_t *)&position,
                                      .position_len = sizeof position};
    int r = sl_received_log_append(bench->log, &frame, &bench->err);
    if (r == 0)
        bench->appended = position;
    return r;
}

static uint64_t records_of(uint64_t frames)
{
    uint64_t records = 0;
    for (uint64_t i = 0; i < frames; i++)
        records += i % 5 + 1;
    return records;
}

struct counting {
    uint64_t next, records, bytes;
};

static int count(void *arg, const struct sl_received_frame *frame, int64_t offset, size_t size)
{
    struct counting *counting = arg;
    if (frame->count == 0)
        return 0;
    assert_int_equal(frame->first, counting->next);
    counting->next += frame->count;
    counting->records += frame->count;
    counting->bytes += frame->body_len;
    return 0;
}

/* The splits of [from, to) hold these records, in order. */
static void check_range(struct bench *bench, uint64_t from, uint64_t to)
{
    struct sl_received_split *split;
    struct counting counting = {.next = from};
    size_t splits;
    assert_int_equal(sl_received_log_cut(bench->log, from, to, &split, &splits, &bench->err), 0);
    for (size_t i = 0; i < splits; i++) {
        assert_int_equal(split[i].first, counting.next);
        assert_int_equal(sl_received_split_each(&split[i], count, &counting, &bench->err), 0);
    }
    free(split);
    assert_int_equal(counting.records, to - from);
}

static void test_log_gives_back_what_was_appended(void **state)
{
    struct bench *bench = *state;
    enum { FRAMES = 400 };
    for (uint64_t i = 0; i < FRAMES; i++)
        assert_int_equal(append(bench, i), 0);
    for (uint64_t frames = 0; frames <= FRAMES; frames += 37) {
        check_range(bench, 0, records_of(frames));
        check_range(bench, records_of(frames), records_of(FRAMES));
    }
    assert_int_equal(reopen(bench, 0), 0);
    assert_int_equal(sl_received_log_end(bench->log), records_of(FRAMES));
    assert_int_equal(bench->position, FRAMES);
    check_range(bench, records_of(100), records_of(FRAMES));
}

static void test_log_removes_what_is_used_and_keeps_numbers_and_positions(void **state)
{
    struct bench *bench = *state;
    enum { FRAMES = 300 };
    for (uint64_t i = 0; i < FRAMES; i++)
        assert_int_equal(append(bench, i), 0);
    sl_received_log_used(bench->log, records_of(FRAMES));
    struct sl_received_split *split;
    size_t splits;
    assert_int_equal(sl_received_log_cut(bench->log, 0, 1, &split, &splits, &bench->err), SL_EDAMAGED);
    assert_int_equal(reopen(bench, records_of(FRAMES)), 0);
    assert_int_equal(sl_received_log_end(bench->log), records_of(FRAMES));
    assert_int_equal(bench->position, FRAMES);
    assert_int_equal(append(bench, FRAMES), 0);
    check_range(bench, records_of(FRAMES), records_of(FRAMES + 1));
}

/* Segments are removed by the main thread while the receiver's thread makes the next one. */
static void test_log_keeps_a_segment_that_is_made_while_others_are_removed(void **state)
{
    struct bench *bench = *state;
    enum { FRAMES = 300 };
    bench->commits = true;
    for (uint64_t i = 0; i < FRAMES; i++) {
        assert_int_equal(append(bench, i), 0);
        check_range(bench, records_of(i), records_of(i + 1));
    }
    bench->commits = false;
    assert_int_equal(reopen(bench, records_of(FRAMES)), 0);
    assert_int_equal(sl_received_log_end(bench->log), records_of(FRAMES));
    assert_int_equal(bench->position, FRAMES);
}

static void test_log_limits_a_range_between_frames(void **state)
{
    struct bench *bench = *state;
    uint64_t to = 0, before = 0, ranges = 0;
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(append(bench, i), 0);
    for (; before < records_of(200); before = to, ranges++) {
        assert_int_equal(sl_received_log_limit(bench->log, before, 5000, &to, &bench->err), 0);
        assert_true(to > before);
        check_range(bench, before, to);
    }
    assert_true(ranges > 5);
}

/* The last segment, cut after each of its bytes in turn: whole frames stay, and nothing else. */
static void test_log_truncates_a_torn_end_wherever_it_is(void **state)
{
    struct bench *bench = *state;
    char name[192];
    enum { FRAMES = 6 };
    for (uint64_t i = 0; i < FRAMES; i++)
        assert_int_equal(append(bench, i), 0);
    snprintf(name, sizeof name, "%s/0.log", bench->path);
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    for (off_t size = st.st_size; size >= SL_RECEIVED_SEGMENT_HEADER + SL_RECEIVED_FRAME_HEADER; size--) {
        assert_int_equal(truncate(name, size), 0);
        assert_int_equal(reopen(bench, 0), 0);
        uint64_t end = sl_received_log_end(bench->log), frames = 0;
        while (records_of(frames) < end)
            frames++;
        assert_int_equal(records_of(frames), end);
        check_range(bench, 0, end);
        assert_int_equal(bench->position, frames);
    }
}

/* Any byte but those of the last frame: damage. Of the last frame: torn. */
static void test_log_names_a_byte_that_flips(void **state)
{
    struct bench *bench = *state;
    char name[192];
    for (uint64_t i = 40; i < 44; i++)
        assert_int_equal(append(bench, i), 0);
    snprintf(name, sizeof name, "%s/0.log", bench->path);
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    off_t last = st.st_size - (SL_RECEIVED_FRAME_HEADER + 8 + 44 * 4);
    for (off_t at = 0; at < st.st_size; at += 3) {
        uint8_t byte;
        int fd = open(name, O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        int r = at < last ? reopen(bench, 0) : 0;
        if (at < last)
            assert_int_equal(r, SL_EDAMAGED);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    assert_int_equal(reopen(bench, 0), 0);
    assert_int_equal(sl_received_log_end(bench->log), 1 + 2 + 3 + 4);
}

/* Whichever call fails: what append gave 0 for is there afterwards, in order, and the log can be continued or says so. */
static void test_log_loses_nothing_whichever_call_fails(void **state)
{
    struct bench *bench = *state;
    for (int at = 1; at < 200; at++) {
        assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, bench->path, &bench->err), 0);
        assert_int_equal(reopen(bench, 0), 0);
        bench->appended = 0;
        bench->fault = fault_calls_new(at, at % 2 ? EIO : ENOSPC);
        uint64_t frames = 0;
        for (int tries = 0; frames < 30 && tries < 40; tries++) {
            int r = append(bench, frames);
            frames += r == 0;
            if (r < 0 && r != SL_EFULL)
                break;
        }
        bench->fault = fault_calls_new(0, 0);
        assert_int_equal(reopen(bench, 0), 0);
        assert_int_equal(sl_received_log_end(bench->log), records_of(frames));
        check_range(bench, 0, records_of(frames));
    }
}

static void test_log_keeps_a_sound_frame_whose_position_cannot_be_read(void **state)
{
    struct bench *bench = *state;
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(append(bench, i), 0);
    bench->refused = bench->appended;
    assert_int_equal(reopen(bench, 0), SL_EDAMAGED);
    bench->refused = 0;
    assert_int_equal(reopen(bench, 0), 0);
    assert_int_equal(sl_received_log_end(bench->log), records_of(4));
    check_range(bench, 0, records_of(4));
}

/* As a task of another process reads it: from the file, by what the split says of itself. */
static void read_described(const struct sl_received_split *split, struct sl_received_log *reader,
                           struct counting *counting, struct sl_error *err)
{
    struct sl_buf text = {0};
    struct sl_received_split opened;
    assert_true(sl_received_split_describe(split, &text));
    assert_int_equal(sl_received_split_open(reader, text.bytes, text.len, &opened, err), 0);
    assert_int_equal(opened.first, counting->next);
    assert_int_equal(sl_received_split_each(&opened, count, counting, err), 0);
    sl_received_split_close(&opened);
    assert_int_equal(sl_received_split_open(reader, text.bytes, text.len - 1, &opened, err), SL_EDAMAGED);
    sl_buf_done(&text);
}

static void test_log_is_read_by_a_process_that_has_not_written_it(void **state)
{
    struct bench *bench = *state;
    struct sl_received_log *reader;
    struct sl_received_split *split;
    struct counting counting = {0};
    struct sl_buf text = {0};
    size_t splits;
    enum { FRAMES = 100 };
    const struct sl_received_log_options in_memory = {.io = &bench->fault.io, .segment_bytes = SEGMENT_BYTES};
    for (uint64_t i = 0; i < FRAMES; i++)
        assert_int_equal(append(bench, i), 0);
    assert_int_equal(sl_received_log_open(&in_memory, &reader, &bench->err), 0);
    assert_int_equal(sl_received_log_cut(bench->log, 0, records_of(FRAMES), &split, &splits, &bench->err), 0);
    for (size_t i = 0; i < splits; i++)
        read_described(&split[i], reader, &counting, &bench->err);
    assert_int_equal(counting.records, records_of(FRAMES));
    assert_true(sl_received_split_describe(&split[0], &text));
    free(split);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, bench->path, &bench->err), 0);
    struct sl_received_split gone;
    assert_int_equal(sl_received_split_open(reader, text.bytes, text.len, &gone, &bench->err), SL_EFAIL);
    assert_int_equal(bench->err.sys, ENOENT);
    sl_buf_done(&text);
    sl_received_log_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_gives_back_what_was_appended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_removes_what_is_used_and_keeps_numbers_and_positions, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_log_keeps_a_segment_that_is_made_while_others_are_removed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_limits_a_range_between_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_truncates_a_torn_end_wherever_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_names_a_byte_that_flips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_keeps_a_sound_frame_whose_position_cannot_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_log_loses_nothing_whichever_call_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_is_read_by_a_process_that_has_not_written_it, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
