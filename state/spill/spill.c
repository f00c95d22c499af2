/* Writing runs. The format, integers little-endian; only the process that wrote a file reads it:
 *
 *     "sluice spill 1\n", then frames as in a segment (state/store/segment_write.c): of type 'B', a block
 *     of up to 1024 rows of one width (text/row_codec.h), packed with zstd; of type 'T', the same with an event
 *     time of 8 bytes for each row after all of them. The check is seeded with the frame's offset in the file.
 *
 * Where a run's frames lie is known in memory only. Frames are gathered and written in big pieces. */
#include "state/spill/spill.h"

#include "core/base/array.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "state/spill/spill_internal.h"
#include "state/store/frame.h"
#include "text/row_codec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 << 10, PIECE_BYTES = 256 << 10, LEVEL = -50 };

struct sl_spill_file {
    struct sl_spill_place *place;
    ZSTD_CCtx *zstd;
    uint64_t offset;     /* the end of all frames */
    uint32_t width;      /* of the open block */
    uint32_t rows;       /* of the open block */
    struct sl_buf block; /* rows of the open block */
    bool timed;          /* the rows of the open block have times: */
    int64_t time[SL_CHUNK_ROWS];
    struct sl_buf piece; /* frames that are not written yet */
    struct sl_spill_run *run;
    size_t capacity; /* of run->start and ->offset */
};

static struct sl_spill_store *store_of(struct sl_spill *spill)
{
    return (struct sl_spill_store *)spill;
}

/* ---- files ---- */

static int make_directory(struct sl_spill_store *store, struct sl_error *err)
{
    pthread_mutex_lock(&store->lock);
    int r = store->made ? 0 : sl_io_make_dirs(store->io, store->dirfd, store->dir, 0700, err);
    store->made = r == 0;
    pthread_mutex_unlock(&store->lock);
    return r;
}

/* A name that cannot be guessed: other users may write to /tmp. */
static const char *next_path(struct sl_spill_store *store, struct sl_buf *path)
{
    uint64_t random = 0;
    (void)!getrandom(&random, sizeof random, 0); /* without: as good as the number alone */
    pthread_mutex_lock(&store->lock);
    uint64_t number = store->next++;
    pthread_mutex_unlock(&store->lock);
    return sl_buf_path(path, "%s/.sluice-spill.%ld.%" PRIu64 ".%016" PRIx64, store->dir, (long)getpid(),
                       number, random);
}

/* A file without a name. */
static int open_place(struct sl_spill_store *store, struct sl_error *err)
{
    struct sl_buf buf SL_CLEANUP(sl_buf_done) = {0};
    const char *path;
    int fd, tries = 0;
    do {
        path = next_path(store, &buf);
        if (!path)
            return sl_error_nomem(err);
        fd = sl_io_open(store->io, store->dirfd, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, err);
    } while (fd < 0 && err && err->sys == EEXIST && ++tries < 100);
    if (fd < 0)
        return fd;
    if (store->io->ops->unlinkat(store->io, store->dirfd, path, 0) < 0) {
        int sys = errno;
        sl_io_close(store->io, fd);
        return sl_error_sys(err, sys, "removing the name of %s", path);
    }
    return fd;
}

static void spill_close_file(struct sl_spill_file *file)
{
    if (!file)
        return;
    sl_spill_place_unref(file->place);
    ZSTD_freeCCtx(file->zstd);
    sl_buf_done(&file->block);
    sl_buf_done(&file->piece);
    if (file->run)
        sl_spill_run_free(&file->run->stored);
    free(file);
}

