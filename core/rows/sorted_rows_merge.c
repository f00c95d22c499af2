#include "core/rows/sorted_rows_merge.h"

#include "core/base/bisect.h"
#include "core/base/error.h"
#include "core/base/pool.h"

#include <stdlib.h>

/* Where a run is read, up to an end. */
struct place {
    const struct sl_rows *rows;
    size_t chunk, end_chunk;
    uint32_t row, end_row; /* within those chunks */
};

struct merging {
    struct place old, newer;
    struct sl_rows *to;
    bool oldest; /* there are no older runs: rows of removed keys are not needed */
};

static struct place whole(const struct sl_rows *rows)
{
    return (struct place){.rows = rows, .end_chunk = rows->chunks};
}

static const struct sl_chunk *chunk_at(const struct place *place)
{
    bool is_over =
        place->chunk > place->end_chunk || (place->chunk == place->end_chunk && place->row >= place->end_row);
    return is_over ? NULL : place->rows->chunk[place->chunk];
}

/* Where what is to be read of the place's chunk ends. */
static uint32_t end_at(const struct place *place)
{
    return place->chunk == place->end_chunk ? place->end_row : place->rows->chunk[place->chunk]->rows;
}

static void step(struct place *place, uint32_t rows)
{
    place->row += rows;
    if (place->row < place->rows->chunk[place->chunk]->rows)
        return;
    place->chunk++;
    place->row = 0;
}

static const struct sl_field *key_at(const struct place *place)
{
    return &chunk_at(place)->column[0][place->row];
}

/* The next `rows` rows of the place's chunk. */
static int append(struct merging *merging, struct place *place, uint32_t rows)
{
    const struct sl_chunk *chunk = chunk_at(place);
    uint32_t from = place->row;
    bool is_removed = merging->oldest && chunk->width == 1;
    step(place, rows);
    return is_removed ? 0 : sl_rows_append_some(merging->to, chunk, from, from + rows);
}

/* The first row of [row, end) whose key is not before this one; end: none. It is looked for nearby first. */
static uint32_t first_not_before(const struct sl_chunk *chunk, uint32_t row, uint32_t end,
                                 const struct sl_field *key)
{
    uint32_t reach = 1;
    while (reach < end - row && sl_field_compare(&chunk->column[0][row + reach - 1], key) < 0) {
        row += reach;
        reach *= 2;
    }
    if (end - row > reach)
        end = row + reach;
    return (uint32_t)SL_BISECT(i, row, end, sl_field_compare(&chunk->column[0][i], key) < 0);
}

/* All old rows before the key; one of the key itself is passed over. key: NULL for all that is left. */
static int append_old(struct merging *merging, const struct sl_field *key)
{
    const struct sl_chunk *chunk;
    struct place *old = &merging->old;
    while ((chunk = chunk_at(old))) {
        uint32_t end = end_at(old), to = key ? first_not_before(chunk, old->row, end, key) : end;
        int r = to > old->row ? append(merging, old, to - old->row) : 0;
        if (r < 0)
            return r;
        if (to < end)
            break;
    }
    if (key && chunk_at(old) && sl_field_equals(key_at(old), key))
        step(old, 1);
    return 0;
}

static int merge_places(struct merging *merging)
{
    int r = 0;
    while (r == 0 && chunk_at(&merging->newer)) {
        r = append_old(merging, key_at(&merging->newer));
        if (r == 0)
            r = append(merging, &merging->newer, 1);
    }
    return r < 0 ? r : append_old(merging, NULL);
}

/* ---- the same in pieces, on all workers ---- */

enum { PIECE_CHUNKS = 16 };

struct pieces {
    const struct sl_rows *old, *newer;
    struct merging *piece; /* [count] */
    size_t count;
};

static bool ends_before(const struct sl_chunk *chunk, const struct sl_field *key)
{
    return sl_field_compare(&chunk->column[0][chunk->rows - 1], key) < 0;
}

/* Reads up to the position of this key, or where it would be inserted. */
static void end_before(struct place *place, const struct sl_field *key)
{
    const struct sl_rows *rows = place->rows;
    size_t from = SL_BISECT(i, place->chunk, rows->chunks, ends_before(rows->chunk[i], key));
    const struct sl_chunk *chunk = from < rows->chunks ? rows->chunk[from] : NULL;
    uint32_t row = from == place->chunk ? place->row : 0;
    place->end_chunk = from;
    place->end_row = chunk ? first_not_before(chunk, row, chunk->rows, key) : 0;
}

/* Pieces begin with every PIECE_CHUNKS-th chunk of the old run. */
static int cut(struct pieces *pieces, bool oldest)
{
    struct place old = whole(pieces->old), newer = whole(pieces->newer);
    pieces->count = pieces->old->chunks ? (pieces->old->chunks + PIECE_CHUNKS - 1) / PIECE_CHUNKS : 1;
    pieces->piece = calloc(pieces->count, sizeof *pieces->piece);
    if (!pieces->piece)
        return SL_ENOMEM;
    for (size_t i = 0; i < pieces->count; i++) {
        struct merging *piece = &pieces->piece[i];
        *piece = (struct merging){old, newer, sl_rows_new(), oldest};
        if (!piece->to)
            return SL_ENOMEM;
        if (i + 1 == pieces->count)
            break;
        piece->old.end_chunk = old.chunk = (i + 1) * PIECE_CHUNKS;
        end_before(&piece->newer, &pieces->old->chunk[old.chunk]->column[0][0]);
        newer.chunk = piece->newer.end_chunk;
        newer.row = piece->newer.end_row;
    }
    return 0;
}

static int merge_piece(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    const struct pieces *pieces = arg;
    return merge_places(&pieces->piece[index]);
}

static int merge_pieces(struct pieces *pieces, struct sl_pool *pool)
{
    struct sl_error err;
    if (pool && pieces->count > 1)
        return sl_pool_run(pool, pieces->count, merge_piece, pieces, &err);
    for (size_t i = 0; i < pieces->count; i++) {
        int r = merge_places(&pieces->piece[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

int sl_sorted_rows_merge(const struct sl_rows *old, const struct sl_rows *newer, bool oldest,
                         struct sl_pool *pool, struct sl_rows **ret)
{
    struct pieces pieces = {old, newer, NULL, 0};
    int r = cut(&pieces, oldest);
    if (r == 0)
        r = merge_pieces(&pieces, pool);
    for (size_t i = 1; r == 0 && i < pieces.count; i++)
        r = sl_rows_adopt(pieces.piece[0].to, pieces.piece[i].to);
    for (size_t i = r == 0; pieces.piece && i < pieces.count; i++)
        sl_rows_unref(pieces.piece[i].to);
    if (r == 0)
        *ret = pieces.piece[0].to;
    free(pieces.piece);
    return r;
}
