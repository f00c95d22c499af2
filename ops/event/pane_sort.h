/* Rows (key, state) that come in any order and are read by key: those of panes beyond memoryLimit, which windows combine by
 * key, or that are cut into other panes. Rows with equal keys stay in the order in which they came. All of them go to disk,
 * as sorted runs (ops/key/spilled_runs.h), and are merged on all workers.
 *
 * init; add, any number of times; merge; done. */
#pragma once

#include "ops/event/pane_store.h"
#include "ops/key/spilled_runs.h"

struct sl_pane_sort {
    struct sl_stage *stage;
    struct sl_spilled_runs runs;
    uint32_t number;              /* of runs so far */
    struct sl_group_entry *entry; /* not written yet */
    size_t count, capacity;
    struct sl_arena arena; /* of keys and rows */
};

/* Only with a limit. 0 or SL_ENOMEM; then done is to be called, too. */
int sl_pane_sort_init(struct sl_pane_sort *sort, struct sl_stage *stage);
void sl_pane_sort_done(struct sl_pane_sort *sort);

/* Copies the row, whose key is `key` here. */
int sl_pane_sort_add(struct sl_pane_sort *sort, const struct sl_field *key, const struct sl_pane_row *row);

/* The rows of one key together, in `keep`, which is empty before the first of them. */
struct sl_pane_group {
    struct sl_group_entry entry;
    bool exists;  /* one of its rows does: entry has a state */
    bool changed; /* one of them has changed */
};

/* Writes what becomes of the group to the file. */
typedef int sl_pane_sort_write(void *arg, struct sl_task *task, const struct sl_pane_group *group,
                               struct sl_spill_file *file);
/* Combines the rows of each key, and hands them over in the order of keys; *ret is what was written. There are no rows any
 * more afterwards. */
int sl_pane_sort_merge(struct sl_pane_sort *sort, const struct sl_reducer *reducer, sl_pane_sort_write *write,
                       void *arg, struct sl_dataset **ret);
