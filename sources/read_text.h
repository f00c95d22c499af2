/* What "lines" does beside plain UTF-8 lines: separators and encodings. */
#pragma once

#include "sources/readers.h"
#include "text/recode.h"

/* Options separator, encoding: whether one is given; and right. */
bool sl_text_options_given(const struct sl_node *node);
int sl_text_options_check(const struct sl_node *node, struct sl_error *err);

/* SL_ENCODING_UTF8, or that of UTF-16's byte order mark, which is reported once for a source. */
enum sl_encoding sl_text_encoding_of(const struct sl_file_part *part, const uint8_t *head, size_t len);
/* The bytes of the file as UTF-8. */
int sl_text_stream_open(const struct sl_file_part *part, enum sl_encoding encoding,
                        struct sl_byte_stream **ret, struct sl_error *err);
/* Warns of what was no character, and of what follows the last compressed member. */
void sl_text_stream_close(const struct sl_file_part *part, enum sl_encoding encoding,
                          struct sl_byte_stream *stream);
/* The lines of such a stream. */
int sl_text_read_lines(const struct sl_file_part *part, struct sl_byte_stream *stream, struct sl_task *task,
                       struct sl_outlet *out, uint64_t *ret_lines);
