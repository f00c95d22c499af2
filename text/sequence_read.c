/* Reading sequence files of versions 4 to 6 (sequence_write.c has the table): version 5 has no pairs of strings, in
 * version 4 the codec is always DefaultCodec. */
#include "text/sequence_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION_MIN = 4,
    VERSION_CODEC = 5,
    VERSION_PAIRS = 6,
    VERSION_MAX = 6,
    NAME_BYTES_MAX = 64 << 10, /* of a class or codec */
    STEP = 1 << 20,
    BLOCK_MAX = 1 << 30, /* its four pieces together, unpacked */
    SHOWN_MAX = 120,
};

static int damaged(const struct sl_sequence_reader *reader, const char *what, struct sl_error *err)
{
    return sl_error_set(err, SL_EFAIL, "%s: damaged before offset %llu: %s", reader->path,
                        (unsigned long long)reader->offset, what);
}

/* ---- bytes ---- */

/* Up to len bytes; fewer only at the end of the file. */
static int64_t take_some(struct sl_sequence_reader *reader, uint8_t *to, size_t len, struct sl_error *err)
{
    size_t have = 0;
    while (have < len) {
        if (reader->at == reader->len) {
            ssize_t got = reader->stream->read(reader->stream, reader->piece, sizeof reader->piece, err);
            if (got <= 0)
                return got < 0 ? got : (int64_t)have;
            reader->at = 0;
            reader->len = (size_t)got;
        }
        size_t step = reader->len - reader->at < len - have ? reader->len - reader->at : len - have;
        if (to)
            memcpy(to + have, reader->piece + reader->at, step);
        reader->at += step;
        reader->offset += step;
        have += step;
    }
    return (int64_t)have;
}

/* to NULL: they are skipped. */
static int take(struct sl_sequence_reader *reader, uint8_t *to, size_t len, struct sl_error *err)
{
    int64_t got = take_some(reader, to, len, err);
    if (got < 0)
        return (int)got;
    return (uint64_t)got == len ? 0 : damaged(reader, "the file ends too early", err);
}

/* Memory grows with what the file really has: its lengths are not trusted. */
static int take_into(struct sl_sequence_reader *reader, struct sl_buf *buf, uint64_t len,
                     struct sl_error *err)
{
    buf->len = 0;
    while (buf->len < len) {
        size_t step = len - buf->len < STEP ? (size_t)(len - buf->len) : STEP;
        if (!sl_buf_reserve(buf, step))
            return sl_error_nomem(err);
        int r = take(reader, buf->bytes + buf->len, step, err);
        if (r < 0)
            return r;
        buf->len += step;
    }
    return 0;
}

static int32_t i32_of(const uint8_t *bytes)
{
    return (int32_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     bytes[3]);
}

static int take_i32(struct sl_sequence_reader *reader, int32_t *ret, struct sl_error *err)
{
    uint8_t bytes[4];
    int r = take(reader, bytes, sizeof bytes, err);
    if (r == 0)
        *ret = i32_of(bytes);
    return r;
}

static int take_vint(struct sl_sequence_reader *reader, int64_t *ret, struct sl_error *err)
{
    uint8_t bytes[9];
    size_t at = 0;
    int r = take(reader, bytes, 1, err);
    size_t size = r < 0 ? 1 : sl_vint_size(bytes[0]);
    r = r < 0 ? r : take(reader, bytes + 1, size - 1, err);
    if (r < 0)
        return r;
    bool ok = sl_vint_read(bytes, size, &at, ret);
    sl_assert(ok);
    return 0;
}

/* ---- the head ---- */

static int take_string(struct sl_sequence_reader *reader, struct sl_buf *buf, struct sl_error *err)
{
    int64_t len = 0;
    int r = take_vint(reader, &len, err);
    if (r == 0 && (len < 0 || len > NAME_BYTES_MAX))
        r = damaged(reader, "a name in the head is too long", err);
    return r < 0 ? r : take_into(reader, buf, (uint64_t)len, err);
}

