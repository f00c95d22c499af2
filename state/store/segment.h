/* A segment: a file of sections of rows, written once, never changed (core/contract/state_writer.h says what sections mean).
 *
 * Write: sl_segment_create, then per section begin and rows, then sl_segment_finish (synced when it returns).
 * Read: sl_segment_open scans the frames and lists the sections; sl_segment_rows_* read one section, block by
 * block. Damage is found before anything is computed with it: every frame carries a checksum that depends on
 * its place, and the file's hash, which the catalog knows, is over all of them. */
#pragma once

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/contract/state_writer.h"

struct sl_segment_writer;

int sl_segment_create(struct sl_io *io, int dirfd, const char *path, struct sl_segment_writer **ret,
                      struct sl_error *err);
/* `key` tells the operator apart over restarts. */
int sl_segment_begin(struct sl_segment_writer *writer, const char *key, const struct sl_section *section,
                     struct sl_error *err);
int sl_segment_row(struct sl_segment_writer *writer, const struct sl_field *fields, uint32_t width,
                   struct sl_error *err);
/* Ends and syncs the file. The writer is freed, also on failure. */
int sl_segment_finish(struct sl_segment_writer *writer, uint64_t *ret_bytes, uint64_t *ret_hash,
                      struct sl_error *err);
/* Gives up: removes the file and frees the writer. NULL is fine. */
void sl_segment_abort(struct sl_segment_writer *writer);

/* A section as it is in a file. */
struct sl_segment_section {
    char *key;
    struct sl_section section;
    uint64_t offset; /* of its first block */
    uint64_t rows;
};

struct sl_segment {
    struct sl_io *io;
    int fd;
    char *path; /* for messages */
    uint64_t bytes;
    size_t sections, capacity;
    struct sl_segment_section *section;
};

/* SL_EDAMAGED: not what the catalog says it is (bytes, hash), named with the offset. With `verify`
 * every frame is read and checked now; without it only the headers are, and frames are checked when
 * they are read. */
int sl_segment_open(struct sl_io *io, int dirfd, const char *path, uint64_t bytes, uint64_t hash, bool verify,
                    struct sl_segment **ret, struct sl_error *err);
void sl_segment_close(struct sl_segment *segment);

/* Reads the rows of one section in order. */
struct sl_segment_rows {
    struct sl_segment *segment;
    uint64_t offset, left; /* rows */
    struct sl_buf packed, raw;
    size_t at;
    struct sl_arena arena; /* of the current block's rows */
};
void sl_segment_rows_init(struct sl_segment_rows *rows, struct sl_segment *segment,
                          const struct sl_segment_section *section);
void sl_segment_rows_done(struct sl_segment_rows *rows);
/* 1 and a row that is valid until the next call, 0 at the end, or a failure. */
int sl_segment_rows_next(struct sl_segment_rows *rows, struct sl_field *fields, uint32_t *ret_width,
                         struct sl_error *err);
