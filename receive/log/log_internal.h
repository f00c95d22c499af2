/* The inside of a received log: log.c, recover.c, cut.c and read.c. */
#pragma once

#include "receive/log/log.h"

#include <pthread.h>

/* Where the first frame of each SL_SPLIT_BYTES of a segment begins. */
struct sl_received_segment_mark {
    int64_t offset;
    uint64_t number;
};

struct sl_received_segment {
    struct sl_received_log *log;
    uint64_t first, end; /* numbers: of its first record, after its last */
    uint64_t salt;
    int64_t size; /* bytes up to the end of its last frame */
    int fd;       /* -1: not open; it is not needed */
    /* Increasing; those of the segment that grows are guarded by the log's lock. */
    size_t marks, marks_capacity;
    struct sl_received_segment_mark *mark;
};

struct sl_received_log {
    struct sl_received_log_options options;
    char *dir;
    int dirfd;            /* -1: not made yet, or in memory */
    pthread_mutex_t lock; /* guards all below, and end, size and marks of the last segment */
    size_t segments, segments_capacity;
    struct sl_received_segment **segment; /* by first */
    uint64_t end;                         /* number of the next record */
    uint64_t appended, synced;            /* bytes over the life of this process */
    uint64_t unused;                      /* bytes of frames with records that are not committed */
    uint64_t used;                        /* records before it are committed */
    bool is_broken;                       /* the last write cannot be taken back */
    struct sl_buf buf;                    /* of append: its thread only */
};

/* "received/x/0.log" for messages. */
void sl_received_segment_name(const struct sl_received_segment *segment, char name[static 32]);
/* An empty one that no file holds yet, or NULL. sl_received_segment_free closes and frees it. */
struct sl_received_segment *sl_received_segment_new(struct sl_received_log *log, uint64_t first);
void sl_received_segment_free(struct sl_received_segment *segment);
/* Adds the frame at the end of what is known of the segment. 0 or SL_ENOMEM. */
int sl_received_segment_add_frame(struct sl_received_segment *segment, const struct sl_received_frame *frame,
                                  size_t size);
/* The log owns it from here on; false: there is no memory, the caller keeps it. */
bool sl_received_log_add_segment(struct sl_received_log *log, struct sl_received_segment *segment);
/* Any thread. */
struct sl_received_segment *sl_received_log_segment(struct sl_received_log *log, size_t i);
struct sl_received_segment *sl_received_log_last(const struct sl_received_log *log);
int sl_received_log_damaged(const struct sl_received_log *log, struct sl_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Calls visit for the frames in [from, to) of a segment; they borrow until it returns. visit returns 0 to continue, 1
 * to stop. *ret_at: where the first frame begins that was not visited, or is damaged. SL_EDAMAGED: its checksum is
 * wrong, or it is cut. */
typedef int sl_received_frame_visit(void *arg, const struct sl_received_frame *frame, int64_t offset,
                                    size_t size);
int sl_received_segment_each(const struct sl_received_segment *segment, int64_t from, int64_t to,
                             sl_received_frame_visit *visit, void *arg, int64_t *ret_at,
                             struct sl_error *err);
