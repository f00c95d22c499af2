/* What is known of a group that had an error, in the place of its state (SL_GROUP_FAILED): the first message with what it
 * was about, and how many records the group has, counted on until it is reported. One letter reports it, when all of its
 * records are there. */
#pragma once

#include "ops/group/aggregate.h"

/* A group failed with task->message: its state becomes what is known of it, in `keep`. `records` are those so far, the one
 * that failed included; value: NULL, or what failed. 0 or SL_ENOMEM. */
int sl_group_fail(struct sl_group *group, const struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, int64_t records);
/* The group of a failed key has more records. */
void sl_failed_group_add(struct sl_group *group, int64_t records);
/* A copy of what is known, that may stay in `keep`. 0 or SL_ENOMEM. */
int sl_failed_group_copy(struct sl_arena *keep, const union sl_state *failed, union sl_state *ret);
/* How many records a group has, failed or not, as far as its reducer counts. */
int64_t sl_group_records(const struct sl_reducer *reducer, const struct sl_group *group);

/* As a field, and back: SL_EDAMAGED where it is none. */
int sl_failed_group_encode(struct sl_task *task, const union sl_state *failed, struct sl_field *ret);
int sl_failed_group_decode(struct sl_task *task, struct sl_arena *keep, const struct sl_field *encoded,
                           union sl_state *ret);

/* Hands it to the sink. 0, or a failure that ends the batch. */
int sl_failed_group_report(const struct sl_aggregate *aggregate, struct sl_task *task,
                           const struct sl_group *group);
