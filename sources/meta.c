#include "sources/meta.h"

#include "core/base/error.h"
#include "text/newlines.h"

#include <stdlib.h>
#include <string.h>

/* ---- lines of earlier parts ---- */

enum { PIECE_BYTES = 256 << 10 };

/* Newlines in [from, to) of the file. */
static int count_range(const struct sl_file_part *part, int64_t from, int64_t to, uint8_t *piece,
                       uint64_t *ret, struct sl_error *err)
{
    *ret = 0;
    while (from < to) {
        size_t want = to - from < PIECE_BYTES ? (size_t)(to - from) : PIECE_BYTES;
        ssize_t got = sl_io_read_at(part->io, part->fd, piece, want, from, part->file->path, err);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return sl_error_set(err, SL_EFAIL, "%s: shrank from %lld to %lld bytes while it was read",
                                part->file->path, (long long)part->file->size, (long long)from);
        *ret += sl_newlines_count(piece, (size_t)got);
        from += got;
    }
    return 0;
}

/* Lines that begin in an earlier part: after each newline but the last byte's, and at the beginning. */
static int count_part(const struct sl_file_part *part, const struct sl_split *earlier, uint8_t *piece,
                      uint64_t *ret, struct sl_error *err)
{
    int64_t from = earlier->from ? earlier->from - 1 : 0;
    int r = count_range(part, from, earlier->to - 1, piece, ret, err);
    if (r == 0 && !earlier->from)
        ++*ret;
    return r;
}

static int count_before(struct sl_meta *meta, size_t p, uint8_t *piece)
{
    struct sl_file_source *source = meta->part->source;
    size_t first = source->state[source->part[p].file].first_part;
    for (size_t i = first; i < p; i++) {
        struct sl_split *earlier = &source->part[i];
        int64_t lines = atomic_load(&earlier->lines);
        uint64_t counted;
        if (lines < 0) {
            int r = count_part(meta->part, earlier, piece, &counted, meta->task->err);
            if (r < 0)
                return r;
            lines = (int64_t)counted;
            atomic_store(&earlier->lines, lines);
        }
        meta->before += (uint64_t)lines;
    }
    return 0;
}

/* ---- rows ---- */

enum { PAIRS = 3 };

static struct sl_field text(const char *constant)
{
    return sl_string(constant, strlen(constant));
}

static int fill(const struct sl_meta *meta, const struct sl_chunk *chunk, struct sl_field *column)
{
    const struct sl_origin *origin = meta->part->origin;
    struct sl_field *pairs = sl_arena_alloc(meta->task->scratch, chunk->rows * 2 * PAIRS * sizeof *pairs);
    if (!pairs)
        return SL_ENOMEM;
    for (uint32_t row = 0; row < chunk->rows; row++, pairs += 2 * PAIRS) {
        pairs[0] = text("line");
        pairs[1] = sl_integer((int64_t)(meta->before + chunk->line[row] + 1));
        pairs[2] = text("mtime");
        pairs[3] = sl_integer(origin->mtime_ms);
        pairs[4] = text("path");
        pairs[5] = text(origin->path);
        column[row] = sl_map(pairs, PAIRS);
    }
    return 0;
}

static int reject_all(const struct sl_meta *meta, const struct sl_chunk *chunk)
{
    int r = 0;
    for (uint32_t row = 0; row < chunk->rows && r == 0; row++) {
        (void)sl_task_explain(meta->task, "meta: the record has %d fields already", SL_WIDTH_MAX);
        r = sl_task_reject(meta->task, meta->part->source->source.node->number, chunk, row);
    }
    return r;
}

static int push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct sl_meta *meta = (struct sl_meta *)outlet;
    struct sl_chunk wider = *chunk;
    if (chunk->width == SL_WIDTH_MAX)
        return reject_all(meta, chunk);
    struct sl_field *column = sl_arena_alloc(meta->task->scratch, chunk->rows * sizeof *column);
    int r = column ? fill(meta, chunk, column) : SL_ENOMEM;
    wider.column[wider.width++] = column;
    return r < 0 ? r : sl_push(meta->out, &wider);
}

void sl_meta_init_at(struct sl_meta *meta, const struct sl_file_part *part, uint64_t before,
                     struct sl_task *task, struct sl_outlet *out)
{
    *meta = (struct sl_meta){.outlet = {push}, .out = out, .task = task, .part = part, .before = before};
}

int sl_meta_init(struct sl_meta *meta, const struct sl_file_part *part, size_t p, struct sl_task *task,
                 struct sl_outlet *out)
{
    *meta = (struct sl_meta){.outlet = {push}, .out = out, .task = task, .part = part};
    if (!part->from)
        return 0;
    uint8_t *piece = malloc(PIECE_BYTES);
    int r = piece ? count_before(meta, p, piece) : sl_error_nomem(task->err);
    free(piece);
    return r;
}
