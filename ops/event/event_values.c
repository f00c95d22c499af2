/* Values of a group in the order of their times, where the reducer depends on it. */
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "ops/event/event_reduce.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_ENTRIES = 16 * SL_CHUNK_ROWS };

static int compare_times(const void *a, const void *b)
{
    const struct sl_field *x = ((const struct sl_field *)a)->items, *y = ((const struct sl_field *)b)->items;
    if (x[0].integer != y[0].integer)
        return x[0].integer < y[0].integer ? -1 : 1;
    return (x[0].len > y[0].len) - (x[0].len < y[0].len);
}

static bool is_in_order(const struct sl_field *item, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (item[i - 1].items[0].integer > item[i].items[0].integer)
            return false;
    return true;
}

int sl_event_values(struct sl_task *task, const struct sl_field *list, const struct sl_field **ret_value,
                    uint32_t *ret_count)
{
    *ret_value = list->items;
    *ret_count = list->len;
    if (is_in_order(list->items, list->len))
        return 0;
    struct sl_field *item = sl_arena_alloc(task->scratch, list->len * sizeof *item);
    struct sl_field *fields =
        sl_arena_alloc(task->scratch, SL_CANDIDATE_VALUE_FIELDS * (size_t)list->len * sizeof *fields);
    if (!item || !fields)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < list->len; i++, fields += SL_CANDIDATE_VALUE_FIELDS) {
        item[i] = list->items[i];
        memcpy(fields, item[i].items, item[i].len * sizeof *fields);
        fields->len = i; /* the place in the input, beside the time: qsort is not stable */
        item[i].items = fields;
    }
    qsort(item, list->len, sizeof *item, compare_times);
    *ret_value = item;
    return 0;
}

/* A value that the reducer refuses. */
static int reject_value(struct sl_stage *stage, struct sl_task *task, const struct sl_field *key,
                        const struct sl_field *value)
{
    const struct sl_event_reduce *reduce = stage->state;
    bool several = value->tag == SL_LIST && value->flags & SL_FIELD_ROW;
    const struct sl_field *fields = several ? value->items : value;
    struct sl_chunk chunk = {.rows = 1};
    if (reduce->key_of == SL_KEY_FIELD)
        chunk.column[chunk.width++] = key;
    for (uint32_t i = 0; i < (several ? value->len : 1) && chunk.width < SL_WIDTH_MAX; i++)
        chunk.column[chunk.width++] = &fields[i];
    return sl_task_reject(task, stage->node->number, &chunk, 0);
}

int sl_event_fold(struct sl_stage *stage, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *key, const struct sl_field *value, uint32_t from, uint32_t to,
                  struct sl_group_entry *ret, bool *ret_any)
{
    const struct sl_reducer *reducer = ((struct sl_event_reduce *)stage->state)->reducer;
    int64_t refused = 0;
    int r = 0;
    *ret_any = false;
    for (uint32_t i = from; r == 0 && i < to; i++) {
        const struct sl_field *one = &value[i].items[1];
        r = *ret_any ? reducer->ops->merge(reducer, task, keep, &ret->state, one)
                     : reducer->ops->create(reducer, task, keep, one, &ret->state);
        if (r == 0)
            *ret_any = true;
        else if (r == SL_EREJECT) {
            r = reject_value(stage, task, key, one);
            refused++;
        }
    }
    if (r != SL_EGROUP)
        return r;
    *ret_any = true;
    return sl_entry_fail(ret, task, keep, NULL, to - from - refused);
}

/* ---- all groups of a batch ---- */

struct folding {
    struct sl_stage *stage;
    const struct sl_sorted_groups *groups;
    struct sl_sorted_groups *to;
    struct sl_arena *arena; /* [pieces] */
    size_t *count;          /* [pieces] */
};

static int fold_entry(const struct folding *folding, struct sl_task *task, size_t piece,
                      const struct sl_group_entry *from)
{
    struct sl_group_entry *to = &folding->to->entry[piece * PIECE_ENTRIES + folding->count[piece]];
    struct sl_group_entry folded = {.key = sl_nil()};
    const struct sl_field *value;
    struct sl_field list, key = sl_key_of_pane(&from->key);
    uint32_t count;
    bool any;
    sl_arena_reset(task->scratch);
    int r = sl_reducer_list.ops->finish(&sl_reducer_list, task, &from->state, &list);
    r = r < 0 ? r : sl_event_values(task, &list, &value, &count);
    r = r < 0 ? r
              : sl_event_fold(folding->stage, task, &folding->arena[piece], &key, value, 0, count, &folded,
                              &any);
    if (r < 0 || !any)
        return r;
    if (!sl_field_copy(&folding->arena[piece], &from->key, &to->key))
        return SL_ENOMEM;
    to->key.flags |= folded.key.flags;
    to->state = folded.state;
    folding->count[piece]++;
    return 0;
}

static int fold_piece(void *arg, size_t piece, struct sl_task *task)
{
    const struct folding *folding = arg;
    size_t from = piece * PIECE_ENTRIES, to = from + PIECE_ENTRIES;
    int r = 0;
    for (size_t i = from; r == 0 && i < to && i < folding->groups->count; i++)
        r = fold_entry(folding, task, piece, &folding->groups->entry[i]);
    return r;
}

int sl_event_fold_groups(struct sl_stage *stage, struct sl_sorted_groups *groups,
                         struct sl_sorted_groups **ret)
{
    size_t pieces = (groups->count + PIECE_ENTRIES - 1) / PIECE_ENTRIES, at = 0;
    struct folding folding = {stage, groups, sl_sorted_groups_new(groups->count),
                              calloc(pieces + 1, sizeof *folding.arena),
                              calloc(pieces + 1, sizeof *folding.count)};
    int r = folding.to && folding.arena && folding.count ? 0 : SL_ENOMEM;
    r = r < 0 ? r : sl_stage_run(stage, pieces, fold_piece, &folding);
    for (size_t i = 0; folding.arena && folding.count && i < pieces; i++) {
        for (size_t k = 0; r == 0 && k < folding.count[i]; k++)
            folding.to->entry[at++] = folding.to->entry[i * PIECE_ENTRIES + k];
        if (r == 0)
            sl_arena_adopt(&folding.to->memory->arena, &folding.arena[i]);
        sl_arena_done(&folding.arena[i]);
    }
    free(folding.arena);
    free(folding.count);
    sl_sorted_groups_unref(groups);
    if (r < 0) {
        sl_sorted_groups_unref(folding.to);
        return r;
    }
    folding.to->count = at;
    *ret = folding.to;
    return 0;
}
