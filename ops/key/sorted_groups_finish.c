/* Groups become rows: pieces of the run in parallel, each a run of rows of its own. */
#include "core/base/error.h"
#include "core/base/fetch.h"
#include "core/contract/stage.h"
#include "ops/key/failed_group.h"

enum { PIECE_ENTRIES = 16 * SL_CHUNK_ROWS, AHEAD = 8 };

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

/* States were made in the order in which keys came, so what they point to lies anywhere. A state that is a number has its lowest
 * bit set where that is cheap to do: fetching from such an address would walk the page tables in vain. */
SL_FETCH fetch_state(const struct sl_group_entry *entry)
{
    const uint8_t *state = entry->state.integer & 1 ? (const uint8_t *)entry : entry->state.pointer;
    __builtin_prefetch(state);
    __builtin_prefetch(state + 64);
}

static int finish_piece(void *arg, size_t index, struct sl_task *task, struct sl_rows *rows)
{
    struct finish *finish = arg;
    size_t from = index * PIECE_ENTRIES, to = from + PIECE_ENTRIES;
    if (to > finish->groups->count)
        to = finish->groups->count;
    int r = 0;
    for (size_t i = from; i < to && r == 0; i++) {
        if (i + AHEAD < to)
            fetch_state(&finish->groups->entry[i + AHEAD]);
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
