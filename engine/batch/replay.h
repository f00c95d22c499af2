/* Replay: `sluice replay` leaves a request in the checkpoint, <checkpoint>/replay, whether or not a run is under
 * way; nothing is ever written into a watched directory. The next batch that is taken finds it and takes, besides
 * what arrives,
 *
 *   - the quarantined files that are still there, each where it is, by identity, as it is now;
 *   - dead letters that are whole records of their source, as sources/letters.h says. They are first moved from
 *     deadletter/T.jsonl into deadletter/T.replay, which the batch's plan names: from then on it is an input like a
 *     file. After the commit T.replay becomes part of T.replayed; where the batch was skipped, of T.jsonl again.
 *
 * Each move writes the new file whole and durably before the old one loses its letters, and a letter that is in
 * both is taken out of the old one at the next try, so a crash anywhere neither loses nor doubles one. The request
 * is removed when the plan is durable. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>

struct sl_batch_plan;
struct sl_run;

#define SL_REPLAY_REQUEST "replay"
/* <checkpoint>/forget: paths, each with a NUL, that leave the quarantine: of replay --forget during a run. */
#define SL_FORGET_REQUEST "forget"

/* Before the sources take. */
int sl_replay_take(struct sl_run *run, struct sl_error *err);
/* The plan of what was taken is durable. */
int sl_replay_planned(struct sl_run *run, struct sl_error *err);
/* The batch with this plan is committed; may be done again after a crash. */
int sl_replay_settle(struct sl_run *run, const struct sl_batch_plan *plan, struct sl_error *err);
/* Whether there is a T.replay, which the newest committed batch may have taken. */
int sl_replay_is_begun(struct sl_run *run, bool *ret, struct sl_error *err);
/* Opens <checkpoint>/deadletter for the sources, where it is there. */
int sl_replay_open(struct sl_run *run, struct sl_error *err);