static int spill_open_file(struct sl_spill *spill, struct sl_spill_file **ret, struct sl_error *err)
{
    struct sl_spill_store *store = store_of(spill);
    struct sl_spill_file *file = calloc(1, sizeof *file);
    struct sl_spill_place *place = calloc(1, sizeof *place);
    if (file)
        file->zstd = ZSTD_createCCtx();
    bool ok = file && place && file->zstd && sl_buf_text(&file->piece, SL_SPILL_MAGIC);
    int fd = !ok ? sl_error_nomem(err) : make_directory(store, err);
    if (fd == 0)
        fd = open_place(store, err);
    if (fd < 0) {
        free(place);
        spill_close_file(file);
        return sl_error_wrap(err, "putting what exceeds memoryLimit into %s", store->dir), fd;
    }
    *place = (struct sl_spill_place){.store = store, .fd = fd};
    atomic_init(&place->refs, 1);
    atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
    file->place = place;
    file->offset = file->piece.len;
    *ret = file;
    return 0;
}

/* ---- blocks ---- */

static void count_written(struct sl_spill_place *place, uint64_t bytes)
{
    atomic_fetch_add(&place->bytes, bytes);
    atomic_fetch_add(&place->store->spill.written, bytes);
    atomic_fetch_add(&place->store->spill.held, bytes);
}

static int write_piece(struct sl_spill_file *file, struct sl_error *err)
{
    struct sl_spill_store *store = file->place->store;
    int r = sl_io_write(store->io, file->place->fd, file->piece.bytes, file->piece.len, "a spill file", err);
    if (r == 0)
        count_written(file->place, file->piece.len);
    file->piece.len = 0;
    if (r == 0)
        return 0;
    sl_error_wrap(err, "putting what exceeds memoryLimit into %s", store->dir);
    sl_error_hint(err, "make room there or raise memoryLimit");
    return r;
}

static bool make_index_room(struct sl_spill_file *file)
{
    struct sl_spill_run *run = file->run ? file->run : calloc(1, sizeof *run);
    if (!run)
        return false;
    if (!file->run) {
        *run = (struct sl_spill_run){.stored = {.spill = &file->place->store->spill}, .place = file->place};
        atomic_fetch_add_explicit(&file->place->refs, 1, memory_order_relaxed);
        file->run = run;
        file->capacity = 0;
    }
    size_t capacity = file->capacity, same = capacity, last = run->stored.blocks + 1;
    uint64_t *start = sl_array_grow(run->start, last, &capacity, sizeof *start);
    run->start = start ? start : run->start;
    uint64_t *offset = sl_array_grow(run->offset, last, &same, sizeof *offset);
    run->offset = offset ? offset : run->offset;
    if (start && offset)
        file->capacity = capacity;
    return start && offset;
}

static int add_block(struct sl_spill_file *file, uint32_t type, const uint8_t *bytes, size_t raw,
                     uint32_t rows, struct sl_error *err)
{
    size_t bound = ZSTD_compressBound(raw);
    if (raw > UINT32_MAX / 2)
        return sl_error_set(err, SL_EFAIL,
                            "a row of more than 2 GiB exceeds memoryLimit and cannot go to disk");
    if (!make_index_room(file) || !sl_buf_reserve(&file->piece, SL_FRAME_BYTES + bound))
        return sl_error_nomem(err);
    uint8_t *head = file->piece.bytes + file->piece.len, *payload = head + SL_FRAME_BYTES;
    size_t len = ZSTD_compressCCtx(file->zstd, payload, bound, bytes, raw, LEVEL);
    if (ZSTD_isError(len))
        return sl_error_set(err, SL_EFAIL, "packing rows that exceed memoryLimit: %s",
                            ZSTD_getErrorName(len));
    struct sl_frame frame = {type, (uint32_t)len, (uint32_t)raw, rows};
    sl_frame_encode(&frame, payload, file->offset, head);
    struct sl_spill_run *run = file->run;
    run->start[run->stored.blocks] = run->stored.rows;
    run->offset[run->stored.blocks++] = file->offset;
    run->stored.rows += rows;
    file->offset += SL_FRAME_BYTES + len;
    run->offset[run->stored.blocks] = file->offset;
    file->piece.len += SL_FRAME_BYTES + len;
    return file->piece.len >= PIECE_BYTES ? write_piece(file, err) : 0;
}

