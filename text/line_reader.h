/* What plain and compressed files have in common: cutting a stream of bytes into chunks of lines. Private to
 * text/lines.c. */
#pragma once

#include "text/lines.h"

/* The stream's first byte is byte `start` of the file. skips: drop everything up to the first newline. Lines
 * that begin at `to` or after it are not pushed, and reading ends there. */
int sl_line_reader_run(const struct sl_lines *lines, struct sl_byte_stream *stream, int64_t start, bool skips,
                       int64_t to, struct sl_task *task, struct sl_outlet *out, uint64_t *ret_lines);
