/* Keys that were met by hash are cut into pieces as they are. A merge of two runs is cut into pieces of the longer one;
 * where the other is to be cut is found by the key at which a piece begins. So pieces are made side by side, and each gives a
 * pile of rows of its own. */
#include "ops/cogroup/cogroup.h"

#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/cogroup/cogroup_spill.h"
#include "ops/cogroup/hash_sides.h"
#include "ops/group/by_key.h"
#include "ops/reducer/field_vec.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>

static bool has_both_values(const struct sl_cogroup_kind *kind)
{
    return kind->reducer[0] == &sl_reducer_list && kind->reducer[1] == &sl_reducer_list;
}

static int cogroup_begin(struct sl_stage *stage)
{
    const struct sl_cogroup_kind *kind = stage->node->op->spec;
    struct sl_cogroup *sides = stage->state;
    sides->kind = kind;
    int r = sl_row_buffers_init(&sides->piles, stage);
    if (r == 0 && !sides->piles.spill && !stage->is_in_parts && has_both_values(kind)) {
        sides->hash = sl_hash_sides_new(stage, kind);
        return sides->hash ? 0 : SL_ENOMEM;
    }
    for (unsigned i = 0; i < 2 && r == 0; i++) {
        r = sl_aggregate_init(&sides->side[i], stage, kind->reducer[i], kind->key_of);
        r = r < 0 ? r : sl_spilled_runs_init(&sides->side[i].runs, stage);
        sides->side[i].input = i;
    }
    if (r == 0 && sides->piles.spill && !stage->is_in_parts && has_both_values(kind)) {
        r = sl_spilled_parts_init(&sides->lists.parts, sides->piles.spill, sl_pool_workers(stage->pool));
        sides->side[0].lists = sides->side[1].lists = &sides->lists;
    }
    return r;
}

static struct sl_aggregate *side_of(struct sl_cogroup *sides, const struct sl_lane *lane)
{
    return &sides->side[lane->position.input];
}

static int cogroup_lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_cogroup *sides = stage->state;
    return sides->hash ? sl_hash_sides_lane_open(sides->hash, lane)
                       : sl_aggregate_lane_open(side_of(sides, lane), lane);
}

static int cogroup_lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_cogroup *sides = stage->state;
    return sides->hash ? 0 : sl_aggregate_lane_close(side_of(sides, lane), lane);
}

static int cogroup_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_cogroup *sides = stage->state;
    return sides->hash ? sl_hash_sides_push(sides->hash, lane, in)
                       : sl_aggregate_push(side_of(sides, lane), lane, in);
}

/* ---- partial results ---- */

static int emit(struct sl_stage *stage, struct sl_lane *lane, sl_partial_row *row, void *arg)
{
    return sl_aggregate_emit(side_of(stage->state, lane), lane, row, arg);
}

static int absorb(struct sl_stage *stage, struct sl_lane *lane, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    return sl_aggregate_absorb(side_of(stage->state, lane), lane, row);
}

static int cut(struct sl_stage *stage, struct sl_dataset **dataset)
{
    return sl_cut_partitions(stage, 1, dataset);
}

static enum sl_result_order order(const struct sl_node *node)
{
    const struct sl_cogroup_kind *kind = node->op->spec;
    return kind->key_of == SL_KEY_RECORD ? SL_RESULT_BY_RECORD : SL_RESULT_BY_FIRST;
}

static const struct sl_partial partial = {order, emit, absorb, cut, NULL};

static void cogroup_done(struct sl_stage *stage)
{
    struct sl_cogroup *sides = stage->state;
    sl_aggregate_done(&sides->side[0]);
    sl_aggregate_done(&sides->side[1]);
    sl_spilled_parts_done(&sides->lists.parts);
    sl_row_buffers_done(&sides->piles);
    sl_hash_sides_free(sides->hash);
}

/* ---- pieces of the merge ---- */

enum { PIECE_ENTRIES = 8 * SL_CHUNK_ROWS };

