/* Two sorted runs become one: where both have a key, the state of the first is copied and the second's
 * combined into it; other entries are shared, so the result refers to the memory of both. Pieces are
 * merged on the stage's workers, each into memory of its own. */
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/key/failed_group.h"
#include "ops/key/sorted_groups.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_ENTRIES = 16 * SL_CHUNK_ROWS };

/* Entries [a_from, a_to) and [b_from, b_to) and what they become. */
struct piece {
    size_t a_from, a_to, b_from, b_to;
    struct sl_group_entry *entry; /* room for all of them, in the result */
    size_t count;
    struct sl_arena arena; /* of combined states */
};

struct both {
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    const struct sl_sorted_groups *a, *b;
    struct piece *piece; /* [pieces] */
    size_t pieces;
};

static int combine_entry(const struct both *both, struct sl_task *task, struct piece *piece,
                         const struct sl_group_entry *a, const struct sl_group_entry *b)
{
    const struct sl_reducer *reducer = both->reducer;
    struct sl_group_entry *to = &piece->entry[piece->count];
    sl_arena_reset(task->scratch);
    to->key = a->key;
    int r = sl_entry_copy_state(reducer, task, &piece->arena, a, to);
    if (r == 0)
        r = sl_entry_combine(reducer, task, &piece->arena, to, b);
    piece->count += r == 0;
    return r;
}

static int merge_entries(const struct both *both, struct sl_task *task, struct piece *piece)
{
    const struct sl_group_entry *a = both->a->entry + piece->a_from, *a_end = both->a->entry + piece->a_to;
    const struct sl_group_entry *b = both->b->entry + piece->b_from, *b_end = both->b->entry + piece->b_to;
    int r = 0;
    while (r == 0 && a < a_end && b < b_end) {
        int order = sl_field_compare(&a->key, &b->key);
        if (order == 0)
            r = combine_entry(both, task, piece, a++, b++);
        else
            piece->entry[piece->count++] = order < 0 ? *a++ : *b++;
    }
    while (r == 0 && a < a_end)
        piece->entry[piece->count++] = *a++;
    while (r == 0 && b < b_end)
        piece->entry[piece->count++] = *b++;
    return r;
}

static int merge_piece(void *arg, size_t index, struct sl_task *task)
{
    const struct both *both = arg;
    return merge_entries(both, task, &both->piece[index]);
}

/* Pieces begin with every PIECE_ENTRIES-th key of the longer run. */
static int cut(struct both *both, struct sl_group_entry *entry)
{
    bool a_is_longer = both->a->count >= both->b->count;
    const struct sl_sorted_groups *longer = a_is_longer ? both->a : both->b;
    both->pieces = (longer->count + PIECE_ENTRIES - 1) / PIECE_ENTRIES;
    both->piece = calloc(both->pieces, sizeof *both->piece);
    if (!both->piece)
        return SL_ENOMEM;
    for (size_t i = 0; i < both->pieces; i++) {
        struct piece *piece = &both->piece[i], *before = i ? &both->piece[i - 1] : NULL;
        sl_arena_init(&piece->arena);
        piece->a_to = both->a->count;
        piece->b_to = both->b->count;
        if (before) {
            const struct sl_field *key = &longer->entry[i * PIECE_ENTRIES].key;
            piece->a_from = before->a_to = sl_sorted_groups_first(both->a, key);
            piece->b_from = before->b_to = sl_sorted_groups_first(both->b, key);
        }
        piece->entry = entry + piece->a_from + piece->b_from;
    }
    return 0;
}

/* Closes the gaps that keys of both runs left. */
static void join(const struct both *both, struct sl_sorted_groups *to)
{
    for (size_t i = 0; i < both->pieces; i++) {
        struct piece *piece = &both->piece[i];
        memmove(to->entry + to->count, piece->entry, piece->count * sizeof *piece->entry);
        to->count += piece->count;
        sl_arena_adopt(&to->memory->arena, &piece->arena);
    }
}

int sl_sorted_groups_combine(struct sl_stage *stage, const struct sl_reducer *reducer,
                             struct sl_sorted_groups *a, struct sl_sorted_groups *b,
                             struct sl_sorted_groups **ret)
{
    if (!b || !b->count || !a || !a->count) {
        *ret = sl_sorted_groups_ref(a && a->count ? a : b ? b : a);
        return 0;
    }
    struct both both = {stage, reducer, a, b, NULL, 0};
    struct sl_sorted_groups *to = sl_sorted_groups_new(a->count + b->count);
    int r = to ? cut(&both, to->entry) : SL_ENOMEM;
    if (r == 0)
        r = sl_stage_run(stage, both.pieces, merge_piece, &both);
    if (r == 0)
        join(&both, to);
    for (size_t i = 0; both.piece && i < both.pieces; i++)
        sl_arena_done(&both.piece[i].arena);
    free(both.piece);
    if (r < 0) {
        sl_sorted_groups_unref(to);
        return r;
    }
    to->memory->base[0] = sl_memory_ref(a->memory);
    to->memory->base[1] = sl_memory_ref(b->memory);
    *ret = to;
    return 0;
}
