/* The format of sequence files, version 6. Numbers are big-endian, a vint is text/writable.h's, a string a vint of its
 * length and its bytes.
 *
 *     "SEQ" 06
 *     string   class of the keys         string   class of the values
 *     u8       compressed                u8       in blocks
 *     string   class of the codec, where compressed
 *     i32      number of pairs of strings that follow: none here
 *     16 bytes the sync marker
 *
 * Then records: before some of them i32 -1 and the sync marker, so that a reader may begin anywhere:
 *
 *     i32 length of key and value, i32 length of the key, key, value; with compression by record the value is packed
 *
 * Or, compressed by block, for each block i32 -1, the sync marker, a vint, the number of its records, and four packed
 * pieces, each with its length as a vint in front: lengths of keys (vints), keys, lengths of values (vints), values.
 *
 * Nothing marks the end of a file. */
#include "text/sequence_file.h"

#include <endian.h>
#include <string.h>

enum {
    VERSION = 6,
    SYNC_BYTES = 100 << 10, /* between sync markers, about, as Hadoop 3 has them */
    BLOCK_BYTES =
        1000 * 1000, /* of keys and values, after which a block ends: io.seqfile.compress.blocksize */
};

static bool append_i32(struct sl_buf *buf, int32_t value)
{
    uint32_t big = htobe32((uint32_t)value);
    return sl_buf_append(buf, &big, sizeof big);
}

static bool append_string(struct sl_buf *buf, const char *text)
{
    return sl_vint_append(buf, (int64_t)strlen(text)) && sl_buf_text(buf, text);
}

static bool append_sync(struct sl_sequence_writer *writer, struct sl_buf *out)
{
    writer->since_sync = 0;
    return append_i32(out, -1) && sl_buf_append(out, writer->layout.sync, SL_SEQUENCE_SYNC_LEN);
}

int sl_sequence_write_head(struct sl_sequence_writer *writer, const struct sl_sequence_layout *layout,
                           struct sl_buf *out, struct sl_error *err)
{
    static const uint8_t magic[] = {'S', 'E', 'Q', VERSION};
    uint8_t flags[2] = {layout->compression != SL_SEQUENCE_NONE, layout->compression == SL_SEQUENCE_BLOCK};
    writer->layout = *layout;
    writer->count = writer->since_sync = 0;
    writer->key_sizes.len = writer->keys.len = writer->value_sizes.len = writer->values.len = 0;
    if (layout->codec && !writer->packer && !(writer->packer = sl_sequence_packer_new(layout->codec)))
        return sl_error_nomem(err);
    bool ok = sl_buf_append(out, magic, sizeof magic) &&
              append_string(out, sl_writable_class_name(layout->key)) &&
              append_string(out, sl_writable_class_name(layout->value)) &&
              sl_buf_append(out, flags, sizeof flags) &&
              (!layout->codec || append_string(out, layout->codec->class_name)) && append_i32(out, 0) &&
              sl_buf_append(out, layout->sync, SL_SEQUENCE_SYNC_LEN);
    return ok ? 0 : sl_error_nomem(err);
}

/* ---- record by record ---- */

static int write_single(struct sl_sequence_writer *writer, const struct sl_buf *key,
                        const struct sl_buf *value, struct sl_buf *out, struct sl_error *err)
{
    const struct sl_buf *kept = value;
    if (writer->packer) {
        writer->packed.len = 0;
        if (sl_sequence_pack(writer->packer, value->bytes, value->len, &writer->packed) < 0)
            return sl_error_nomem(err);
        kept = &writer->packed;
    }
    uint64_t len = (uint64_t)key->len + kept->len;
    if (len > INT32_MAX)
        return sl_error_set(err, SL_EFAIL,
                            "a record of more than 2 GiB cannot be written to a sequence file");
    bool ok = writer->since_sync < SYNC_BYTES || append_sync(writer, out);
    ok = ok && append_i32(out, (int32_t)len) && append_i32(out, (int32_t)key->len) &&
         sl_buf_append(out, key->bytes, key->len) && sl_buf_append(out, kept->bytes, kept->len);
    writer->since_sync += 8 + len;
    return ok ? 0 : sl_error_nomem(err);
}

/* ---- by block ---- */

static bool append_packed(struct sl_sequence_writer *writer, struct sl_buf *piece, struct sl_buf *out)
{
    writer->packed.len = 0;
    bool ok = sl_sequence_pack(writer->packer, piece->bytes, piece->len, &writer->packed) == 0 &&
              sl_vint_append(out, (int64_t)writer->packed.len) &&
              sl_buf_append(out, writer->packed.bytes, writer->packed.len);
    piece->len = 0;
    return ok;
}

static int end_block(struct sl_sequence_writer *writer, struct sl_buf *out, struct sl_error *err)
{
    if (!writer->count)
        return 0;
    bool ok = append_sync(writer, out) && sl_vint_append(out, (int64_t)writer->count) &&
              append_packed(writer, &writer->key_sizes, out) && append_packed(writer, &writer->keys, out) &&
              append_packed(writer, &writer->value_sizes, out) && append_packed(writer, &writer->values, out);
    writer->count = 0;
    return ok ? 0 : sl_error_nomem(err);
}

static int write_to_block(struct sl_sequence_writer *writer, const struct sl_buf *key,
                          const struct sl_buf *value, struct sl_buf *out, struct sl_error *err)
{
    bool ok = sl_vint_append(&writer->key_sizes, (int64_t)key->len) &&
              sl_buf_append(&writer->keys, key->bytes, key->len) &&
              sl_vint_append(&writer->value_sizes, (int64_t)value->len) &&
              sl_buf_append(&writer->values, value->bytes, value->len);
    writer->count++;
    if (!ok)
        return sl_error_nomem(err);
    /* Keys and values without bytes, NullWritable, have lengths. */
    bool is_full =
        writer->keys.len + writer->values.len >= BLOCK_BYTES || writer->key_sizes.len >= BLOCK_BYTES;
    return is_full ? end_block(writer, out, err) : 0;
}

int sl_sequence_write_record(struct sl_sequence_writer *writer, const struct sl_buf *key,
                             const struct sl_buf *value, struct sl_buf *out, struct sl_error *err)
{
    return writer->layout.compression == SL_SEQUENCE_BLOCK ? write_to_block(writer, key, value, out, err)
                                                           : write_single(writer, key, value, out, err);
}

int sl_sequence_write_end(struct sl_sequence_writer *writer, struct sl_buf *out, struct sl_error *err)
{
    return end_block(writer, out, err);
}

void sl_sequence_writer_done(struct sl_sequence_writer *writer)
{
    sl_sequence_packer_free(writer->packer);
    sl_buf_done(&writer->key_sizes);
    sl_buf_done(&writer->keys);
    sl_buf_done(&writer->value_sizes);
    sl_buf_done(&writer->values);
    sl_buf_done(&writer->packed);
    *writer = (struct sl_sequence_writer){0};
}
