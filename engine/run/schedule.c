#include "engine/run/schedule.h"

#include "engine/batch/viewer.h"
#include "engine/batch/watermarks.h"
#include "engine/run/catch_up.h"
#include "engine/run/run_batch.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { ONCE_WAIT_MAX_MS = 10000, LOOK_AGAIN_MS = 1000 };

static int64_t interval_of(const struct sl_run *run)
{
    return run->context->options.interval_ms;
}

/* The batch time after t: t itself may be no multiple, for the interval may have changed. */
static int64_t time_after(const struct sl_run *run, int64_t t)
{
    return t - t % interval_of(run) + interval_of(run);
}

static bool has_enough(const struct sl_run *run)
{
    return run->options->batches && run->committed >= (uint64_t)run->options->batches;
}

/* ---- a job that ends its run itself: stop(), awaitTerminationOrTimeout(s) and stop() ---- */

/* The last batch time of a run that has begun at `start_ms`. There is one batch time in any case. */
static int64_t last_time(const struct sl_run *run, int64_t start_ms)
{
    int64_t run_ms = run->context->options.run_ms;
    return run_ms < 0 || run_ms > INT64_MAX - start_ms ? INT64_MAX : start_ms + run_ms;
}

static int refresh_sources(struct sl_run *run, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0; s++)
        if (run->source[s]->ops->refresh)
            r = run->source[s]->ops->refresh(run->source[s], err);
    return r;
}

static struct sl_limits limits_of(const struct sl_run *run)
{
    const struct sl_options *options = &run->context->options;
    return (struct sl_limits){
        .files_max = options->files_max ? (uint64_t)options->files_max : UINT64_MAX,
        .bytes_max = options->bytes_max ? (uint64_t)options->bytes_max : UINT64_MAX,
        .record_bytes_max = (uint64_t)options->record_bytes_max,
        .has_rates = true,
    };
}

static const struct sl_limits no_limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, false, false};

/* ---- waiting ---- */

static int64_t now_ms(struct sl_run *run)
{
    return run->services.clock->now_ms(run->services.clock);
}

static void drain(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return; /* nothing to drain */
}

/* Waits until the clock shows t, a signal comes, something may have arrived (where `arrivals` is set), or the
 * clock was set back: t may be far away then. poll counts on its own and knows nothing of a clock that is set
 * or of a machine that was asleep, so the clock is looked at now and then. */
static int wait_until(struct sl_run *run, int64_t t, bool arrivals, struct sl_error *err)
{
    int64_t now = now_ms(run), before = now;
    for (; !sl_run_wants_stop(run) && now < t && now >= before; before = now, now = now_ms(run)) {
        struct pollfd fds[2] = {{run->options->stop_fd, POLLIN, 0}, {run->wake_fd, POLLIN, 0}};
        int64_t left = t - now < LOOK_AGAIN_MS ? t - now : LOOK_AGAIN_MS;
        int timeout = sl_service_wait_ms(&run->service, (int)left);
        sl_service_alive(&run->service);
        int r = sl_viewer_check(run, err);
        if (r < 0)
            return r;
        int n = poll(fds, arrivals ? 2 : 1, timeout);
        if (n < 0 && errno != EINTR)
            return sl_error_sys(err, errno, "waiting for the next batch");
        if (n > 0 && arrivals && fds[1].revents) {
            drain(run->wake_fd);
            return 0;
        }
    }
    return 0;
}

static int64_t newest_due(struct sl_run *run)
{
    int64_t now = now_ms(run);
    return now - now % interval_of(run);
}

/* ---- the ways to run ---- */

/* Whether another batch would take something. Windows and state that have something to say for ever,
 * or long after, are no reason. A batch that found nothing in files will not find more; a list may
 * have empty items. */
static bool is_input_left(struct sl_run *run, bool ran)
{
    for (size_t s = 0; s < run->sources; s++) {
        const struct sl_source_ops *ops = run->source[s]->ops;
        if ((ran || ops->range) && ops->pending(run->source[s]))
            return true;
    }
    return false;
}

/* The same, or a window of event time is due. */
static bool is_more_left(struct sl_run *run, bool ran, int64_t next)
{
    return is_input_left(run, ran) || sl_watermarks_due(run, next);
}

/* Whether the next batch is there for files only, which may turn out not to be: that something may have arrived is all
 * that events and due scans say. */
static bool needs_files(struct sl_run *run, int64_t next)
{
    for (size_t s = 0; s < run->sources; s++)
        if (run->source[s]->ops->range)
            return false;
    return !sl_watermarks_due(run, next);
}

static int run_virtual(struct sl_run *run, struct sl_error *err)
{
    int64_t interval = interval_of(run), start = run->options->start_ms;
    int64_t t = time_after(run, run->any && run->last_ms > start ? run->last_ms : start);
    struct sl_limits limits = run->options->once ? no_limits : limits_of(run);
    int64_t first = t, last = last_time(run, t - interval);
    bool ran, more = true;
    int r = refresh_sources(
        run, err); /* later arrivals are reported by events: the cost of a batch depends on new files only */
    for (int64_t k = (int64_t)run->committed;
         r == 0 && more && (t == first || t <= last) && !sl_run_wants_stop(run); k++, t += interval) {
        if (run->options->batches && k >= run->options->batches)
            break;
        run->virtual_clock.now_ms = t;
        r = sl_run_batch(run, t, &limits, &ran, err);
        more = !run->options->once && (!run->options->available_now || is_more_left(run, ran, t + interval));
        limits.needs_files = run->options->available_now && needs_files(run, t + interval);
    }
    return r;
}

