#include "cli/standing.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

/* Until when a run has looked for input: to its last commit, or to its end where it ended well, which it also does without a
 * batch. 0: there was neither. */
static int64_t looked_until(const struct sl_standing *standing)
{
    int64_t committed_ms = standing->progress.any ? standing->progress.finished_ms : 0;
    return committed_ms > standing->ended_ms ? committed_ms : standing->ended_ms;
}

/* How long something has waited, or may have: a batch that was planned and is not committed; where no run is active, what has
 * arrived since the last one looked. A run that has nothing to do has no lag. */
static int64_t lag_of(const struct sl_standing *standing)
{
    int64_t since_ms = standing->progress.planned ? standing->progress.planned_ms
                       : standing->pid            ? 0
                                                  : looked_until(standing);
    return since_ms && since_ms < standing->now_ms ? standing->now_ms - since_ms : 0;
}

/* An idle run writes nothing by which its silence could be told from its death: that would cost something. So the kernel
 * is asked. */
bool sl_standing_is_suspended(long pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    if (!file)
        return false; /* of another machine or container, or hidden */
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = 0;
    const char *end = strrchr(text, ')'); /* of the name, which may hold anything */
    return end && end[1] == ' ' && (end[2] == 'T' || end[2] == 't');
}

int sl_standing_look(struct sl_target *target, struct sl_reading *reading, struct sl_standing *ret,
                     struct sl_error *err)
{
    *ret = (struct sl_standing){.now_ms = sl_clock_real.now_ms(&sl_clock_real)};
    int r = sl_reading_progress(reading, &ret->progress, err);
    const char *state = sl_target_status_text(target, "state");
    ret->pid = sl_target_holder(target);
    ret->failed = !ret->pid && state && strcmp(state, "failed") == 0;
    if (!ret->pid && state && strcmp(state, "stopped") == 0)
        ret->ended_ms = sl_target_status_integer(target, NULL, "written_ms");
    ret->waiting = ret->pid && state && strcmp(state, "waiting") == 0;
    ret->suspended = sl_standing_is_suspended(ret->pid);
    ret->lag_ms = lag_of(ret);
    return r;
}