static int not_read(const struct sl_sequence_reader *reader, const char *what, const struct sl_buf *name,
                    const char *known, struct sl_error *err)
{
    struct sl_buf shown SL_CLEANUP(sl_buf_done) = {0};
    size_t len = name->len < SHOWN_MAX ? name->len : SHOWN_MAX;
    if (!sl_buf_safe(&shown, name->bytes, len) || !sl_buf_byte(&shown, 0))
        return sl_error_nomem(err);
    return sl_error_set(err, SL_EFAIL, "%s: %s %s is not read; known are %s", reader->path, what,
                        (const char *)shown.bytes, known);
}

static int take_class(struct sl_sequence_reader *reader, const char *what, enum sl_writable *ret,
                      struct sl_error *err)
{
    struct sl_buf name SL_CLEANUP(sl_buf_done) = {0};
    int r = take_string(reader, &name, err);
    if (r < 0)
        return r;
    *ret = sl_writable_find(name.bytes, name.len);
    return *ret < SL_WRITABLES
               ? 0
               : not_read(reader, what, &name,
                          "Hadoop's Text, BytesWritable, IntWritable, LongWritable, FloatWritable, "
                          "DoubleWritable, BooleanWritable and NullWritable",
                          err);
}

static int take_codec(struct sl_sequence_reader *reader, int version, struct sl_error *err)
{
    struct sl_buf name SL_CLEANUP(sl_buf_done) = {0};
    struct sl_sequence_layout *layout = &reader->layout;
    layout->codec = sl_sequence_codec_find("zlib", 4);
    if (version >= VERSION_CODEC) {
        int r = take_string(reader, &name, err);
        if (r < 0)
            return r;
        layout->codec = sl_sequence_codec_find(name.bytes, name.len);
    }
    if (!layout->codec)
        return not_read(reader, "codec", &name, "Hadoop's DefaultCodec, GzipCodec and ZStandardCodec", err);
    reader->unpacker = sl_sequence_unpacker_new(layout->codec);
    return reader->unpacker ? 0 : sl_error_nomem(err);
}

/* Others keep whole schemas there: strings of any length. */
static int skip_string(struct sl_sequence_reader *reader, struct sl_error *err)
{
    int64_t len = 0;
    int r = take_vint(reader, &len, err);
    if (r == 0 && (len < 0 || len > INT32_MAX))
        r = damaged(reader, "the head has a string of no possible length", err);
    return r < 0 ? r : take(reader, NULL, (size_t)len, err);
}

static int skip_pairs(struct sl_sequence_reader *reader, struct sl_error *err)
{
    int32_t pairs = 0;
    int r = take_i32(reader, &pairs, err);
    if (r == 0 && pairs < 0)
        r = damaged(reader, "the head has no possible number of pairs of strings", err);
    for (int64_t i = 0; r == 0 && i < 2 * (int64_t)pairs; i++)
        r = skip_string(reader, err);
    return r;
}

static int take_head(struct sl_sequence_reader *reader, int version, struct sl_error *err)
{
    struct sl_sequence_layout *layout = &reader->layout;
    uint8_t flags[2];
    int r = take_class(reader, "key class", &layout->key, err);
    r = r < 0 ? r : take_class(reader, "value class", &layout->value, err);
    r = r < 0 ? r : take(reader, flags, sizeof flags, err);
    if (r < 0)
        return r;
    layout->compression = !flags[0] ? SL_SEQUENCE_NONE : flags[1] ? SL_SEQUENCE_BLOCK : SL_SEQUENCE_RECORD;
    if (flags[0])
        r = take_codec(reader, version, err);
    if (r == 0 && version >= VERSION_PAIRS)
        r = skip_pairs(reader, err);
    return r < 0 ? r : take(reader, layout->sync, SL_SEQUENCE_SYNC_LEN, err);
}