struct merge {
    struct sl_stage *stage;
    struct sl_cogroup *sides;
    struct sl_memory *memory;           /* of keys and values */
    struct sl_sorted_groups *groups[2]; /* all memory is that of the first */
    unsigned longer;                    /* which of them is cut evenly */
    struct sl_hash_key *const *key;     /* or [keys], met by hash */
    size_t keys, keys_at_once;          /* of a piece */
    size_t pieces;
    struct sl_row_buffer *piece; /* [pieces] */
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
        sl_sorted_groups_first(merge->groups[1 - longer], &merge->groups[longer]->entry[cut.at[longer]].key);
    return cut;
}

/* Which sides have the smallest key at the cut: left < 0, both 0, right > 0. */
static int compare_heads(const struct merge *merge, const struct cut *at, const struct cut *end)
{
    if (at->at[0] == end->at[0] || at->at[1] == end->at[1])
        return at->at[0] == end->at[0] ? 1 : -1;
    return sl_field_compare(&merge->groups[0]->entry[at->at[0]].key, &merge->groups[1]->entry[at->at[1]].key);
}

static struct sl_side side_of_entry(const struct sl_group_entry *entry, const struct sl_reducer *reducer)
{
    struct sl_side side = {.present = entry != NULL};
    if (entry && reducer == &sl_reducer_list) {
        const struct sl_kept *kept = entry->state.pointer;
        side.item = kept->item;
        side.count = kept->count;
    }
    return side;
}

static int meet_entries(const struct merge *merge, struct sl_cogroup_key *meeting,
                        const struct sl_group_entry *left, const struct sl_group_entry *right)
{
    const struct sl_cogroup_kind *kind = merge->sides->kind;
    meeting->key = left ? left->key : right->key;
    meeting->side[0] = side_of_entry(left, kind->reducer[0]);
    meeting->side[1] = side_of_entry(right, kind->reducer[1]);
    return kind->meet(meeting);
}

static int merge_entries(const struct merge *merge, size_t piece, struct sl_cogroup_key *meeting)
{
    struct cut at = find_cut(merge, piece), end = find_cut(merge, piece + 1);
    int r = 0;
    while (r == 0 && (at.at[0] < end.at[0] || at.at[1] < end.at[1])) {
        if (atomic_load_explicit(meeting->task->stop, memory_order_relaxed))
            return SL_ESTOP;
        int order = compare_heads(merge, &at, &end);
        const struct sl_group_entry *left = order <= 0 ? &merge->groups[0]->entry[at.at[0]++] : NULL;
        const struct sl_group_entry *right = order >= 0 ? &merge->groups[1]->entry[at.at[1]++] : NULL;
        r = meet_entries(merge, meeting, left, right);
    }
    return r;
}

/* ---- keys that were met by hash ---- */

enum { PIECES_WANTED = 64, KEYS_MIN = 64, KEYS_AHEAD = 8 };

static int meet_key(const struct merge *merge, struct sl_cogroup_key *meeting, const struct sl_hash_key *key)
{
    meeting->key = key->key;
    for (unsigned side = 0; side < 2; side++)
        meeting->side[side] = (struct sl_side){
            .present = key->count[side], .item = key->value[side], .count = key->count[side]};
    return merge->sides->kind->meet(meeting);
}

static int meet_keys(const struct merge *merge, size_t piece, struct sl_cogroup_key *meeting)
{
    size_t from = piece * merge->keys_at_once, to = from + merge->keys_at_once;
    int r = 0;
    if (to > merge->keys)
        to = merge->keys;
    for (size_t i = from; i < to && r == 0; i++) {
        if (i + 2 * KEYS_AHEAD < to)
            __builtin_prefetch(merge->key[i + 2 * KEYS_AHEAD]);
        if (i + KEYS_AHEAD < to)
            sl_hash_key_prefetch(merge->key[i + KEYS_AHEAD]);
        r = meet_key(merge, meeting, merge->key[i]);
    }
    return r;
}

