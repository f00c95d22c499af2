/* Hadoop's sequence files. The table of the format is at the top of sequence_write.c.
 *
 * Writing: sl_sequence_write_head, then for each record sl_sequence_write_record, then sl_sequence_write_end; what is
 * complete is appended to a buffer that the caller empties as it likes. Reading: sl_sequence_read_open, then
 * sl_sequence_read_next until it gives 0. */
#pragma once

#include "core/base/error.h"
#include "text/lines.h"
#include "text/sequence_codec.h"
#include "text/writable.h"

enum sl_sequence_compression { SL_SEQUENCE_NONE, SL_SEQUENCE_RECORD, SL_SEQUENCE_BLOCK };

enum { SL_SEQUENCE_SYNC_LEN = 16 };

struct sl_sequence_layout {
    enum sl_writable key, value;
    enum sl_sequence_compression compression;
    const struct sl_sequence_codec *codec; /* NULL without compression */
    uint8_t sync[SL_SEQUENCE_SYNC_LEN];
};

struct sl_sequence_writer {
    struct sl_sequence_layout layout;
    struct sl_sequence_packer *packer;
    uint64_t since_sync;                                /* bytes since the last sync marker */
    struct sl_buf key_sizes, keys, value_sizes, values; /* of the block that grows */
    struct sl_buf packed;
    uint64_t count; /* records of it */
};

/* The layout is copied. */
int sl_sequence_write_head(struct sl_sequence_writer *writer, const struct sl_sequence_layout *layout,
                           struct sl_buf *out, struct sl_error *err);
/* Key and value as sl_writable_append made them; together less than 2 GiB. */
int sl_sequence_write_record(struct sl_sequence_writer *writer, const struct sl_buf *key,
                             const struct sl_buf *value, struct sl_buf *out, struct sl_error *err);
int sl_sequence_write_end(struct sl_sequence_writer *writer, struct sl_buf *out, struct sl_error *err);
void sl_sequence_writer_done(struct sl_sequence_writer *writer);

enum { SL_SEQUENCE_PIECE_BYTES = 64 << 10 };

struct sl_sequence_reader {
    struct sl_byte_stream *stream; /* borrowed */
    const char *path;              /* for messages; borrowed */
    uint64_t record_max;           /* bytes of a record; longer ones are skipped */
    struct sl_sequence_layout layout;
    struct sl_sequence_unpacker *unpacker;
    uint64_t offset;             /* in the file, of piece[at] */
    size_t at, len;              /* of the piece: used, read */
    struct sl_buf record, value; /* as it is in the file; its value unpacked */
    struct sl_buf part[4];       /* of a block: sizes of keys, keys, sizes of values, values */
    size_t part_at[4];
    uint64_t left; /* records of the block */
    uint8_t piece[SL_SEQUENCE_PIECE_BYTES];
};

/* stream and path are borrowed until sl_sequence_reader_done. SL_EFAIL: the file is none, has classes, a version or a
 * codec that is not read, or is damaged; the text says which and where. */
int sl_sequence_read_open(struct sl_sequence_reader *reader, struct sl_byte_stream *stream, const char *path,
                          uint64_t record_max, struct sl_error *err);
/* 1: a record, whose strings are in the arena; 0: the file ends here; SL_EREJECT: the record has more than record_max
 * bytes and was skipped; SL_EFAIL as above. */
int sl_sequence_read_next(struct sl_sequence_reader *reader, struct sl_arena *arena, struct sl_field *key,
                          struct sl_field *value, struct sl_error *err);
void sl_sequence_reader_done(struct sl_sequence_reader *reader);
