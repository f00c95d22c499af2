/* The bytes of a file from beginning to end, unpacked where its name says that it is compressed. */
#pragma once

#include "sources/files.h"
#include "text/lines.h"
#include "text/typed.h"

/* Close with sl_part_stream_close. */
int sl_part_stream_open(const struct sl_file_part *part, struct sl_byte_stream **ret, struct sl_error *err);
/* Warns of bytes after the last member; before the stream is closed. */
void sl_part_stream_warn(const struct sl_file_part *part, const struct sl_byte_stream *stream);
/* Warns, and closes. NULL is fine. */
void sl_part_stream_close(const struct sl_file_part *part, struct sl_byte_stream *stream);

/* The lines of the part as one-field rows, split or not. A reader by itself, and what others
 * are made from. */
int sl_part_lines(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                  uint64_t *ret_lines);

/* Makes a row of a line: fields[SL_WIDTH_MAX]; width 0: the line is no record. 0, SL_EREJECT (explained), or
 * a failure. */
typedef int sl_line_splitter(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *line,
                             struct sl_field *fields, uint32_t *ret_width);
/* `typed` is handed on: the schema, columns NULL without one. */
int sl_part_split_lines(const struct sl_file_part *part, sl_line_splitter *split,
                        const struct sl_typed *typed, struct sl_task *task, struct sl_outlet *out,
                        uint64_t *ret_lines);
