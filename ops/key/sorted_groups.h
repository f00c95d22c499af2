/* A sorted run of groups: keys in the order of docs/manual.md, "Records", each with its reducer state.
 * Immutable once built and reference-counted: windows and state keep runs, aggregation makes them, finishing
 * turns them into rows.
 *
 * Keys and states point into `memory`, which rows made from the run share. Of windows a run may be on disk instead
 * (ops/window/group_store.h); other operators never get such a run. Of windows a group may have failed
 * (ops/key/failed_group.h): it is one of the run, and finishing it reports it. */
#pragma once

#include "core/contract/operator.h"
#include "core/contract/reducer.h"
#include "core/rows/dataset.h"

struct sl_group_entry {
    struct sl_field key;
    union sl_state state;
};

struct sl_sorted_groups {
    _Atomic unsigned refs;
    size_t count;
    struct sl_group_entry *entry; /* [count]; on disk: NULL */
    struct sl_memory *memory;     /* on disk: NULL */
    /* On disk: rows (key, state as it is encoded), or (key, what is known of it, true) of a group that has failed. Else
     * NULL. */
    struct sl_dataset *rows;
};

/* Room for `capacity` entries and an empty memory. NULL: out of memory. */
struct sl_sorted_groups *sl_sorted_groups_new(size_t capacity);
struct sl_sorted_groups *sl_sorted_groups_ref(struct sl_sorted_groups *groups);
void sl_sorted_groups_unref(struct sl_sorted_groups *groups);
/* The groups are on disk from now on: takes over the reference to their rows, and gives back what they took in memory. */
void sl_sorted_groups_move(struct sl_sorted_groups *groups, struct sl_dataset *rows);

/* The key of a record of a dataset, in the dataset or in the arena. False: the record cannot be read. */
bool sl_key_of_record(const struct sl_dataset *dataset, uint64_t record, struct sl_arena *arena,
                      struct sl_field *ret);
/* The first record whose key is not before this one, of a dataset in the order of keys; count: none. */
uint64_t sl_first_record(const struct sl_dataset *dataset, const struct sl_field *key);
/* The first entry whose key is not before this one; count: none. */
size_t sl_sorted_groups_first(const struct sl_sorted_groups *groups, const struct sl_field *key);

/* Sorts entries[count] by key, spread over the stage's workers; equal keys (a run has none, rows being sorted
 * may) stay in their order. 0 or SL_ENOMEM. */
int sl_group_entries_sort(struct sl_stage *stage, struct sl_group_entry *entry, size_t count);

/* Both runs as one, a's states before b's; neither changes. An empty run or NULL adds nothing; not both NULL.
 * A group error, and a group that has failed in one of them, makes the group a failed one. */
int sl_sorted_groups_combine(struct sl_stage *stage, const struct sl_reducer *reducer,
                             struct sl_sorted_groups *a, struct sl_sorted_groups *b,
                             struct sl_sorted_groups **ret);

/* Hands a group that had an error to the sink: sl_task_reject_group, of a window with regard to stage->brought. */
int sl_group_reject(const struct sl_stage *stage, struct sl_task *task, const struct sl_field *key,
                    const struct sl_field *value, int64_t records);

/* What becomes of a group: the row (key, value), its value alone, or its key as the record it was. */
enum sl_result_form { SL_FORM_PAIR, SL_FORM_VALUE, SL_FORM_KEY };

/* The row a group becomes, borrowed from the entry, pair[] and task->scratch. A group error leaves it out:
 * width 0. */
int sl_group_entry_row(const struct sl_stage *stage, const struct sl_reducer *reducer,
                       enum sl_result_form shape, struct sl_task *task, const struct sl_group_entry *entry,
                       struct sl_field pair[2], const struct sl_field **ret, uint32_t *ret_width);

/* Finishes every group: a dataset of one partition. A group error leaves the group out and goes
 * to the sink. */
int sl_sorted_groups_finish(struct sl_stage *stage, const struct sl_reducer *reducer,
                            struct sl_sorted_groups *groups, enum sl_result_form shape,
                            struct sl_dataset **ret);
