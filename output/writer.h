/* The rows of one output as the bytes of part files.
 *
 * sl_writer_begin, then either lanes (all rows are written to one part) or sl_writer_dataset (partition i goes to part
 * i); sl_writer_finish after the last row. Rows are formatted by the worker that pushes them, and
 * written in order. Nothing is made on disk before there is something to write, so an empty result leaves no
 * trace; sl_writer_complete makes the parts that got nothing. */
#pragma once

#include "core/contract/sequence.h"
#include "output/directory.h"
#include "output/part.h"
#include "output/settings.h"

#include <stdatomic.h>

struct sl_writer {
    const struct sl_stage *stage;
    const struct sl_save_settings *settings;
    const struct sl_output_dir *place;
    struct sl_directory_parent *parent; /* see sl_directory_open */
    struct sl_bucket **bucket; /* of the node, opened when it is needed; NULL: it is on a file system */
    bool has_directory;
    struct sl_directory directory;
    size_t index; /* of the part that is being written, or comes next */
    struct sl_part part;
    struct sl_sequence sequence; /* of the lanes */
    void *container;             /* settings->container at work; NULL before its first row */
    struct sl_buf packed;        /* what it made and is not written yet */
    struct sl_task task;         /* it rejects rows with */
    struct sl_arena scratch;
    _Atomic uint64_t records, replaced;
};

/* dense: the lanes are of tasks 0, 1, 2 ..., one lane each (core/contract/sequence.h). */
void sl_writer_begin(struct sl_writer *writer, const struct sl_stage *stage,
                     const struct sl_save_settings *settings, const struct sl_output_dir *place, bool dense);
void sl_writer_done(struct sl_writer *writer);

int sl_writer_lane_open(struct sl_writer *writer, struct sl_lane *lane);
/* Hands the rows to the sink that push would. */
int sl_writer_refuse(struct sl_writer *writer, struct sl_lane *lane, const struct sl_chunk *in);
int sl_writer_push(struct sl_writer *writer, struct sl_lane *lane, const struct sl_chunk *in);
int sl_writer_lane_close(struct sl_writer *writer, struct sl_lane *lane);

int sl_writer_dataset(struct sl_writer *writer, const struct sl_dataset *dataset, struct sl_error *err);

int sl_writer_finish(struct sl_writer *writer, struct sl_error *err);
/* Exactly settings->partitions parts; then the directory is sealed. */
int sl_writer_complete(struct sl_writer *writer, struct sl_error *err);
