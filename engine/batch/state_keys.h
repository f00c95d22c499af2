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

/* What has one base is numbered: "base", "base#2", "base#3" ... 0: the key is no such one. */
unsigned sl_state_key_number(const char *key, const char *base);
/* Caller frees; NULL: out of memory. */
char *sl_state_key_numbered(const char *base, unsigned number);

/* Some operator of the job has it. */
bool sl_state_key_is_taken(const struct sl_run *run, const char *key);
/* What a view shows is no state: it may go. */
bool sl_state_key_is_of_view(const char *key);
