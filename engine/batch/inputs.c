/* What a batch takes in: decided once, written down in its plan, and the same each time it is done again. */
#include "engine/batch/batch.h"
#include "engine/batch/quarantine.h"
#include "engine/batch/replay.h"
#include "engine/batch/watermarks.h"
#include "receive/leftover.h"
#include "receive/received.h"

#include <string.h>

static bool is_of_ranges(const struct sl_source *source)
{
    return source->ops->range != NULL;
}

/* The version that the batch uses. */
static void note_table(struct sl_batch *batch, struct sl_source *source)
{
    if (source->ops->lookup)
        batch->run->table[source->node->table] = source->ops->lookup(source);
}

static void note_input(struct sl_batch *batch, const struct sl_source *source, bool any)
{
    batch->brings[source->node->number] = any;
    batch->said[source->node->number] = any || batch->run->services.empty_batches;
}

/* Takes within the limits and writes down what was taken. */
static int take(struct sl_batch *batch, size_t s, const struct sl_limits *limits, struct sl_error *err)
{
    struct sl_source *source = batch->run->source[s];
    bool any = false;
    int r = source->ops->take(source, batch->t, batch->plan.number, limits, &batch->plan.files[s], &any, err);
    if (r == 0 && is_of_ranges(source)) {
        batch->plan.range[s].len = 0;
        r = source->ops->range(source, &batch->plan.range[s], err);
    }
    note_input(batch, source, any);
    note_table(batch, source);
    return r;
}

static int plan_watermarks(struct sl_batch *batch, struct sl_error *err)
{
    sl_watermarks_find(batch);
    return sl_watermarks_plan(batch) < 0 ? sl_error_nomem(err) : 0;
}

/* Of the tables, or of the other sources. */
static int take_all(struct sl_batch *batch, bool of_tables, const struct sl_limits *limits,
                    struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < batch->run->sources && r == 0; s++)
        if ((batch->run->source[s]->ops->lookup != NULL) == of_tables)
            r = take(batch, s, limits, err);
    return r;
}

/* Tables last: a record that came after a table was replaced meets the new one. */
int sl_batch_take(struct sl_batch *batch, const struct sl_limits *limits, struct sl_error *err)
{
    int r = sl_replay_take(batch->run, err);
    r = r < 0 ? r : take_all(batch, false, limits, err);
    r = r < 0 ? r : take_all(batch, true, limits, err);
    return r < 0 ? r : plan_watermarks(batch, err);
}

/* A received log is found by the name of its source: what another operator of this name has used of it is used. */
static const struct sl_buf *newest_reached(const struct sl_run *run, const struct sl_progress *progress,
                                           size_t s)
{
    const struct sl_buf *newest = &progress->reached[s];
    const char *name = strchr(run->source_key[s], ':');
    bool has_log = run->source[s]->ops->go_on == sl_received_go_on;
    for (size_t i = 0; has_log && i < progress->lost_count; i++) {
        const struct sl_lost_source *lost = &progress->lost[i];
        const char *lost_name = strchr(lost->key, ':');
        if (lost_name && strcmp(lost_name, name) == 0 && sl_received_is_further(&lost->reached, newest))
            newest = &lost->reached;
    }
    return newest;
}

int sl_batch_go_on(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0; s++) {
        const struct sl_buf *reached = newest_reached(run, progress, s);
        if (is_of_ranges(run->source[s]) && reached->len)
            r = run->source[s]->ops->go_on(run->source[s], reached, err);
    }
    return r;
}

static int resume_source(struct sl_batch *batch, size_t s, struct sl_error *err)
{
    struct sl_source *source = batch->run->source[s];
    struct sl_files *files = &batch->plan.files[s];
    bool any = files->count > 0;
    int r = is_of_ranges(source) ? source->ops->resume_range(source, &batch->plan.range[s], &any, err)
                                 : source->ops->resume(source, batch->t, files, err);
    note_input(batch, source, any);
    note_table(batch, source);
    return r;
}

int sl_batch_take_again(struct sl_batch *batch, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < batch->run->sources && r == 0; s++)
        r = resume_source(batch, s, err);
    return r;
}

int sl_batch_resume(struct sl_batch *batch, struct sl_batch_plan *plan, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    sl_batch_plan_done(&batch->plan);
    batch->plan = *plan;
    *plan = (struct sl_batch_plan){0};
    batch->replay = true;
    int r = sl_batch_take_again(batch, err);
    if (r < 0)
        return r;
    sl_watermarks_resume(batch);
    run->left_out += batch->plan.quarantined_count;
    return sl_quarantine_exclude(run, &batch->plan, err);
}

int sl_batch_take_nothing(struct sl_batch *batch, struct sl_error *err)
{
    static const struct sl_limits nothing = {0};
    int r = 0;
    batch->is_missed = true;
    for (size_t s = 0; s < batch->run->sources && r == 0; s++)
        r = is_of_ranges(batch->run->source[s]) ? take(batch, s, &nothing, err)
                                                : resume_source(batch, s, err);
    return r < 0 ? r : plan_watermarks(batch, err);
}
