/* What the panes of an event window hold: sorted runs (ops/key/sorted_groups.h) of pane keys with the states of a
 * reducer.
 *
 *   run 0      the oldest and largest
 *   run 1 ...  each at most half as large as the one before it
 *   run n-1    what the newest batch changed
 *
 * An entry is the whole state of its (pane, key), so where several runs have one, the newest counts. A batch costs
 * what it changes: its groups are sorted, each is looked up in the older runs from where the one before it was found,
 * and combined; the result is a new run. Neighbours are merged into memory of their own, so nothing that was replaced
 * stays. Panes before `floor` are closed: they are passed over, and dropped by the next merge.
 *
 * A window is the panes [start, stop): the same range of every run, found by bisection. Belongs to one thread;
 * functions with a stage share the work among its pool. */
#pragma once

#include "ops/key/sorted_groups.h"

enum { SL_PANE_RUNS_MAX = 48 };

struct sl_pane_runs {
    size_t runs;
    struct sl_sorted_groups *run[SL_PANE_RUNS_MAX]; /* references */
    int64_t floor;                                  /* INT64_MIN at first */
};

void sl_pane_runs_init(struct sl_pane_runs *panes);
void sl_pane_runs_done(struct sl_pane_runs *panes);

/* Adds what a batch brought; takes over the reference. The groups become whole states in place: *ret (borrowed) is the
 * run they are, which stays valid until the next call. A group error, and a group that had failed, makes the entry a failed
 * one. 0, or a failure; then the panes are unchanged. */
int sl_pane_runs_add(struct sl_pane_runs *panes, struct sl_stage *stage, const struct sl_reducer *reducer,
                     struct sl_sorted_groups *groups, struct sl_sorted_groups **ret);
/* Merges neighbours until the sizes are as above. Runs that were borrowed are gone. */
int sl_pane_runs_tidy(struct sl_pane_runs *panes, struct sl_stage *stage, const struct sl_reducer *reducer);
/* Merges all into one. */
int sl_pane_runs_merge_all(struct sl_pane_runs *panes, struct sl_stage *stage,
                           const struct sl_reducer *reducer);
/* A run as it is, newer than all others; takes over the reference. For what is read back from disk. */
int sl_pane_runs_put(struct sl_pane_runs *panes, struct sl_sorted_groups *run);

/* For what is read back from disk: takes away what keys of `rows` have that stand alone, (key), in panes from `floor` on. The runs
 * belong to the caller alone. */
void sl_pane_runs_remove(struct sl_pane_runs *panes, const struct sl_dataset *rows, int64_t floor);

/* The first pane at or after `from` that holds something; INT64_MAX: none. */
int64_t sl_pane_runs_next(const struct sl_pane_runs *panes, int64_t from);
/* Entries of all runs: what is kept, and what was replaced and not yet dropped. */
uint64_t sl_pane_runs_entries(const struct sl_pane_runs *panes);

/* The entries of a run whose panes are in [from, to): those with keys that are strings, and the others. */
struct sl_pane_range {
    const struct sl_group_entry *at[2], *end[2];
};
struct sl_pane_range sl_pane_runs_range(const struct sl_sorted_groups *run, int64_t from, int64_t to);
