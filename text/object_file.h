/* Object files: rows with the types of their fields, for saveAsObjectFiles and objectFileStream. The table of the
 * format is at the top of object_file.c.
 *
 * Writing: sl_object_write_head, sl_object_write_row..., sl_object_write_end; what is complete is appended to a
 * buffer that the caller empties as it likes. Reading: sl_object_read_open, sl_object_read_block until it gives 0. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/rows/field.h"
#include "text/lines.h"

enum {
    SL_OBJECT_BLOCK_BYTES = 256 << 10, /* of rows, after which a block ends */
    SL_OBJECT_ROW_BYTES_MAX = 1 << 30,
};

struct sl_object_writer {
    struct sl_buf rows; /* of the block that grows */
    uint32_t count;
    uint64_t blocks, total;
    struct ZSTD_CCtx_s *zstd;
};

/* All of them append to out. SL_ENOMEM, or what zstd says. */
int sl_object_write_head(struct sl_object_writer *writer, struct sl_buf *out, struct sl_error *err);
int sl_object_write_row(struct sl_object_writer *writer, const struct sl_field *fields, uint32_t width,
                        struct sl_buf *out, struct sl_error *err);
int sl_object_write_end(struct sl_object_writer *writer, struct sl_buf *out, struct sl_error *err);
void sl_object_writer_done(struct sl_object_writer *writer);

struct sl_object_reader {
    struct sl_byte_stream *stream; /* borrowed */
    const char *path;              /* for messages; borrowed */
    struct sl_buf packed, rows;
    uint32_t count; /* rows of the block, which are in `rows` (text/row_codec.h) */
    uint64_t at;    /* offset in the file */
    uint64_t blocks, total;
    struct ZSTD_DCtx_s *zstd;
};

/* SL_EFAIL: the file is none, is of a newer version, is damaged or ends too early; the text says which and where. */
int sl_object_read_open(struct sl_object_reader *reader, struct sl_byte_stream *stream, const char *path,
                        struct sl_error *err);
/* 1: the rows of the next block are there until the next call; 0: the file ends here, and is complete. */
int sl_object_read_block(struct sl_object_reader *reader, struct sl_error *err);
/* The row at *at of the block, which moves past it; strings point into the block, the rest is in the arena. */
int sl_object_read_row(const struct sl_object_reader *reader, size_t *at, struct sl_arena *arena,
                       struct sl_field *fields, uint32_t *ret_width, struct sl_error *err);
/* Moves *at past the row there, without memory for it. */
int sl_object_skip_row(const struct sl_object_reader *reader, size_t *at, struct sl_error *err);
void sl_object_reader_done(struct sl_object_reader *reader);
