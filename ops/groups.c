#include "ops/groups.h"

#include "core/error.h"

#include <stdlib.h>

struct sl_groups *sl_groups_new(size_t capacity)
{
    struct sl_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return NULL;
    atomic_init(&groups->refs, 1);
    groups->entry = malloc((capacity ? capacity : 1) * sizeof *groups->entry);
    groups->memory = sl_memory_new();
    if (!groups->entry || !groups->memory) {
        sl_groups_unref(groups);
        return NULL;
    }
    return groups;
}

struct sl_groups *sl_groups_ref(struct sl_groups *groups)
{
    atomic_fetch_add_explicit(&groups->refs, 1, memory_order_relaxed);
    return groups;
}

void sl_groups_unref(struct sl_groups *groups)
{
    if (!groups || atomic_fetch_sub_explicit(&groups->refs, 1, memory_order_acq_rel) > 1)
        return;
    sl_memory_unref(groups->memory);
    free(groups->entry);
    free(groups);
}

/* ---- finishing: pieces of the run in parallel, each a run of rows of its own ---- */

enum { PIECE_ENTRIES = 16 * SL_CHUNK_ROWS };

struct finish {
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    const struct sl_groups *groups;
    enum sl_shape shape;
    struct sl_rows **piece;
};

/* A key that was a record of several fields becomes one again. */
static int append_key(struct sl_rows *rows, const struct sl_field *key)
{
    bool row = key->tag == SL_LIST && key->flags & SL_FIELD_ROW;
    return sl_rows_append_row(rows, row ? key->items : key, row ? key->len : 1);
}

static int finish_entry(struct finish *finish, struct sl_task *task, struct sl_rows *rows,
                        const struct sl_entry *entry)
{
    if (finish->shape == SL_SHAPE_KEY)
        return append_key(rows, &entry->key);
    struct sl_field row[2] = {entry->key}, value;
    row[0].flags = 0;
    int r = finish->reducer->ops->finish(finish->reducer, task, &entry->state, &value);
    if (r == SL_EREJECT || r == SL_EGROUP) {
        struct sl_field none = sl_nil();
        return sl_task_reject_group(task, finish->stage->node->number, &entry->key, &none);
    }
    if (r == 0 && !sl_field_copy(&rows->arena, &value, &row[1]))
        r = SL_ENOMEM;
    if (r < 0)
        return r;
    bool pair = finish->shape == SL_SHAPE_PAIR;
    return sl_rows_append_row(rows, pair ? row : &row[1], pair ? 2 : 1);
}

static int finish_piece(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct finish *finish = arg;
    struct sl_task *task = &finish->stage->tasks[worker];
    size_t from = index * PIECE_ENTRIES, to = from + PIECE_ENTRIES;
    if (to > finish->groups->count)
        to = finish->groups->count;
    struct sl_rows *rows = finish->piece[index] = sl_rows_new();
    if (!rows)
        return SL_ENOMEM;
    rows->memory = sl_memory_ref(finish->groups->memory);
    int r = 0;
    task->err = err;
    task->ordinal = UINT32_MAX; /* behind all partitions of the input */
    for (size_t i = from; i < to && r == 0; i++) {
        sl_arena_reset(task->scratch);
        r = finish_entry(finish, task, rows, &finish->groups->entry[i]);
    }
    return r;
}

int sl_groups_finish(struct sl_stage *stage, const struct sl_reducer *reducer, struct sl_groups *groups,
                     enum sl_shape shape, struct sl_dataset **ret)
{
    size_t pieces = (groups->count + PIECE_ENTRIES - 1) / PIECE_ENTRIES;
    struct sl_dataset *dataset = sl_dataset_new(1);
    struct finish finish = {stage, reducer, groups, shape, calloc(pieces ? pieces : 1, sizeof *finish.piece)};
    int r = dataset && finish.piece ? sl_pool_run(stage->pool, pieces, finish_piece, &finish, stage->err)
                                    : SL_ENOMEM;
    for (size_t i = 0; finish.piece && i < pieces; i++) {
        if (r == 0)
            r = sl_dataset_add(dataset, 0, finish.piece[i], 0, finish.piece[i]->count);
        sl_rows_unref(finish.piece[i]);
    }
    free(finish.piece);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}
