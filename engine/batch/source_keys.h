/* By which keys the checkpoint knows the sources: operator and directory or name, "textFileStream:in". Several of one directory are
 * numbered ("textFileStream:in#2"), and over restarts told apart by their options, only where these changed by their order: what one has
 * taken must not become what another one has. */
#pragma once

#include "engine/batch/run.h"

/* When the sources are open, with a catalog where there is one: fills run->source_key and the sources' own. */
int sl_source_keys_find(struct sl_run *run, struct sl_error *err);

/* What tells them apart at the next start, for run->codes. SL_ENOMEM. */
int sl_source_keys_collect(const struct sl_run *run, struct sl_codes *codes);