static int merge_piece(void *arg, size_t piece, struct sl_task *task)
{
    struct merge *merge = arg;
    struct sl_row_buffer *pile = &merge->piece[piece];
    struct sl_cogroup_key meeting = {.task = task, .piles = &merge->sides->piles, .pile = pile};
    int r = sl_row_buffer_init(pile, merge->memory);
    if (r == 0)
        r = merge->key ? meet_keys(merge, piece, &meeting) : merge_entries(merge, piece, &meeting);
    return r < 0 ? r : sl_row_buffer_end(&merge->sides->piles, pile, task);
}

static int run_pieces(struct merge *merge, struct sl_dataset *dataset)
{
    merge->piece = calloc(merge->pieces + 1, sizeof *merge->piece);
    int r = merge->piece ? sl_stage_run(merge->stage, merge->pieces, merge_piece, merge) : SL_ENOMEM;
    for (size_t i = 0; merge->piece && i < merge->pieces; i++) {
        if (r == 0)
            r = sl_row_buffer_show(&merge->piece[i], dataset, 0);
        sl_row_buffer_done(&merge->piece[i]);
    }
    free(merge->piece);
    return r;
}

static int make_rows(struct merge *merge, struct sl_dataset **ret)
{
    struct sl_dataset *dataset = sl_dataset_new(1);
    int r = dataset ? run_pieces(merge, dataset) : SL_ENOMEM;
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}

static int merge_groups(struct merge *merge, struct sl_dataset **ret)
{
    size_t left = merge->groups[0]->count, right = merge->groups[1]->count;
    merge->longer = left < right;
    merge->pieces = ((left < right ? right : left) + PIECE_ENTRIES - 1) / PIECE_ENTRIES;
    merge->memory = merge->groups[0]->memory;
    sl_arena_adopt(&merge->memory->arena, &merge->groups[1]->memory->arena);
    return make_rows(merge, ret);
}

static int finish_groups(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_cogroup *sides = stage->state;
    struct merge merge = {.stage = stage, .sides = sides};
    int r = sl_aggregate_finish(&sides->side[0], &merge.groups[0]);
    if (r == 0)
        r = sl_aggregate_finish(&sides->side[1], &merge.groups[1]);
    if (r == 0)
        r = merge_groups(&merge, ret);
    sl_sorted_groups_unref(merge.groups[0]);
    sl_sorted_groups_unref(merge.groups[1]);
    return r;
}

static int finish_hash(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_cogroup *sides = stage->state;
    struct merge merge = {.stage = stage, .sides = sides, .memory = sl_memory_new()};
    int r =
        merge.memory ? sl_hash_sides_finish(sides->hash, merge.memory, &merge.key, &merge.keys) : SL_ENOMEM;
    if (r == 0) {
        size_t keys = merge.keys / PIECES_WANTED;
        merge.keys_at_once = keys < KEYS_MIN ? KEYS_MIN : keys > PIECE_ENTRIES ? PIECE_ENTRIES : keys;
        merge.pieces = (merge.keys + merge.keys_at_once - 1) / merge.keys_at_once;
        r = make_rows(&merge, ret);
    }
    sl_memory_unref(merge.memory);
    return r;
}

static int cogroup_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_cogroup *sides = stage->state;
    int r;
    if (sides->hash)
        r = finish_hash(stage, ret);
    else if (sl_cogroup_are_large(sides))
        r = sl_cogroup_merge(stage, ret);
    else
        r = finish_groups(stage, ret);
    return r < 0 ? r : sl_cut_partitions(stage, 1, ret);
}

const struct sl_wide sl_cogroup_wide = {
    .state_size = sizeof(struct sl_cogroup),
    .begin = cogroup_begin,
    .lane_open = cogroup_lane_open,
    .lane_close = cogroup_lane_close,
    .push = cogroup_push,
    .finish = cogroup_finish,
    .done = cogroup_done,
    .takes_pieces = sl_always_takes_pieces,
    .partial = &partial,
    .bounded = 3, /* the two sides and the rows that come of them */
};
