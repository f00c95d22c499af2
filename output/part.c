#include "output/part.h"

#include "core/contract/bucket.h"

#include <fcntl.h>
#include <stdio.h>
#include <xxhash.h>

static int part_prepare(struct sl_part *part, struct sl_error *err)
{
    part->hash = XXH3_createState();
    if (!part->hash)
        return sl_error_nomem(err);
    XXH3_64bits_reset(part->hash);
    if (part->compression && !(part->compressor = part->compression->open()))
        return sl_error_nomem(err);
    return 0;
}

void sl_part_name(struct sl_manifest_file *file, size_t index, const struct sl_compression *compression)
{
    int len = snprintf(file->name, sizeof file->name, "part-%05zu%s", index,
                       compression ? compression->suffix : "");
    sl_assert(len > 0 && (size_t)len < sizeof file->name);
}

static int open_file(struct sl_part *part, const struct sl_directory *directory, struct sl_error *err)
{
    int fd = sl_io_open(part->io, directory->fd, part->file.name, O_WRONLY | O_CREAT | O_EXCL, 0666, err);
    if (fd < 0)
        return sl_error_wrap(err, "%s", part->shown);
    part->fd = fd;
    return 0;
}

int sl_part_open(struct sl_part *part, const struct sl_directory *directory, size_t index,
                 const struct sl_compression *compression, struct sl_error *err)
{
    struct sl_bucket *bucket = directory->bucket;
    *part = (struct sl_part){.io = directory->io,
                             .fd = -1,
                             .bucket = bucket,
                             .shown = directory->place->shown,
                             .compression = compression};
    sl_part_name(&part->file, index, compression);
    int r = part_prepare(part, err);
    if (r == 0)
        r = bucket ? bucket->ops->object_open(bucket, part->file.name, &part->object, err)
                   : open_file(part, directory, err);
    if (r < 0)
        sl_part_done(part);
    return r;
}

bool sl_part_is_open(const struct sl_part *part)
{
    return part->fd >= 0 || part->object;
}

static int put(struct sl_part *part, const void *bytes, size_t len, struct sl_error *err)
{
    int r = part->bucket ? part->bucket->ops->object_write(part->object, bytes, len, err)
                         : sl_io_write(part->io, part->fd, bytes, len, part->file.name, err);
    if (r < 0)
        return part->bucket ? r : sl_error_wrap(err, "%s", part->shown);
    XXH3_64bits_update(part->hash, bytes, len);
    part->file.bytes += len;
    return 0;
}

static int put_block(struct sl_part *part, const uint8_t *bytes, size_t len, bool end, struct sl_error *err)
{
    int r = part->compression->block(part->compressor, bytes, len, end, &part->compressed, err);
    if (r == 0 && part->compressed.len)
        r = put(part, part->compressed.bytes, part->compressed.len, err);
    sl_buf_clear(&part->compressed);
    return r;
}

/* The compressor sees blocks of one size whatever the pieces were: its result depends on the bytes alone. */
static int put_compressed(struct sl_part *part, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    while (len) {
        size_t room = SL_COMPRESSION_BLOCK - part->block.len;
        size_t piece = len < room ? len : room;
        if (!sl_buf_append(&part->block, bytes, piece))
            return sl_error_nomem(err);
        bytes += piece;
        len -= piece;
        if (part->block.len < SL_COMPRESSION_BLOCK)
            continue;
        int r = put_block(part, part->block.bytes, part->block.len, false, err);
        if (r < 0)
            return r;
        sl_buf_clear(&part->block);
    }
    return 0;
}

int sl_part_write(struct sl_part *part, const void *bytes, size_t len, struct sl_error *err)
{
    return part->compression ? put_compressed(part, bytes, len, err) : put(part, bytes, len, err);
}

int sl_part_close(struct sl_part *part, struct sl_error *err)
{
    int r = part->compression ? put_block(part, part->block.bytes, part->block.len, true, err) : 0;
    part->file.hash = XXH3_64bits_digest(part->hash);
    if (r == 0 && part->object) {
        r = part->bucket->ops->object_close(part->object, err);
        part->object = NULL;
    }
    return r;
}

void sl_part_done(struct sl_part *part)
{
    if (part->hash && part->fd >= 0)
        sl_io_close(part->io, part->fd);
    if (part->object)
        (void)part->bucket->ops->object_close(part->object, NULL); /* given up */
    if (part->compression)
        part->compression->close(part->compressor);
    XXH3_freeState(part->hash);
    sl_buf_done(&part->block);
    sl_buf_done(&part->compressed);
    *part = (struct sl_part){.fd = -1};
}
