/* The format of object files. Numbers are little-endian.
 *
 *     head    8 bytes  "SLROWS\r\n"
 *             u32      version, 1
 *             u32      0
 *     block   u32      rows, 1 or more
 *             u32      bytes of the rows
 *             u64      bytes that follow the checksum
 *             u64      XXH3-64 of these 16 bytes and of those that follow, seeded with the number of the block, from 0
 *             ...      one zstd frame: the rows (text/row_codec.h), one after another
 *     end     u32 0, u32 0, u64 rows of all blocks, u64 checksum as above; the file ends here
 *
 * A block ends with the row that makes it SL_OBJECT_BLOCK_BYTES or more, so that the bytes of a file depend on its
 * rows alone. As the number of a block is in its checksum and the number of rows at the end, blocks that are missing,
 * doubled or exchanged are noticed like any flipped bit. */
#include "text/object_file.h"

#include "text/row_codec.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

#define MAGIC "SLROWS\r\n"
enum { VERSION = 1, MAGIC_LEN = 8, HEAD_LEN = 16, BLOCK_HEAD_LEN = 24, SUMMED_LEN = 16 };

struct block_head {
    uint32_t rows, bytes;
    uint64_t packed, hash;
};

static uint64_t hash_of(const uint8_t summed[SUMMED_LEN], const void *packed, size_t len, uint64_t number)
{
    uint64_t seed = XXH3_64bits_withSeed(summed, SUMMED_LEN, number);
    return XXH3_64bits_withSeed(packed, len, seed);
}

static void put_head(uint8_t to[BLOCK_HEAD_LEN], uint32_t rows, uint32_t bytes, uint64_t packed)
{
    uint32_t rows_le = htole32(rows), bytes_le = htole32(bytes);
    uint64_t packed_le = htole64(packed);
    memcpy(to, &rows_le, 4);
    memcpy(to + 4, &bytes_le, 4);
    memcpy(to + 8, &packed_le, 8);
}

static void put_hash(uint8_t head[BLOCK_HEAD_LEN], const void *packed, size_t len, uint64_t number)
{
    uint64_t hash = htole64(hash_of(head, packed, len, number));
    memcpy(head + SUMMED_LEN, &hash, 8);
}

/* ---- writing ---- */

static int end_block(struct sl_object_writer *writer, struct sl_buf *out, struct sl_error *err)
{
    size_t at = out->len, bound = ZSTD_compressBound(writer->rows.len);
    if (!writer->count)
        return 0;
    if (!sl_buf_reserve(out, BLOCK_HEAD_LEN + bound))
        return sl_error_nomem(err);
    uint8_t *head = out->bytes + at, *packed = head + BLOCK_HEAD_LEN;
    size_t len = ZSTD_compress2(writer->zstd, packed, bound, writer->rows.bytes, writer->rows.len);
    if (ZSTD_isError(len))
        return ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation
                   ? sl_error_nomem(err)
                   : sl_error_set(err, SL_EFAIL, "compressing rows: %s", ZSTD_getErrorName(len));
    put_head(head, writer->count, (uint32_t)writer->rows.len, len);
    put_hash(head, packed, len, writer->blocks++);
    out->len = at + BLOCK_HEAD_LEN + len;
    writer->total += writer->count;
    writer->count = 0;
    writer->rows.len = 0;
    return 0;
}

int sl_object_write_head(struct sl_object_writer *writer, struct sl_buf *out, struct sl_error *err)
{
    uint32_t words[2] = {htole32(VERSION), 0};
    writer->count = 0;
    writer->rows.len = 0;
    writer->blocks = writer->total = 0;
    if (!writer->zstd)
        writer->zstd = ZSTD_createCCtx();
    if (!writer->zstd || !sl_buf_append(out, MAGIC, MAGIC_LEN) || !sl_buf_append(out, words, sizeof words))
        return sl_error_nomem(err);
    return 0;
}

int sl_object_write_row(struct sl_object_writer *writer, const struct sl_field *fields, uint32_t width,
                        struct sl_buf *out, struct sl_error *err)
{
    if (!sl_row_codec_append(&writer->rows, fields, width))
        return sl_error_nomem(err);
    writer->count++;
    return writer->rows.len < SL_OBJECT_BLOCK_BYTES ? 0 : end_block(writer, out, err);
}

