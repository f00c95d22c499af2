/* The running total of sum and mean: exact for integers (128 bits) and floats, in any order, and
 * invertible.
 *
 * The state is one word. As long as only integers came, the total fits 43 bits and there are less than a million (2^20) of
 * them, the word is both: the total, their number in 20 bits, a one. Otherwise it points to a struct in the arena of the
 * group: of 32 bytes where all values are floats of about one size, else a larger one. */
#pragma once

#include "core/contract/reducer.h"

/* The total of one value; SL_EREJECT if it is no number ("sum: ..." by `who`). */
int sl_total_create(const char *who, struct sl_task *task, struct sl_arena *keep,
                    const struct sl_field *value, union sl_state *ret);
int sl_total_merge(const char *who, struct sl_task *task, struct sl_arena *keep, union sl_state *state,
                   const struct sl_field *value);
/* Merges values[row[k]] into *states[k] while they are integers that need no memory, or floats where keep is not NULL; returns
 * how many were done. */
uint32_t sl_total_merge_rows(struct sl_arena *keep, union sl_state *const *states,
                             const struct sl_field *values, const uint16_t *row, uint32_t count);
/* Adds the other total, or with `undo` takes it out. */
int sl_total_combine(struct sl_arena *keep, union sl_state *state, const union sl_state *other, bool undo);
/* How many values it is made of. Setting it: 0 or SL_ENOMEM. */
int64_t sl_total_records(const union sl_state *state);
int sl_total_set_records(struct sl_arena *keep, union sl_state *state, int64_t records);
int sl_total_copy(struct sl_arena *keep, const union sl_state *state, union sl_state *ret);

/* The total as a field: an integer, or a float where one is among the values. SL_EREJECT: beyond int64. */
int sl_total_value(const char *who, struct sl_task *task, const union sl_state *state, struct sl_field *ret);
/* The total divided by count, rounded once. */
int sl_total_mean(struct sl_task *task, const union sl_state *state, uint64_t count, double *ret);

/* The row encoding: an integer, or a list; made in scratch. */
int sl_total_encode(struct sl_task *task, const union sl_state *state, struct sl_field *ret);
int sl_total_decode(struct sl_task *task, struct sl_arena *keep, const struct sl_field *encoded,
                    union sl_state *ret);
