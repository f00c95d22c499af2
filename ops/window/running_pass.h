/* One pass over a running result on disk (ops/window/window_reduce_running.h).
 *
 * The caller fills in which batches enter, leave or are counted; sl_running_pass_run; sl_running_pass_close in any case. */
#pragma once

#include "core/contract/state_writer.h"
#include "ops/window/group_slices.h"
#include "ops/window/running_table.h"
#include "ops/window/window_reduce.h"

struct sl_slices_list {
    struct sl_group_slices *slices;
    size_t count;
};

struct sl_running_changes {
    struct sl_state_writer base;
    struct sl_spill *spill;
    struct sl_spill_file *file;
    struct sl_error *err;
};

struct sl_running_pass {
    /* Set by the caller. */
    struct sl_stage *stage;
    struct sl_spill *spill;
    struct sl_slices_list leaving;
    struct sl_slices_list counted; /* batches of the window, after a load */
    struct sl_group_slices entering, before;
    /* What the window holds beside the batch that enters; its blocks are freed. */
    struct sl_partials_level older;
    bool emits, counts, forgets;

    bool is_whole;                  /* over all keys; else over those of the batches that enter or leave */
    struct sl_state_reader *reader; /* of all keys */
    struct sl_field row[SL_RUNNING_FIELDS]; /* what it gave */
    bool has_row;
    struct sl_state_finder finder; /* of some */
    struct sl_slices_list sought;  /* those that leave once more: which keys they have */
    struct sl_running_table *next; /* of a pass over all keys: what replaces the table */
    struct sl_running_writer writer;
    struct sl_running_changes changes; /* what is saved */
    /* Rows of the next revision that the one before had not; where the batch shows one. */
    struct sl_spill_file *revised;
};

/* Slices of all these groups. 0 or SL_ENOMEM. */
int sl_slices_list_open(struct sl_slices_list *list, struct sl_sorted_groups *const *groups, size_t count);

/* *ret: what the batch shows, where it does. */
int sl_running_pass_run(struct sl_running_pass *pass, struct sl_dataset **ret);
void sl_running_pass_close(struct sl_running_pass *pass);

/* What the batch before changed is saved. */
void sl_running_drop_changes(struct sl_stage *stage);