int sl_object_write_end(struct sl_object_writer *writer, struct sl_buf *out, struct sl_error *err)
{
    uint8_t head[BLOCK_HEAD_LEN];
    int r = end_block(writer, out, err);
    if (r < 0)
        return r;
    put_head(head, 0, 0, writer->total);
    put_hash(head, NULL, 0, writer->blocks);
    return sl_buf_append(out, head, sizeof head) ? 0 : sl_error_nomem(err);
}

void sl_object_writer_done(struct sl_object_writer *writer)
{
    sl_buf_done(&writer->rows);
    ZSTD_freeCCtx(writer->zstd);
    *writer = (struct sl_object_writer){0};
}

/* ---- reading ---- */

static int damaged(const struct sl_object_reader *reader, const char *what, struct sl_error *err)
{
    return sl_error_set(err, SL_EFAIL, "%s: damaged at offset %llu: %s", reader->path,
                        (unsigned long long)reader->at, what);
}

/* Up to len bytes, fewer only at the end of the file. */
static int64_t read_bytes(struct sl_object_reader *reader, uint8_t *to, size_t len, struct sl_error *err)
{
    size_t have = 0;
    while (have < len) {
        ssize_t got = reader->stream->read(reader->stream, to + have, len - have, err);
        if (got < 0)
            return got;
        if (!got)
            break;
        have += (size_t)got;
    }
    return (int64_t)have;
}

static int read_all(struct sl_object_reader *reader, uint8_t *to, size_t len, struct sl_error *err)
{
    int64_t got = read_bytes(reader, to, len, err);
    if (got < 0)
        return (int)got;
    return (uint64_t)got == len ? 0 : damaged(reader, "the file ends before its last row", err);
}

int sl_object_read_open(struct sl_object_reader *reader, struct sl_byte_stream *stream, const char *path,
                        struct sl_error *err)
{
    uint8_t head[HEAD_LEN];
    uint32_t words[2];
    *reader = (struct sl_object_reader){.stream = stream, .path = path};
    int64_t got = read_bytes(reader, head, sizeof head, err);
    if (got < 0)
        return (int)got;
    size_t len = (size_t)got;
    if (memcmp(head, MAGIC, len < MAGIC_LEN ? len : MAGIC_LEN) != 0 || len == 0)
        return sl_error_set(err, SL_EFAIL, "%s: not an object file, as saveAsObjectFiles writes them", path);
    if (len < sizeof head)
        return damaged(reader, "the file ends in its head", err);
    memcpy(words, head + MAGIC_LEN, sizeof words);
    if (le32toh(words[0]) != VERSION || words[1])
        return sl_error_set(err, SL_EFAIL, "%s: an object file of version %u, this program reads version %d",
                            path, le32toh(words[0]), VERSION);
    reader->at = HEAD_LEN;
    reader->zstd = ZSTD_createDCtx();
    return reader->zstd ? 0 : sl_error_nomem(err);
}

static int read_head(struct sl_object_reader *reader, uint8_t bytes[BLOCK_HEAD_LEN], struct block_head *ret,
                     struct sl_error *err)
{
    int r = read_all(reader, bytes, BLOCK_HEAD_LEN, err);
    if (r < 0)
        return r;
    memcpy(&ret->rows, bytes, 4);
    memcpy(&ret->bytes, bytes + 4, 4);
    memcpy(&ret->packed, bytes + 8, 8);
    memcpy(&ret->hash, bytes + 16, 8);
    *ret = (struct block_head){le32toh(ret->rows), le32toh(ret->bytes), le64toh(ret->packed),
                               le64toh(ret->hash)};
    return 0;
}

static int read_end(struct sl_object_reader *reader, const uint8_t *bytes, const struct block_head *head,
                    struct sl_error *err)
{
    uint8_t more;
    if (head->bytes || hash_of(bytes, NULL, 0, reader->blocks) != head->hash || head->packed != reader->total)
        return damaged(reader, "the end of the file does not fit its rows", err);
    int64_t got = read_bytes(reader, &more, 1, err);
    return got <= 0 ? (int)got : damaged(reader, "bytes follow the end of the rows", err);
}

