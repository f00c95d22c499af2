/* The received log of one source: what arrives is appended to it before a batch may use it or its sender is
 * acknowledged. Records are numbered from 0 over the life of the source. frame.c has the format of the files.
 *
 * sl_received_log_open; sl_received_log_recover once the newest committed record is known; then any number of
 * appends by one thread, the receiver's. The main thread at the same time: end (what a batch may use), sync, cut
 * (a range into splits of about SL_SPLIT_BYTES, by the contents of the files only), used (a range is committed:
 * segments that no batch needs are removed). Splits are read by any thread (read.c).
 *
 * A bad last frame of the last segment is torn: it is truncated. Any other damage, and a missing segment that is
 * still needed, is SL_EDAMAGED. Without a directory the segments are in memory and nothing is synced. */
#pragma once

#include "core/base/io.h"
#include "core/base/log.h"
#include "receive/log/frame.h"

struct sl_received_log;

/* Called by recover for each frame of the last segment, the first of which holds all positions, and by append when
 * a segment begins. snapshot appends the positions after what was appended so far; other gives the i-th frame of positions of
 * operators that have written to the log before, false where there is none: they are kept in every segment. */
struct sl_received_positions {
    int (*restore)(void *arg, const struct sl_received_frame *frame, struct sl_error *err);
    bool (*snapshot)(void *arg, struct sl_buf *ret);
    bool (*other)(void *arg, size_t i, struct sl_received_frame *ret); /* NULL: there are none */
    void *arg;
};

struct sl_received_log_options {
    struct sl_io *io;
    struct sl_log *log;
    const char *dir;       /* relative to AT_FDCWD, made when it is needed; NULL: in memory */
    int64_t segment_bytes; /* a new segment begins after this many */
    int64_t keep_ms;       /* segments stay so long after their last write; 0: until they are not needed */
    const char *writer;    /* in frames of all positions: whose they are; borrowed; NULL: not said */
    struct sl_received_positions positions;
};

/* Copies the options. */
int sl_received_log_open(const struct sl_received_log_options *options, struct sl_received_log **ret,
                         struct sl_error *err);
void sl_received_log_close(struct sl_received_log *log);

/* Records before `needed` are committed. Reads and checks what is not. */
int sl_received_log_recover(struct sl_received_log *log, uint64_t needed, struct sl_error *err);

/* The receiver's thread. frame->first is set to the number of the next record. SL_EFULL: nothing was appended, try
 * again. SL_EFAIL: the log cannot be continued. */
int sl_received_log_append(struct sl_received_log *log, struct sl_received_frame *frame,
                           struct sl_error *err);

/* The number after the last record that was appended. Any thread. */
uint64_t sl_received_log_end(struct sl_received_log *log);
/* Everything that was appended before the call is durable when it returns. Any thread. A failure must end the run. */
int sl_received_log_sync(struct sl_received_log *log, struct sl_error *err);
/* Bytes after the last committed record. Any thread. */
uint64_t sl_received_log_unused_bytes(struct sl_received_log *log);

/* A part of a range: the frames in [from, to) of one segment. */
struct sl_received_split {
    struct sl_received_segment *segment;
    int64_t from, to;
    uint64_t first; /* number of its first record */
};

/* The end of a range that begins with record `from` and has about bytes_max bytes: a frame's end. */
int sl_received_log_limit(struct sl_received_log *log, uint64_t from, uint64_t bytes_max, uint64_t *ret_to,
                          struct sl_error *err);
/* Splits of the records [from, to), both between frames. *ret: caller frees. SL_EDAMAGED: they are not there. */
int sl_received_log_cut(struct sl_received_log *log, uint64_t from, uint64_t to,
                        struct sl_received_split **ret, size_t *ret_count, struct sl_error *err);
/* Records before `to` are committed. Failures to remove are logged. */
void sl_received_log_used(struct sl_received_log *log, uint64_t to);

/* For another process: what it needs to read the split, appended to `ret` (far.c). False: out of memory, or the log is
 * in memory. */
bool sl_received_split_describe(const struct sl_received_split *split, struct sl_buf *ret);
/* There, with a log of its own that is in memory: the split as it was described, to be closed with its segment. SL_EDAMAGED:
 * it is no description. */
int sl_received_split_open(struct sl_received_log *log, const void *bytes, size_t len,
                           struct sl_received_split *ret, struct sl_error *err);
void sl_received_split_close(struct sl_received_split *split);

/* Calls visit for the frames of a split, in order. They borrow until it returns; visit returns 0, 1 to stop, or a
 * failure. Any thread. SL_EDAMAGED: a frame is not what was written. */
int sl_received_split_each(const struct sl_received_split *split,
                           int (*visit)(void *arg, const struct sl_received_frame *frame, int64_t offset,
                                        size_t size),
                           void *arg, struct sl_error *err);
