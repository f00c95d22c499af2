/* A window with a user's inverse beyond memoryLimit.
 *
 * What such an inverse makes depends on its history, so the running result cannot be made anew of the batches, as that of a
 * native reducer is (ops/window/window_reduce_large.c). It moves to disk: a table (ops/window/running_table.h), and the groups
 * of the batches as well (ops/window/group_store.h). A batch is then one pass over the keys of the batches that enter and leave,
 * in their order. As many keys as may be in memory become a running window there; the slices of those batches that have these
 * keys change it, what is to be saved of it is written, and then it is written itself:
 *
 *     rows of the table  ----+                      +--> the newest run of the table
 *     batches that leave ----+--> some keys, as ----+--> what save writes to the checkpoint
 *     the batch that enters -+    in memory         +--> what the next revision changes, where the batch shows one
 *
 * What happens to a key does not depend on others, so the results are those that memory gives. Where a key asks to be looked at
 * whatever the next batch brings (what it has become is still to be shown, or could not be), that batch is a pass over all
 * keys, which writes the table anew; batches in which nothing enters or leaves, and that show nothing, need none. What is shown
 * is written to disk when it is first read.
 *
 * It returns to memory at a start, where it fits. */
#pragma once

#include "ops/window/window_reduce.h"

/* Whether the running result is on disk. */
bool sl_window_running_is_stored(const struct sl_stage *stage);
/* When a batch begins: what takes too much moves to disk. */
int sl_window_running_make_room(struct sl_stage *stage);
/* All of a batch, of a result on disk: *ret is what it shows. */
int sl_window_running_pass(struct sl_stage *stage, struct sl_dataset **ret);
int sl_window_running_save(struct sl_stage *stage, struct sl_state_writer *keeper);

/* With a limit, sections are collected on disk. Once all are there they are in memory again where they fit. */
int sl_window_running_load(struct sl_stage *stage, const struct sl_dataset *rows);
int sl_window_running_gather(struct sl_stage *stage);
/* Once the batches of the window are there: the result is on disk where one of them is. */
int sl_window_running_follow(struct sl_stage *stage);
/* Of a result on disk, once the batches of the window are there, too: what these groups hold leaves, and keys are counted. */
int sl_window_running_count(struct sl_stage *stage, struct sl_sorted_groups *const *leaving, size_t count);