int sl_sequence_read_open(struct sl_sequence_reader *reader, struct sl_byte_stream *stream, const char *path,
                          uint64_t record_max, struct sl_error *err)
{
    uint8_t magic[4] = {0};
    memset(reader, 0, offsetof(struct sl_sequence_reader, piece));
    reader->stream = stream;
    reader->path = path;
    reader->record_max = record_max;
    int64_t got = take_some(reader, magic, sizeof magic, err);
    if (got < 0)
        return (int)got;
    if (got < (int64_t)sizeof magic || memcmp(magic, "SEQ", 3) != 0)
        return sl_error_set(err, SL_EFAIL, "%s: not a sequence file: it does not begin with SEQ", path);
    if (magic[3] < VERSION_MIN || magic[3] > VERSION_MAX)
        return sl_error_set(err, SL_EFAIL, "%s: a sequence file of version %d; versions %d to %d are read",
                            path, magic[3], VERSION_MIN, VERSION_MAX);
    return take_head(reader, magic[3], err);
}

/* ---- records ---- */

static int take_sync(struct sl_sequence_reader *reader, struct sl_error *err)
{
    uint8_t sync[SL_SEQUENCE_SYNC_LEN];
    int r = take(reader, sync, sizeof sync, err);
    if (r == 0 && memcmp(sync, reader->layout.sync, sizeof sync) != 0)
        r = damaged(reader, "a sync marker is not that of the head", err);
    return r;
}

/* The length of the next record, or -1 where a block begins. 0: the file ends. */
static int take_length(struct sl_sequence_reader *reader, int32_t *ret, struct sl_error *err)
{
    uint8_t bytes[4];
    int64_t got = take_some(reader, bytes, sizeof bytes, err);
    if (got <= 0)
        return (int)got;
    if (got < (int64_t)sizeof bytes)
        return damaged(reader, "the file ends too early", err);
    *ret = i32_of(bytes);
    if (*ret != -1)
        return 1;
    int r = take_sync(reader, err);
    return r < 0 ? r : 1;
}

static int convert(struct sl_sequence_reader *reader, const uint8_t *key, size_t key_len,
                   const uint8_t *value, size_t value_len, struct sl_arena *arena, struct sl_field *ret_key,
                   struct sl_field *ret_value, struct sl_error *err)
{
    int r = sl_writable_read(reader->layout.key, key, key_len, arena, ret_key);
    r = r < 0 ? r : sl_writable_read(reader->layout.value, value, value_len, arena, ret_value);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    return r < 0 ? damaged(reader, "a key or value does not have the class of the file", err) : 1;
}

/* What unpacking gave; SL_EREJECT stays. */
static int unpacked(const struct sl_sequence_reader *reader, int r, struct sl_error *err)
{
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    return r == SL_EDAMAGED ? damaged(reader, "compressed data cannot be unpacked", err) : r;
}

static int next_single(struct sl_sequence_reader *reader, struct sl_arena *arena, struct sl_field *key,
                       struct sl_field *value, struct sl_error *err)
{
    int32_t len = -1, key_len = 0;
    int r = 1;
    while (r > 0 && len == -1)
        r = take_length(reader, &len, err);
    if (r <= 0)
        return r;
    r = take_i32(reader, &key_len, err);
    if (r == 0 && (len < 0 || key_len < 0 || key_len > len))
        r = damaged(reader, "no record begins here", err);
    if (r < 0)
        return r;
    if ((uint64_t)len > reader->record_max) {
        r = take(reader, NULL, (size_t)len, err);
        return r < 0 ? r : SL_EREJECT;
    }
    r = take_into(reader, &reader->record, (uint64_t)len, err);
    if (r < 0)
        return r;
    const uint8_t *bytes = reader->record.bytes, *from = bytes + key_len;
    size_t value_len = (size_t)(len - key_len);
    if (reader->unpacker) {
        reader->value.len = 0;
        r = sl_sequence_unpack(reader->unpacker, from, value_len, reader->record_max - (uint64_t)key_len,
                               &reader->value);
        from = reader->value.bytes;
        value_len = reader->value.len;
    }
    return r < 0 ? unpacked(reader, r, err)
                 : convert(reader, bytes, (size_t)key_len, from, value_len, arena, key, value, err);
}

/* ---- blocks ---- */

