/* One growing file of tailStream: what it is, up to where its lines are in the log, and the bytes before that, by which
 * a file that was cut and written again is recognised. */
#pragma once

#include "receive/received.h"

enum { SL_TAIL_BEFORE = 64 }; /* bytes before the position that are compared */

struct sl_tail_file {
    uint64_t inode;
    int64_t born_ns;  /* INT64_MIN where the file system has none */
    int64_t position; /* lines before it are in the log */
    uint64_t before;  /* XXH3-64 of the up to SL_TAIL_BEFORE bytes before it */
    bool skips;       /* to the end of a line that is too long */
    char *path; /* by which the glob has matched it last, without symlinks; owned. It may be renamed since */
    int fd;     /* -1: not open */
    int64_t searched; /* no newline between position and this offset */
    int64_t mtime_ns; /* when it was looked at last */
    int64_t limit;    /* nothing after it is read; INT64_MAX: no limit */
    int64_t grown_ns; /* monotonic: it gave something last */
    bool is_matched;  /* by the glob, in the last scan */
    bool is_done;     /* nothing more was there when it was read last */
    bool is_reported; /* that it cannot be opened or read (sl_tail_table_report) */
};

/* "<inode> <born> <position> <skips> <before> <length of path> <path>". */
void sl_tail_file_write(const struct sl_tail_file *file, struct sl_buf *buf);
/* Reads one at *at and moves it after it. The path is allocated. False: it is none, or out of memory. */
bool sl_tail_file_read(const uint8_t *bytes, size_t len, size_t *at, struct sl_tail_file *ret);
void sl_tail_file_done(struct sl_tail_file *file);

/* Appends the lines that are complete to the log, at most about `most` bytes; buf is memory to work in. file->is_done
 * says whether that was all. 0, SL_ESTOP, SL_EREJECT (it cannot be read; err says why), or a failure of the run. */
int sl_tail_file_follow(struct sl_tail_file *file, struct sl_received *received, size_t most,
                        struct sl_buf *buf, struct sl_error *err);
/* Its position, as it is, in the log: a restart knows the file. 0, SL_ESTOP, or a failure of the run. */
int sl_tail_file_note(struct sl_tail_file *file, struct sl_received *received, struct sl_error *err);
/* The position after the last newline: from = "end". */
int sl_tail_file_skip_to_end(struct sl_tail_file *file, struct sl_received *received, struct sl_error *err);