/* The compressed bytes, as many as the file has: its head is not trusted with memory. */
static int read_packed(struct sl_object_reader *reader, uint64_t len, struct sl_error *err)
{
    enum { STEP = 1 << 20 };
    reader->packed.len = 0;
    while (reader->packed.len < len) {
        size_t step = len - reader->packed.len < STEP ? (size_t)(len - reader->packed.len) : STEP;
        if (!sl_buf_reserve(&reader->packed, step))
            return sl_error_nomem(err);
        int r = read_all(reader, reader->packed.bytes + reader->packed.len, step, err);
        if (r < 0)
            return r;
        reader->packed.len += step;
    }
    return 0;
}

static int unpack(struct sl_object_reader *reader, const struct block_head *head, struct sl_error *err)
{
    reader->rows.len = 0;
    if (!sl_buf_reserve(&reader->rows, head->bytes))
        return sl_error_nomem(err);
    size_t len = ZSTD_decompressDCtx(reader->zstd, reader->rows.bytes, head->bytes, reader->packed.bytes,
                                     reader->packed.len);
    if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
        return sl_error_nomem(err);
    if (ZSTD_isError(len) || len != head->bytes)
        return damaged(reader, "a block cannot be unpacked", err);
    reader->rows.len = len;
    return 0;
}

int sl_object_read_block(struct sl_object_reader *reader, struct sl_error *err)
{
    uint8_t bytes[BLOCK_HEAD_LEN];
    struct block_head head;
    int r = read_head(reader, bytes, &head, err);
    if (r < 0 || !head.rows)
        return r < 0 ? r : read_end(reader, bytes, &head, err);
    if (head.bytes > SL_OBJECT_ROW_BYTES_MAX + SL_OBJECT_BLOCK_BYTES || head.rows > head.bytes ||
        head.packed > ZSTD_compressBound(head.bytes))
        return damaged(reader, "no block begins here", err);
    r = read_packed(reader, head.packed, err);
    if (r < 0)
        return r;
    if (hash_of(bytes, reader->packed.bytes, reader->packed.len, reader->blocks) != head.hash)
        return damaged(reader, "a block does not fit its checksum", err);
    r = unpack(reader, &head, err);
    if (r < 0)
        return r;
    reader->at += BLOCK_HEAD_LEN + head.packed;
    reader->blocks++;
    reader->count = head.rows;
    reader->total += head.rows;
    return 1;
}

static int no_row(const struct sl_object_reader *reader, struct sl_error *err)
{
    return damaged(reader, "a block has bytes that are no row", err);
}

int sl_object_skip_row(const struct sl_object_reader *reader, size_t *at, struct sl_error *err)
{
    return sl_row_codec_skip(reader->rows.bytes, reader->rows.len, at) == 0 ? 0 : no_row(reader, err);
}

/* Maps are as they are everywhere: sorted, each key once. */
static bool is_sound(const struct sl_field *field)
{
    if (field->tag != SL_LIST && field->tag != SL_MAP)
        return true;
    size_t items = field->tag == SL_MAP ? 2 * (size_t)field->len : field->len;
    for (size_t i = 0; i < items; i++) {
        bool is_key = field->tag == SL_MAP && i % 2 == 0;
        if (is_key ? i && sl_field_compare(&field->items[i - 2], &field->items[i]) >= 0
                   : !is_sound(&field->items[i]))
            return false;
    }
    return true;
}

int sl_object_read_row(const struct sl_object_reader *reader, size_t *at, struct sl_arena *arena,
                       struct sl_field *fields, uint32_t *ret_width, struct sl_error *err)
{
    uint32_t width = 0;
    int r = sl_row_codec_borrow(reader->rows.bytes, reader->rows.len, at, arena, fields, &width);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    bool ok = r == 0 && width > 0;
    for (uint32_t i = 0; ok && i < width; i++)
        ok = is_sound(&fields[i]);
    *ret_width = width;
    return ok ? 0 : no_row(reader, err);
}

void sl_object_reader_done(struct sl_object_reader *reader)
{
    sl_buf_done(&reader->packed);
    sl_buf_done(&reader->rows);
    ZSTD_freeDCtx(reader->zstd);
    *reader = (struct sl_object_reader){0};
}