static int flush_block(struct sl_spill_file *file, struct sl_error *err)
{
    uint32_t type = file->timed ? SL_FRAME_TIMED_BLOCK : SL_FRAME_BLOCK;
    int r = 0;
    if (file->timed && !sl_buf_append(&file->block, file->time, file->rows * sizeof *file->time))
        return sl_error_nomem(err);
    if (file->rows)
        r = add_block(file, type, file->block.bytes, file->block.len, file->rows, err);
    file->block.len = 0;
    file->timed = false;
    file->rows = 0;
    return r;
}

static int spill_block(struct sl_spill_file *file, const uint8_t *bytes, size_t len, uint32_t rows,
                       struct sl_error *err)
{
    int r = flush_block(file, err);
    return r < 0 ? r : add_block(file, SL_FRAME_BLOCK, bytes, len, rows, err);
}

/* time: NULL, or the row's. */
static int add_row(struct sl_spill_file *file, const struct sl_field *fields, uint32_t width,
                   const int64_t *time, struct sl_error *err)
{
    bool is_like_the_others = file->width == width && file->timed == (time != NULL);
    int r = file->rows && !is_like_the_others ? flush_block(file, err) : 0;
    if (r < 0)
        return r;
    if (!sl_row_codec_append(&file->block, fields, width))
        return sl_error_nomem(err);
    file->width = width;
    file->timed = time != NULL;
    if (time)
        file->time[file->rows] = *time;
    file->rows++;
    return file->rows == SL_CHUNK_ROWS || file->block.len >= BLOCK_BYTES ? flush_block(file, err) : 0;
}

static int spill_row(struct sl_spill_file *file, const struct sl_field *fields, uint32_t width,
                     struct sl_error *err)
{
    return add_row(file, fields, width, NULL, err);
}

static int spill_timed_row(struct sl_spill_file *file, const struct sl_field *fields, uint32_t width,
                           int64_t time, struct sl_error *err)
{
    return add_row(file, fields, width, &time, err);
}

static int spill_end(struct sl_spill_file *file, struct sl_stored **ret, struct sl_error *err)
{
    int r = flush_block(file, err);
    if (r == 0 && file->piece.len)
        r = write_piece(file, err);
    if (r == 0 && !make_index_room(file)) /* a run without rows is one too */
        r = sl_error_nomem(err);
    if (r < 0)
        return r;
    struct sl_spill_run *run = file->run;
    run->stored.start = run->start;
    file->run = NULL;
    *ret = &run->stored;
    return 0;
}

static uint64_t spill_size(const struct sl_spill_file *file)
{
    return file->offset;
}

/* ---- the store ---- */

static const struct sl_spill_ops spill_ops = {
    .open = spill_open_file,
    .row = spill_row,
    .timed_row = spill_timed_row,
    .block = spill_block,
    .end = spill_end,
    .size = spill_size,
    .close = spill_close_file,
    .load = sl_spill_load,
    .free = sl_spill_run_free,
    .note = sl_spill_note,
};

int sl_spill_open(struct sl_io *io, int dirfd, const char *dir, bool owned, struct sl_spill **ret,
                  struct sl_error *err)
{
    struct sl_spill_store *store = calloc(1, sizeof *store);
    if (!store || !(store->dir = strdup(dir))) {
        free(store);
        return sl_error_nomem(err);
    }
    store->spill.ops = &spill_ops;
    atomic_init(&store->refs, 1);
    store->io = io;
    store->dirfd = dirfd;
    pthread_mutex_init(&store->lock, NULL);
    int r = owned ? sl_io_remove_tree(io, dirfd, dir, err) : 0;
    if (r < 0) {
        sl_spill_close(&store->spill);
        return r;
    }
    *ret = &store->spill;
    return 0;
}

void sl_spill_close(struct sl_spill *spill)
{
    sl_spill_store_unref(store_of(spill));
}

int sl_spill_failure(struct sl_spill *spill, struct sl_error *err)
{
    struct sl_spill_store *store = store_of(spill);
    pthread_mutex_lock(&store->lock);
    int r = store->failure.code;
    if (r < 0 && err)
        *err = store->failure;
    store->failure = (struct sl_error){0};
    pthread_mutex_unlock(&store->lock);
    return r;
}
