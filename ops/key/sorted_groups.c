#include "ops/key/sorted_groups.h"

#include "core/base/bisect.h"
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>

struct sl_sorted_groups *sl_sorted_groups_new(size_t capacity)
{
    struct sl_sorted_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return NULL;
    atomic_init(&groups->refs, 1);
    groups->entry = malloc((capacity ? capacity : 1) * sizeof *groups->entry);
    groups->memory = sl_memory_new();
    if (!groups->entry || !groups->memory) {
        sl_sorted_groups_unref(groups);
        return NULL;
    }
    return groups;
}

struct sl_sorted_groups *sl_sorted_groups_ref(struct sl_sorted_groups *groups)
{
    atomic_fetch_add_explicit(&groups->refs, 1, memory_order_relaxed);
    return groups;
}

void sl_sorted_groups_unref(struct sl_sorted_groups *groups)
{
    if (!groups || atomic_fetch_sub_explicit(&groups->refs, 1, memory_order_acq_rel) > 1)
        return;
    sl_memory_unref(groups->memory);
    free(groups->entry);
    free(groups);
}

size_t sl_sorted_groups_first(const struct sl_sorted_groups *groups, const struct sl_field *key)
{
    return SL_BISECT(i, 0, groups->count, sl_field_compare(&groups->entry[i].key, key) < 0);
}

/* ---- finishing: pieces of the run in parallel, each a run of rows of its own ---- */

enum { PIECE_ENTRIES = 16 * SL_CHUNK_ROWS };

struct finish {
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    const struct sl_sorted_groups *groups;
    enum sl_result_form shape;
};

/* A key that was a record of several fields becomes one again. */
static void key_row(const struct sl_field *key, const struct sl_field **ret, uint32_t *ret_width)
{
    bool row = key->tag == SL_LIST && key->flags & SL_FIELD_ROW;
    *ret = row ? key->items : key;
    *ret_width = row ? key->len : 1;
}

static bool has_key(const struct sl_sorted_groups *groups, const struct sl_field *key)
{
    size_t at = sl_sorted_groups_first(groups, key);
    return at < groups->count && sl_field_equals(&groups->entry[at].key, key);
}

int sl_group_reject(const struct sl_stage *stage, struct sl_task *task, const struct sl_field *key,
                    const struct sl_field *value, int64_t records)
{
    task->is_reported_again = stage->brought && !has_key(stage->brought, key);
    int r = sl_task_reject_group(task, stage->node->number, key, value, records);
    task->is_reported_again = false;
    return r;
}

int sl_group_entry_row(const struct sl_stage *stage, const struct sl_reducer *reducer,
                       enum sl_result_form shape, struct sl_task *task, const struct sl_group_entry *entry,
                       struct sl_field pair[2], const struct sl_field **ret, uint32_t *ret_width)
{
    *ret_width = 0;
    if (sl_entry_has_failed(entry))
        return sl_failed_group_report(stage, task, &entry->key, &entry->state);
    if (shape == SL_FORM_KEY) {
        key_row(&entry->key, ret, ret_width);
        return 0;
    }
    pair[0] = entry->key;
    pair[0].flags = 0;
    int r = reducer->ops->finish(reducer, task, &entry->state, &pair[1]);
    if (r == SL_EREJECT || r == SL_EGROUP) {
        return sl_group_reject(stage, task, &entry->key, NULL, sl_reducer_records(reducer, &entry->state));
    }
    *ret = shape == SL_FORM_PAIR ? pair : &pair[1];
    *ret_width = r < 0 ? 0 : shape == SL_FORM_PAIR ? 2 : 1;
    return r;
}

static int finish_entry(struct finish *finish, struct sl_task *task, struct sl_rows *rows,
                        const struct sl_group_entry *entry)
{
    struct sl_field pair[2], value;
    const struct sl_field *row;
    uint32_t width;
    int r =
        sl_group_entry_row(finish->stage, finish->reducer, finish->shape, task, entry, pair, &row, &width);
    if (r < 0 || !width)
        return r;
    if (finish->shape != SL_FORM_KEY) {
        if (!sl_field_copy(&rows->arena, &pair[1], &value))
            return SL_ENOMEM;
        pair[1] = value;
    }
    return sl_rows_append_row(rows, row, width);
}

static int finish_piece(void *arg, size_t index, struct sl_task *task, struct sl_rows *rows)
{
    struct finish *finish = arg;
    size_t from = index * PIECE_ENTRIES, to = from + PIECE_ENTRIES;
    if (to > finish->groups->count)
        to = finish->groups->count;
    int r = 0;
    for (size_t i = from; i < to && r == 0; i++) {
        sl_arena_reset(task->scratch);
        r = finish_entry(finish, task, rows, &finish->groups->entry[i]);
    }
    return r;
}

int sl_sorted_groups_finish(struct sl_stage *stage, const struct sl_reducer *reducer,
                            struct sl_sorted_groups *groups, enum sl_result_form shape,
                            struct sl_dataset **ret)
{
    size_t pieces = (groups->count + PIECE_ENTRIES - 1) / PIECE_ENTRIES;
    struct finish finish = {stage, reducer, groups, shape};
    struct sl_dataset *dataset = NULL;
    int r = sl_stage_gather(stage, pieces, finish_piece, &finish, groups->memory, &dataset);
    if (r == 0)
        *ret = dataset;
    return r;
}
