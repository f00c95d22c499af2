/* By which key each operator that keeps something finds it again, in a changed job as well: its name
 * (:name("x")), or its signature: the kinds and parameters of the operators from it up to the sources,
 * without durations and without Lua code.
 *
 * Operators of one signature have a number after it. Which of them is which is decided by their fingerprints
 * (engine/batch/fingerprint.h), as the catalog has them from the run before; only where that does not help, by their
 * order. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>

struct sl_run;

/* Fills run->state_key. */
int sl_state_keys_find(struct sl_run *run, struct sl_error *err);
void sl_state_keys_free(struct sl_run *run);

/* Some operator of the job has it. */
bool sl_state_key_is_taken(const struct sl_run *run, const char *key);
/* What a view shows is no state: it may go. */
bool sl_state_key_is_of_view(const char *key);
