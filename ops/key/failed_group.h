/* What is known of a group that had an error, in the place of its state (SL_GROUP_FAILED in the flags of its key): the first
 * message with what it was about, and how many records the group has, counted on until it is reported. One letter reports
 * it, when all of its records are there; of a window, one for each time that the group is left out.
 *
 * Windows keep groups as entries (ops/key/sorted_groups.h), failed ones among them, so that a key stays left out as long as
 * what failed is in the window. What combines, copies, stores or finishes entries that may have failed does it by the
 * functions here. */
#pragma once

#include "ops/key/sorted_groups.h"
#include "ops/key/table.h"

/* A group failed with task->message: its state becomes what is known of it, in `keep`. `records` are those so far, the one
 * that failed included; value: NULL, or what failed. 0 or SL_ENOMEM. */
int sl_group_fail(struct sl_group *group, const struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, int64_t records);
/* The group of a failed key has more records, or fewer. */
void sl_failed_group_add(union sl_state *failed, int64_t records);
/* A copy of what is known, that may stay in `keep`. 0 or SL_ENOMEM. */
int sl_failed_group_copy(struct sl_arena *keep, const union sl_state *failed, union sl_state *ret);
/* How many records a group has, failed or not, as far as its reducer counts. */
int64_t sl_group_records(const struct sl_reducer *reducer, const struct sl_group *group);

/* As a field, and back: SL_EDAMAGED where it is none. */
int sl_failed_group_encode(struct sl_task *task, const union sl_state *failed, struct sl_field *ret);
int sl_failed_group_decode(struct sl_task *task, struct sl_arena *keep, const struct sl_field *encoded,
                           union sl_state *ret);

/* Notes that it failed in this batch, and is reported by a later one (sl_task_postpone_group). */
void sl_failed_group_postpone(const struct sl_stage *stage, struct sl_task *task,
                              const union sl_state *failed);
/* Hands it to the sink, with this key. 0, or a failure that ends the batch. */
int sl_failed_group_report(const struct sl_stage *stage, struct sl_task *task, const struct sl_field *key,
                           const union sl_state *failed);

/* ---- entries ---- */

static inline bool sl_entry_has_failed(const struct sl_group_entry *entry)
{
    return entry->key.flags & SL_GROUP_FAILED;
}

int64_t sl_entry_records(const struct sl_reducer *reducer, const struct sl_group_entry *entry);
/* The same as sl_group_fail. */
int sl_entry_fail(struct sl_group_entry *entry, const struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, int64_t records);
/* A copy of the state into another arena, and whether it has failed; the key of *ret is otherwise as it was. */
int sl_entry_copy_state(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                        const struct sl_group_entry *entry, struct sl_group_entry *ret);
/* Combines the state of `from` into `to`, whose state is its own in `keep`; `from` stays as it is. A group error marks `to`.
 * 0, or a failure that ends the batch. */
int sl_entry_combine(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                     struct sl_group_entry *to, const struct sl_group_entry *from);
/* The state as a field, and back: whether it has failed is stored beside it. */
int sl_entry_encode(const struct sl_reducer *reducer, struct sl_task *task,
                    const struct sl_group_entry *entry, struct sl_field *ret);
int sl_entry_decode(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                    const struct sl_field *encoded, bool has_failed, struct sl_group_entry *ret);
/* An entry as a row, in task->scratch, and back: (key, state), or of one that has failed (key, what is known of it, true).
 * The key read is borrowed from the row, the state in `keep`. SL_EDAMAGED: the row is none. */
enum { SL_ENTRY_FIELDS_MAX = 3 };
int sl_entry_to_row(const struct sl_reducer *reducer, struct sl_task *task,
                    const struct sl_group_entry *entry, struct sl_field row[SL_ENTRY_FIELDS_MAX],
                    uint32_t *ret_width);
int sl_entry_of_row(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                    const struct sl_field *row, uint32_t width, struct sl_group_entry *ret);
