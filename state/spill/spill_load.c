/* Reading runs back, block by block, on any thread. */
#include "core/base/error.h"
#include "core/base/limits.h"
#include "state/spill/spill_internal.h"
#include "state/store/frame.h"
#include "text/row_codec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd_errors.h>

/* ---- what it takes to unpack: lent for the time of a load ---- */

static struct sl_spill_tool *tool_take(struct sl_spill_store *store)
{
    pthread_mutex_lock(&store->lock);
    struct sl_spill_tool *tool = store->tools;
    if (tool)
        store->tools = tool->next;
    pthread_mutex_unlock(&store->lock);
    if (tool || !(tool = calloc(1, sizeof *tool)))
        return tool;
    tool->zstd = ZSTD_createDCtx();
    if (tool->zstd)
        return tool;
    free(tool);
    return NULL;
}

static void tool_give_back(struct sl_spill_store *store, struct sl_spill_tool *tool)
{
    pthread_mutex_lock(&store->lock);
    tool->next = store->tools;
    store->tools = tool;
    pthread_mutex_unlock(&store->lock);
}

static bool tool_reserve(struct sl_spill_tool *tool, size_t size)
{
    if (tool->capacity >= size)
        return true;
    uint8_t *grown = realloc(tool->packed, size);
    if (!grown)
        return false;
    tool->packed = grown;
    tool->capacity = size;
    return true;
}

/* ---- blocks ---- */

static int damaged(const struct sl_spill_store *store, uint64_t offset, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EFAIL,
        "rows that exceeded memoryLimit and were written to %s came back damaged (byte %" PRIu64
        "); the batch is redone at the next start: check the disk",
        store->dir, offset);
}

/* Columns of a chunk of `rows` rows; *ret may be written to while it is filled. */
static struct sl_chunk *new_chunk(struct sl_arena *arena, uint32_t rows, uint32_t width,
                                  struct sl_field **ret_column)
{
    struct sl_chunk *chunk =
        sl_arena_alloc(arena, offsetof(struct sl_chunk, column) + width * sizeof(struct sl_field *));
    if (!chunk)
        return NULL;
    memset(chunk, 0, offsetof(struct sl_chunk, column));
    chunk->rows = rows;
    chunk->width = width;
    for (uint32_t c = 0; c < width; c++) {
        chunk->column[c] = ret_column[c] = sl_arena_alloc(arena, rows * sizeof(struct sl_field));
        if (!ret_column[c])
            return NULL;
    }
    return chunk;
}

/* SL_EDAMAGED: there are not as many as rows. */
static int unpack_times(const uint8_t *bytes, const struct sl_frame *frame, size_t *at,
                        struct sl_arena *arena, struct sl_chunk *chunk)
{
    size_t size = frame->rows * sizeof(int64_t);
    if (frame->type != SL_FRAME_TIMED_BLOCK)
        return 0;
    if (frame->raw - *at != size)
        return SL_EDAMAGED;
    int64_t *time = sl_arena_alloc(arena, size);
    if (!time)
        return SL_ENOMEM;
    memcpy(time, bytes + *at, size);
    chunk->time = time;
    *at += size;
    return 0;
}

static int unpack_rows(const struct sl_spill_store *store, const uint8_t *bytes, const struct sl_frame *frame,
                       uint64_t offset, struct sl_arena *arena, struct sl_chunk **ret, struct sl_error *err)
{
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX], *column[SL_WIDTH_MAX];
    struct sl_chunk *chunk = NULL;
    uint32_t width;
    size_t at = 0;
    for (uint32_t row = 0; row < frame->rows; row++) {
        int r = sl_row_codec_borrow(bytes, frame->raw, &at, arena, fields, &width);
        if (r < 0)
            return r == SL_ENOMEM ? sl_error_nomem(err) : damaged(store, offset, err);
        if (!chunk && !(chunk = new_chunk(arena, frame->rows, width, column)))
            return sl_error_nomem(err);
        if (width != chunk->width)
            return damaged(store, offset, err);
        for (uint32_t c = 0; c < width; c++)
            column[c][row] = fields[c];
    }
    int r = chunk ? unpack_times(bytes, frame, &at, arena, chunk) : SL_EDAMAGED;
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    *ret = chunk;
    return r == 0 && at == frame->raw ? 0 : damaged(store, offset, err);
}

static int read_block(const struct sl_spill_run *run, size_t block, struct sl_spill_tool *tool,
                      struct sl_arena *arena, struct sl_chunk **ret, struct sl_error *err)
{
    const struct sl_spill_store *store = run->place->store;
    uint64_t offset = run->offset[block], size = run->offset[block + 1] - offset;
    if (!tool_reserve(tool, size))
        return sl_error_nomem(err);
    ssize_t n =
        sl_io_read_at(store->io, run->place->fd, tool->packed, size, (off_t)offset, "a spill file", err);
    if (n < 0)
        return sl_error_wrap(err, "reading what exceeded memoryLimit from %s", store->dir), (int)n;
    const uint8_t *payload = tool->packed + SL_FRAME_BYTES;
    struct sl_frame frame = sl_frame_decode(tool->packed);
    if ((uint64_t)n != size || frame.packed != size - SL_FRAME_BYTES ||
        !sl_frame_is_whole(tool->packed, payload, offset))
        return damaged(store, offset, err);
    uint8_t *raw = sl_arena_alloc(arena, frame.raw);
    if (!raw)
        return sl_error_nomem(err);
    size_t len = ZSTD_decompressDCtx(tool->zstd, raw, frame.raw, payload, frame.packed);
    if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
        return sl_error_nomem(err);
    if (ZSTD_isError(len) || len != frame.raw)
        return damaged(store, offset, err);
    return unpack_rows(store, raw, &frame, offset, arena, ret, err);
}

void sl_spill_note(struct sl_spill *spill, const struct sl_error *err)
{
    struct sl_spill_store *store = (struct sl_spill_store *)spill;
    pthread_mutex_lock(&store->lock);
    if (store->failure.code == SL_OK)
        store->failure = *err;
    pthread_mutex_unlock(&store->lock);
}

int sl_spill_load(const struct sl_stored *stored, size_t block, struct sl_arena *arena, struct sl_chunk **ret,
                  struct sl_error *err)
{
    const struct sl_spill_run *run = (const struct sl_spill_run *)stored;
    struct sl_spill_store *store = run->place->store;
    struct sl_spill_tool *tool = tool_take(store);
    struct sl_error own = {0};
    int r = tool ? read_block(run, block, tool, arena, ret, &own) : sl_error_nomem(&own);
    if (tool)
        tool_give_back(store, tool);
    if (r == 0)
        return 0;
    sl_spill_note(&store->spill, &own);
    if (err)
        *err = own;
    return r;
}

void sl_spill_run_free(struct sl_stored *stored)
{
    struct sl_spill_run *run = (struct sl_spill_run *)stored;
    if (!run)
        return;
    sl_spill_place_unref(run->place);
    free(run->start);
    free(run->offset);
    free(run);
}
