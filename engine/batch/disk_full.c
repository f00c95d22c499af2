#include "engine/batch/disk_full.h"

#include "engine/batch/checkpoint_state.h"
#include "engine/batch/hooks.h"
#include "engine/batch/quarantine.h"

#include <errno.h>
#include <poll.h>

enum { WAIT_FIRST_MS = 250, WAIT_MAX_MS = 30000 };

#define NS_PER_MS INT64_C(1000000)

/* Whether there is time for what was lost with a connection: in a run that is to end by itself. */
static bool may_redo(const struct sl_disk_full *room, const struct sl_error *err)
{
    int64_t waited_ms = (sl_monotonic_ns() - room->begin_ns) / NS_PER_MS;
    return err->code == SL_EUNREACHABLE && waited_ms + room->wait_ms <= err->redo_ms;
}

static bool may_wait(const struct sl_disk_full *room, const struct sl_run *run, const struct sl_error *err)
{
    const struct sl_run_options *options = run->options;
    bool ends = options->once || options->available_now || options->virtual_clock;
    return run->catalog && (!ends || (run->hooks && run->hooks->room) || may_redo(room, err));
}

static int stopped(struct sl_error *err)
{
    return sl_error_set(err, SL_ESTOP, "stopped while it waited for room on a disk, or for a server");
}

/* A signal ends it at once. */
static int wait(struct sl_run *run, int wait_ms, struct sl_error *err)
{
    int64_t end_ns = sl_monotonic_ns() + wait_ms * NS_PER_MS;
    for (int64_t left_ns; !sl_run_wants_stop(run) && (left_ns = end_ns - sl_monotonic_ns()) > 0;) {
        struct pollfd signals = {run->options->stop_fd, POLLIN, 0};
        int left_ms = (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
        sl_service_alive(&run->service);
        if (poll(&signals, 1, sl_service_wait_ms(&run->service, left_ms)) < 0 && errno != EINTR)
            return sl_error_sys(err, errno, "waiting for room on a disk");
    }
    return sl_run_wants_stop(run) ? stopped(err) : 1;
}

static void say(const struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    sl_error_wrap(err, "batch %lld cannot be done", (long long)batch->t);
    if (err->code == SL_EUNREACHABLE)
        sl_error_hint(err, "the run waits for the server and then does the batch again");
    else
        sl_error_hint(err,
                      "the run waits for room on this disk and then does the batch again; remove what is "
                      "not needed there, or stop the run");
    sl_log(run->services.log, SL_LOG_WARNING, "%s", err->text);
    run->waiting(run, err->text);
}

/* A step before the commit failed: everything is again as it was before the batch began, but for a plan that
 * is durable, and the next step is the first one that has to be done again. */
static int take_back(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    if (batch->step == 0) /* it has no plan yet: nothing happened */
        return 0;
    batch->step = 1;
    batch->replay = true;
    sl_batch_start_over(batch);
    for (size_t n = 0; n < run->pipelines->nodes; n++)
        sl_manifest_done(&batch->manifest[n]);
    int r = sl_checkpoint_state_take_back(run, err);
    r = r < 0 ? r : sl_batch_take_again(batch, err);
    return r < 0 ? r : sl_quarantine_exclude(run, &batch->plan, err);
}

static int next_wait_ms(const struct sl_disk_full *room)
{
    int wait_ms = room->wait_ms * 2;
    return !wait_ms ? WAIT_FIRST_MS : wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : wait_ms;
}

/* 1: there may be room, or a server may answer. */
static int wait_for_change(const struct sl_disk_full *room, struct sl_run *run, struct sl_error *err)
{
    if (run->hooks && run->hooks->room)
        return run->hooks->room(run->hooks->arg) ? 1 : stopped(err);
    return wait(run, room->wait_ms, err);
}

/* What memory does not hold of the state that is loaded again goes to a disk, which may be the full one. */
static int take_back_when_there_is_room(struct sl_disk_full *room, struct sl_batch *batch,
                                        struct sl_error *err)
{
    int r;
    while ((r = take_back(batch, err)) == SL_EFULL) {
        r = wait_for_change(room, batch->run, err);
        if (r < 0)
            return r;
        room->wait_ms = next_wait_ms(room);
    }
    return r;
}

int sl_disk_full_wait(struct sl_disk_full *room, struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    if (!room->begin_ns)
        room->begin_ns = sl_monotonic_ns();
    room->wait_ms = next_wait_ms(room);
    if (!may_wait(room, run, err))
        return sl_error_hint(err, err->code == SL_EUNREACHABLE
                                      ? "the next start does the batch again"
                                      : "make room; the next start does the batch again");
    if (!room->is_waiting)
        say(batch, err);
    room->is_waiting = true;
    int r = take_back_when_there_is_room(room, batch, err);
    if (r < 0) /* whatever it is: there is nothing sound to go on from */
        return r;
    return wait_for_change(room, run, err);
}

void sl_disk_full_done(const struct sl_disk_full *room, const struct sl_batch *batch)
{
    if (room->is_waiting)
        sl_log(batch->run->services.log, SL_LOG_INFO, "the run continues: batch %lld is done",
               (long long)batch->t);
}
