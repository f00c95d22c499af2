/* The merge is cut into pieces of the longer run; where the other run is to be cut is found by the key at
 * which a piece begins. So pieces merge side by side, and each gives a run of rows of its own. */
#include "ops/two_sides.h"

#include "core/error.h"
#include "ops/by_key.h"

#include <stdlib.h>

int sl_two_sides_begin(struct sl_stage *stage, const struct sl_reducer *left, const struct sl_reducer *right,
                       enum sl_key_of key_of)
{
    struct sl_two_sides *sides = stage->state;
    int r = sl_aggregate_init(&sides->side[0], stage, left, key_of);
    return r < 0 ? r : sl_aggregate_init(&sides->side[1], stage, right, key_of);
}

static struct sl_aggregate *side_of(struct sl_stage *stage, const struct sl_lane *lane)
{
    struct sl_two_sides *sides = stage->state;
    return &sides->side[lane->position.input];
}

int sl_two_sides_lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    return sl_aggregate_lane_open(side_of(stage, lane), lane);
}

int sl_two_sides_lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    return sl_aggregate_lane_close(side_of(stage, lane), lane);
}

int sl_two_sides_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    return sl_aggregate_push(side_of(stage, lane), lane, in);
}

void sl_two_sides_done(struct sl_stage *stage)
{
    struct sl_two_sides *sides = stage->state;
    sl_aggregate_done(&sides->side[0]);
    sl_aggregate_done(&sides->side[1]);
}

struct sl_field sl_meeting_key(const struct sl_entry *left, const struct sl_entry *right)
{
    struct sl_field key = left ? left->key : right->key;
    key.flags = 0;
    return key;
}

/* ---- pieces of the merge ---- */

enum { PIECE_ENTRIES = 8 * SL_CHUNK_ROWS };

struct merge {
    struct sl_stage *stage;
    sl_meet *meet;
    struct sl_groups *groups[2]; /* all memory is that of the first */
    unsigned longer;             /* which of them is cut evenly */
    size_t pieces;
    struct sl_rows **piece; /* [pieces] */
};

/* Indexes into both runs where a piece begins. */
struct cut {
    size_t at[2];
};

static struct cut find_cut(const struct merge *merge, size_t piece)
{
    struct cut cut = {{0, 0}};
    unsigned longer = merge->longer;
    if (piece == merge->pieces)
        return (struct cut){{merge->groups[0]->count, merge->groups[1]->count}};
    if (piece == 0)
        return cut;
    cut.at[longer] = piece * PIECE_ENTRIES;
    cut.at[1 - longer] =
        sl_groups_first(merge->groups[1 - longer], &merge->groups[longer]->entry[cut.at[longer]].key);
    return cut;
}

/* Which sides have the smallest key at the cut: left < 0, both 0, right > 0. */
static int compare_heads(const struct merge *merge, const struct cut *at, const struct cut *end)
{
    if (at->at[0] == end->at[0] || at->at[1] == end->at[1])
        return at->at[0] == end->at[0] ? 1 : -1;
    return sl_field_compare(&merge->groups[0]->entry[at->at[0]].key, &merge->groups[1]->entry[at->at[1]].key);
}

static int merge_piece(void *arg, size_t piece, unsigned worker, struct sl_error *err)
{
    (void)err;
    struct merge *merge = arg;
    struct cut at = find_cut(merge, piece), end = find_cut(merge, piece + 1);
    struct sl_rows *rows = merge->piece[piece] = sl_rows_new();
    if (!rows)
        return SL_ENOMEM;
    rows->memory = sl_memory_ref(merge->groups[0]->memory);
    while (at.at[0] < end.at[0] || at.at[1] < end.at[1]) {
        if (atomic_load_explicit(merge->stage->tasks[worker].stop, memory_order_relaxed))
            return SL_ESTOP;
        int order = compare_heads(merge, &at, &end);
        const struct sl_entry *left = order <= 0 ? &merge->groups[0]->entry[at.at[0]++] : NULL;
        const struct sl_entry *right = order >= 0 ? &merge->groups[1]->entry[at.at[1]++] : NULL;
        int r = merge->meet(rows, left, right);
        if (r < 0)
            return r;
    }
    return 0;
}

static int run_pieces(struct merge *merge, struct sl_dataset *dataset)
{
    merge->piece = calloc(merge->pieces + 1, sizeof(struct sl_rows *));
    int r = merge->piece
                ? sl_pool_run(merge->stage->pool, merge->pieces, merge_piece, merge, merge->stage->err)
                : SL_ENOMEM;
    for (size_t i = 0; merge->piece && i < merge->pieces; i++) {
        if (r == 0)
            r = sl_dataset_add(dataset, 0, merge->piece[i], 0, merge->piece[i]->count);
        sl_rows_unref(merge->piece[i]);
    }
    free(merge->piece);
    return r;
}

static int merge_groups(struct merge *merge, struct sl_dataset **ret)
{
    size_t left = merge->groups[0]->count, right = merge->groups[1]->count;
    merge->longer = left < right;
    merge->pieces = ((left < right ? right : left) + PIECE_ENTRIES - 1) / PIECE_ENTRIES;
    sl_arena_adopt(&merge->groups[0]->memory->arena, &merge->groups[1]->memory->arena);
    struct sl_dataset *dataset = sl_dataset_new(1);
    int r = dataset ? run_pieces(merge, dataset) : SL_ENOMEM;
    if (r == 0)
        r = sl_cut_partitions(merge->stage, 1, &dataset);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}

int sl_two_sides_finish(struct sl_stage *stage, sl_meet *meet, struct sl_dataset **ret)
{
    struct sl_two_sides *sides = stage->state;
    struct merge merge = {.stage = stage, .meet = meet};
    int r = sl_aggregate_finish(&sides->side[0], &merge.groups[0]);
    if (r == 0)
        r = sl_aggregate_finish(&sides->side[1], &merge.groups[1]);
    if (r == 0)
        r = merge_groups(&merge, ret);
    sl_groups_unref(merge.groups[0]);
    sl_groups_unref(merge.groups[1]);
    return r;
}
