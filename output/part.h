/* One part file while it is written: hashed, and compressed where asked.
 *
 * sl_part_open, sl_part_write..., sl_part_close (all bytes are with the kernel, or the object bucket; `file` says what
 * was written), then the owner takes part->fd to sync it. sl_part_done at any time. */
#pragma once

#include "core/contract/services.h"
#include "output/compress.h"
#include "output/directory.h"

struct sl_part {
    struct sl_io *io;
    int fd;                         /* -1: none; set to -1 by the caller that takes it over */
    const struct sl_bucket *bucket; /* NULL: a file */
    struct sl_bucket_object *object;
    const char *shown;            /* the directory, for messages; borrowed */
    struct sl_manifest_file file; /* bytes and hash grow until the close */
    struct XXH3_state_s *hash;
    const struct sl_compression *compression;
    struct sl_compressor *compressor;
    struct sl_buf block;      /* not compressed yet */
    struct sl_buf compressed; /* not written yet */
};

void sl_part_name(struct sl_manifest_file *file, size_t index, const struct sl_compression *compression);

/* Creates part-<index> in the directory. compression may be NULL. */
int sl_part_open(struct sl_part *part, const struct sl_directory *directory, size_t index,
                 const struct sl_compression *compression, struct sl_error *err);
bool sl_part_is_open(const struct sl_part *part);
int sl_part_write(struct sl_part *part, const void *bytes, size_t len, struct sl_error *err);
int sl_part_close(struct sl_part *part, struct sl_error *err);
void sl_part_done(struct sl_part *part);
