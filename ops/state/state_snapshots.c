/* stateSnapshots(): the whole state of the mapWithState before it, as revisions of
 * keyed rows (core/rows/sorted_rows.h). Where the state exceeds memoryLimit a revision is written to disk when it is
 * shown. */
#include "core/base/error.h"
#include "core/contract/row_buffer.h"
#include "core/rows/sorted_rows.h"
#include "ops/state/map_with_state.h"
#include "ops/state/state_map.h"

static int ignore_rows(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    return 0;
}

static int ignore_dataset(struct sl_stage *stage, unsigned input, struct sl_dataset *dataset)
{
    return 0;
}

static void snapshot_done(void *memory)
{
    sl_sorted_rows_done(memory);
}

/* ---- state that is on disk ---- */

struct copy {
    struct sl_row_buffers *piles;
    struct sl_row_buffer pile;
    struct sl_task *task;
};

static int copy_cell(void *arg, const struct sl_stored_cell *cell)
{
    struct copy *copy = arg;
    struct sl_field row[2];
    int r = sl_row_buffer_make_room(copy->piles, &copy->pile, copy->task);
    if (r < 0)
        return r;
    struct sl_arena *arena = &copy->pile.rows->arena;
    if (!sl_field_copy(arena, &cell->key, &row[0]) ||
        (cell->exists && !sl_field_copy(arena, &cell->value, &row[1])))
        return SL_ENOMEM;
    return sl_rows_append_row(copy->pile.rows, row, cell->exists ? 2 : 1);
}

static int copy_cells(struct sl_stage *stage, struct sl_row_buffers *piles, bool changed,
                      struct sl_dataset **ret)
{
    const struct sl_state_map *parts = stage->input_memory;
    struct copy copy = {.piles = piles, .task = &stage->tasks[0]};
    struct sl_dataset *dataset = sl_dataset_new(1);
    copy.task->err = stage->err;
    int r = dataset ? sl_row_buffer_init(&copy.pile, NULL) : SL_ENOMEM;
    if (r == 0)
        r = (changed ? sl_state_map_each_changed : sl_state_map_each)(parts, stage, copy_cell, &copy);
    if (r == 0)
        r = sl_row_buffer_end(piles, &copy.pile, copy.task);
    if (r == 0)
        r = sl_row_buffer_show(&copy.pile, dataset, 0);
    sl_row_buffer_done(&copy.pile);
    if (r == 0)
        *ret = dataset;
    else
        sl_dataset_unref(dataset);
    return r;
}

static int share_rows(const struct sl_dataset *all, struct sl_dataset **ret)
{
    struct sl_dataset *same = sl_dataset_new(1);
    int r = same ? sl_dataset_add_range(same, 0, all, 0, all->count) : SL_ENOMEM;
    if (r == 0)
        *ret = same;
    else
        sl_dataset_unref(same);
    return r;
}

/* The next revision of `shown`, which has no runs in memory any more. Of the first one everything is new. */
static int revise(struct sl_stage *stage, struct sl_sorted_rows *shown, struct sl_row_buffers *piles)
{
    struct sl_dataset *all, *changes;
    int r = copy_cells(stage, piles, false, &all);
    if (r < 0)
        return r;
    r = shown->newest ? copy_cells(stage, piles, true, &changes) : share_rows(all, &changes);
    if (r < 0) {
        sl_dataset_unref(all);
        return r;
    }
    sl_dataset_revise(all, shown, ++shown->revisions, changes);
    sl_dataset_unref(changes);
    sl_dataset_unref(shown->newest);
    shown->newest = all;
    return 0;
}

static int show_stored(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_sorted_rows *shown = stage->memory;
    struct sl_row_buffers piles;
    while (shown->runs)
        sl_rows_unref(shown->run[--shown->runs]);
    if (!stage->has_input) {
        shown->revisions++;
        return 0;
    }
    int r = sl_row_buffers_init(&piles, stage);
    if (r == 0)
        r = revise(stage, shown, &piles);
    sl_row_buffers_done(&piles);
    if (r == 0)
        *ret = sl_dataset_ref(shown->newest);
    return r;
}

/* ---- state in memory ---- */

/* Called in every batch in which the cells may have changed, so that a revision is what is dirty. */
static int show_snapshot(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_state_map *parts = stage->input_memory;
    struct sl_sorted_rows *shown = stage->memory;
    struct sl_rows *changes;
    if (sl_state_map_is_stored(parts))
        return show_stored(stage, ret);
    int r = shown->newest ? sl_state_map_changes(parts, &changes) : sl_state_map_rows(parts, stage, &changes);
    if (r == 0)
        r = sl_sorted_rows_add(shown, stage->pool, changes, sl_state_map_living(parts));
    if (r == 0 && stage->has_input)
        *ret = sl_dataset_ref(shown->newest);
    return r;
}

static const struct sl_wide snapshot_wide = {
    .push = ignore_rows,
    .take = ignore_dataset,
    .finish = show_snapshot,
    .bounded = 3, /* less the input, which it does not take: what it shows, and what changed in it */
    .memory_size = sizeof(struct sl_sorted_rows),
    .memory_done = snapshot_done,
};

static int check_snapshot(struct sl_node *node, struct sl_error *err)
{
    if (node->input[0]->op == &sl_op_map_with_state)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "stateSnapshots belongs to a stream of mapWithState, this is one of %s",
                        node->input[0]->op->name);
}

const struct sl_op sl_op_state_snapshots = {
    .name = "stateSnapshots",
    .kind = SL_OP_WIDE,
    .family = "state",
    .summary = "The whole state of mapWithState, in the order of keys",
    .example = "s:map(sluice.pair(1)):mapWithState(function(key, value, state) state:update(value) end)"
               ":stateSnapshots()",
    .wide = &snapshot_wide,
    .check = check_snapshot,
};
