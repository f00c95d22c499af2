/* What readers of files of rows share: rows are added to chunks, which are pushed before what they point to moves. */
#pragma once

#include "sources/files.h"

struct sl_row_files {
    const struct sl_file_part *part;
    struct sl_task *task;
    struct sl_builder rows;
    uint32_t line; /* number of the row that comes next, from 0 */
    uint64_t held; /* bytes of the rows that were added and not pushed */
};

void sl_row_files_init(struct sl_row_files *files, const struct sl_file_part *part, struct sl_task *task,
                       struct sl_outlet *out);
void sl_row_files_done(struct sl_row_files *files);

/* Pushes what was added and resets task->scratch; SL_ESTOP where the run was asked to stop. */
int sl_row_files_flush(struct sl_row_files *files);
/* Before a row is made in task->scratch: flushes where the chunk is full, or its rows are large. */
int sl_row_files_next(struct sl_row_files *files);
/* bytes: what the row has in the file, about. */
int sl_row_files_add(struct sl_row_files *files, const struct sl_field *fields, uint32_t width,
                     uint64_t bytes);
/* The next row has more than maxRecordBytes. Its dead letter shows nil. */
int sl_row_files_too_long(struct sl_row_files *files);
/* maxRecordBytes. */
uint64_t sl_row_files_bytes_max(const struct sl_file_part *part);
