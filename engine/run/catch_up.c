#include "engine/run/catch_up.h"

#include "engine/run/run_batch.h"

#include <string.h>

enum need { NEED_WINDOW, NEED_TIME_OUT };

static bool is_needed(const struct sl_run *run, int64_t t, enum need need)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        const struct sl_wide *wide = node->op->wide;
        bool asked = run->pipelines->used[n] && wide && wide->wants &&
                     (need == NEED_WINDOW ? wide->windowed : wide->times_out);
        if (asked && wide->wants(node, run->memory[n], t))
            return true;
    }
    return false;
}

/* Behind this time no window reaches back to the last batch: looking on is in vain. */
static int64_t horizon(const struct sl_run *run, int64_t from)
{
    int64_t reach = 0;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        int64_t own = node->window_ms + 2 * node->slide_ms;
        if (node->op->wide && node->op->wide->windowed && own > reach)
            reach = own;
    }
    return from + reach;
}

int sl_catch_up(struct sl_run *run, int64_t from, int64_t to, struct sl_error *err)
{
    const char *how = run->context->options.catch_up;
    int64_t interval = run->context->options.interval_ms, first = from - from % interval + interval;
    bool all = strcmp(how, "all") == 0;
    int r = 0;
    if (!run->any || strcmp(how, "none") == 0)
        return 0;
    for (int64_t t = first; r == 0 && t < to && !sl_run_wants_stop(run); t += interval) {
        if (!all && t > horizon(run, run->last_ms > from ? run->last_ms : from))
            break;
        if (all || is_needed(run, t, NEED_WINDOW))
            r = sl_run_batch_empty(run, t, err);
    }
    int64_t before = to - interval;
    if (r == 0 && before >= first && before > run->last_ms && is_needed(run, before, NEED_TIME_OUT))
        r = sl_run_batch_empty(run, before, err);
    return r;
}