static int take_piece(struct sl_sequence_reader *reader, struct sl_buf *piece, size_t room,
                      struct sl_error *err)
{
    int64_t len = 0;
    int r = take_vint(reader, &len, err);
    if (r == 0 && (len < 0 || len > INT32_MAX))
        r = damaged(reader, "no block begins here", err);
    r = r < 0 ? r : take_into(reader, &reader->record, (uint64_t)len, err);
    if (r < 0)
        return r;
    piece->len = 0;
    r = sl_sequence_unpack(reader->unpacker, reader->record.bytes, reader->record.len, room, piece);
    return r == SL_EREJECT ? damaged(reader, "a block holds more than 1 GiB", err) : unpacked(reader, r, err);
}

static int take_block(struct sl_sequence_reader *reader, struct sl_error *err)
{
    int32_t escape = 0;
    int64_t count = 0;
    size_t room = BLOCK_MAX;
    int r = take_length(reader, &escape, err);
    if (r <= 0)
        return r;
    if (escape != -1)
        return damaged(reader, "a block does not begin with a sync marker", err);
    r = take_vint(reader, &count, err);
    if (r == 0 && (count < 0 || count > INT32_MAX))
        r = damaged(reader, "no block begins here", err);
    for (int i = 0; i < 4 && r == 0; i++) {
        reader->part_at[i] = 0;
        r = take_piece(reader, &reader->part[i], room, err);
        room -= reader->part[i].len;
    }
    reader->left = r < 0 ? 0 : (uint64_t)count;
    return r < 0 ? r : 1;
}

/* A block whose number of records is too low would lose the others without a word. */
static int check_used_up(const struct sl_sequence_reader *reader, struct sl_error *err)
{
    for (int i = 0; i < 4; i++)
        if (reader->part_at[i] < reader->part[i].len)
            return damaged(reader, "a block holds more than its number of records", err);
    return 0;
}

/* The next key or value of the block: of parts i (its length) and i + 1. */
static int next_of_part(struct sl_sequence_reader *reader, int i, const uint8_t **ret, size_t *ret_len,
                        struct sl_error *err)
{
    const struct sl_buf *bytes = &reader->part[i + 1];
    int64_t len;
    if (!sl_vint_read(reader->part[i].bytes, reader->part[i].len, &reader->part_at[i], &len) || len < 0 ||
        (uint64_t)len > bytes->len - reader->part_at[i + 1])
        return damaged(reader, "the lengths in a block do not fit it", err);
    *ret = bytes->bytes + reader->part_at[i + 1];
    *ret_len = (size_t)len;
    reader->part_at[i + 1] += (size_t)len;
    return 0;
}

static int next_of_block(struct sl_sequence_reader *reader, struct sl_arena *arena, struct sl_field *key,
                         struct sl_field *value, struct sl_error *err)
{
    const uint8_t *key_bytes, *value_bytes;
    size_t key_len, value_len;
    int r = 1;
    while (r > 0 && !reader->left) {
        r = check_used_up(reader, err);
        r = r < 0 ? r : take_block(reader, err);
    }
    if (r <= 0)
        return r;
    reader->left--;
    r = next_of_part(reader, 0, &key_bytes, &key_len, err);
    r = r < 0 ? r : next_of_part(reader, 2, &value_bytes, &value_len, err);
    if (r < 0)
        return r;
    if (key_len + value_len > reader->record_max)
        return SL_EREJECT;
    return convert(reader, key_bytes, key_len, value_bytes, value_len, arena, key, value, err);
}

int sl_sequence_read_next(struct sl_sequence_reader *reader, struct sl_arena *arena, struct sl_field *key,
                          struct sl_field *value, struct sl_error *err)
{
    return reader->layout.compression == SL_SEQUENCE_BLOCK ? next_of_block(reader, arena, key, value, err)
                                                           : next_single(reader, arena, key, value, err);
}

void sl_sequence_reader_done(struct sl_sequence_reader *reader)
{
    sl_sequence_unpacker_free(reader->unpacker);
    sl_buf_done(&reader->record);
    sl_buf_done(&reader->value);
    for (int i = 0; i < 4; i++)
        sl_buf_done(&reader->part[i]);
    reader->unpacker = NULL;
}