/* What waits is left for a batch time that is far away. Where nothing waits there is nothing to report. */
static void leave(struct sl_run *run, int64_t t)
{
    run->leaves_input = is_input_left(run, true);
    if (!run->leaves_input)
        return;
    sl_log(run->services.log, SL_LOG_WARNING,
           "the newest due time has had its batch; what waits is left for a run after %lld ms since the "
           "epoch, in %lld s%s",
           (long long)t, (long long)(t - now_ms(run)) / 1000,
           run->options->finish
               ? "; event time is not ended, or it would be late (--available-now takes it now)"
               : "");
}

/* The newest due time, or the next one where that has had its batch. */
static int64_t due_time(struct sl_run *run)
{
    int64_t t = newest_due(run);
    return run->any && t <= run->last_ms ? time_after(run, run->last_ms) : t;
}

static int run_once(struct sl_run *run, struct sl_error *err)
{
    int64_t t = due_time(run);
    bool ran;
    int r = refresh_sources(run, err);
    if (r < 0)
        return r;
    while (r == 0 && !sl_run_wants_stop(run) && now_ms(run) < t) {
        if (t - now_ms(run) > ONCE_WAIT_MAX_MS) { /* looked at again: the clock may be set back meanwhile */
            leave(run, t);
            return 0;
        }
        r = wait_until(run, t, false, err);
    }
    if (r == 0 && !sl_run_wants_stop(run))
        r = sl_catch_up(run, run->last_ms, t, err);
    return r < 0 || sl_run_wants_stop(run) ? r : sl_run_batch(run, t, &no_limits, &ran, err);
}

static int run_available(struct sl_run *run, struct sl_error *err)
{
    struct sl_limits limits = limits_of(run);
    int64_t t = due_time(run);
    bool ran, more = true;
    int r = refresh_sources(run, err);
    if (r == 0)
        r = sl_catch_up(run, run->last_ms, t, err);
    for (; r == 0 && more && !sl_run_wants_stop(run) && !has_enough(run); t += interval_of(run)) {
        r = sl_run_batch(run, t, &limits, &ran, err);
        more = is_more_left(run, ran, t + interval_of(run));
        limits.needs_files = needs_files(run, t + interval_of(run));
    }
    return r;
}

/* Once each time. */
static void say_behind(struct sl_run *run, bool *was_behind)
{
    int64_t behind_ms = run->any ? run->last_ms - now_ms(run) : 0;
    bool is_behind = behind_ms > interval_of(run);
    if (is_behind && !*was_behind)
        sl_log(run->services.log, SL_LOG_WARNING,
               "the clock shows a time %lld ms before the last batch; waiting until it has caught up",
               (long long)behind_ms);
    *was_behind = is_behind;
}

/* The newest time that is done with, where that was `tried`: when the clock was set back, times that had
 * nothing to do come again, and those of batches do not. */
static int64_t done_with(struct sl_run *run, int64_t tried)
{
    int64_t due = newest_due(run);
    if (due >= tried)
        return tried;
    return run->any && run->last_ms > due ? run->last_ms : due;
}

static int run_real(struct sl_run *run, struct sl_error *err)
{
    struct sl_limits limits = limits_of(run);
    int64_t tried = run->any ? run->last_ms : INT64_MIN;
    int64_t last = last_time(run, now_ms(run));
    bool was_behind = false, is_first = true;
    int r = 0;
    while (r == 0 && !sl_run_wants_stop(run) && !has_enough(run) &&
           (is_first || time_after(run, tried) <= last)) {
        int64_t t = newest_due(run);
        bool ran;
        say_behind(run, &was_behind);
        tried = done_with(run, tried);
        if (t <= tried) {
            r = wait_until(run, time_after(run, tried), false, err);
            continue;
        }
        r = sl_catch_up(run, tried, t, err);
        tried = t;
        is_first = false;
        if (r == 0 && !sl_run_wants_stop(run))
            r = sl_run_batch(run, t, &limits, &ran, err);
    }
    return r;
}

static int run_as_asked(struct sl_run *run, struct sl_error *err)
{
    if (has_enough(run))
        return 0;
    if (run->options->virtual_clock)
        return run_virtual(run, err);
    if (run->options->once)
        return run_once(run, err);
    return run->options->available_now ? run_available(run, err) : run_real(run, err);
}

/* The next batch time, whatever the clock shows. */
static int64_t next_time(struct sl_run *run)
{
    int64_t start = run->options->start_ms;
    if (!run->options->virtual_clock)
        return due_time(run);
    return time_after(run, run->any && run->last_ms > start ? run->last_ms : start);
}

static int finish_at(struct sl_run *run, int64_t t, struct sl_error *err)
{
    int r = sl_catch_up(run, run->last_ms, t, err);
    if (run->options->virtual_clock)
        run->virtual_clock.now_ms = t;
    return r < 0 ? r : sl_run_batch_finish(run, t, err);
}

/* The last batch, which ends event time: not before what this run leaves was taken. Streams of different slides may need
 * a batch each. */
static int finish(struct sl_run *run, struct sl_error *err)
{
    int64_t last_ms = run->any ? run->last_ms : next_time(run), t = 0;
    int r = 0;
    while (r == 0 && !run->leaves_input && !sl_run_wants_stop(run) && t != SL_NO_TIME) {
        t = sl_watermarks_end(run, last_ms, next_time(run));
        r = t == SL_NO_TIME ? 0 : finish_at(run, t, err);
    }
    return r;
}

int sl_schedule(struct sl_run *run, struct sl_error *err)
{
    int r = run_as_asked(run, err);
    return r == 0 && run->options->finish && !sl_run_wants_stop(run) ? finish(run, err) : r;
}
