#include "cli/standing.h"

#include "core/base/clock.h"

#include <string.h>

/* How long something has waited to be done: a batch that was planned and is not committed; where no process works with
 * the checkpoint, whatever may have arrived since the last batch. A run that has nothing to do has no lag. */
static int64_t lag_of(const struct sl_standing *standing)
{
    const struct sl_reading_progress *progress = &standing->progress;
    int64_t since_ms = progress->planned                 ? progress->planned_ms
                       : standing->pid || !progress->any ? standing->now_ms
                                                         : progress->finished_ms;
    return since_ms < standing->now_ms ? standing->now_ms - since_ms : 0;
}

int sl_standing_look(struct sl_target *target, struct sl_reading *reading, struct sl_standing *ret,
                     struct sl_error *err)
{
    *ret = (struct sl_standing){.now_ms = sl_clock_real.now_ms(&sl_clock_real)};
    int r = sl_reading_progress(reading, &ret->progress, err);
    const char *state = sl_target_status_text(target, "state");
    ret->pid = sl_target_holder(target);
    ret->failed = !ret->pid && state && strcmp(state, "failed") == 0;
    ret->waiting = ret->pid && state && strcmp(state, "waiting") == 0;
    ret->lag_ms = lag_of(ret);
    return r;
}
