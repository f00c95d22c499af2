/* stateSnapshots(): the whole state of the mapWithState before it, as revisions of
 * keyed rows (core/rows/sorted_rows.h). */
#include "core/base/error.h"
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

/* Called in every batch in which the cells may have changed, so that a revision is what is dirty. */
static int show_snapshot(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_state_map *parts = stage->input_memory;
    struct sl_sorted_rows *shown = stage->memory;
    struct sl_rows *changes;
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
