/* What a batch takes in: decided once, written down in its plan, and the same each time it is done again. */
#include "engine/batch/batch.h"
#include "engine/batch/quarantine.h"

static void note_place(struct sl_batch *batch, size_t s)
{
    struct sl_source *source = batch->run->source[s];
    batch->plan.place[s] = source->ops->place ? source->ops->place(source) : -1;
}

int sl_batch_take(struct sl_batch *batch, const struct sl_limits *limits, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct sl_limits rest = *limits;
    for (size_t s = 0; s < run->sources; s++) {
        struct sl_source *source = run->source[s];
        struct sl_files *files = &batch->plan.files[s];
        bool any = false;
        note_place(batch, s);
        int r = source->ops->take(source, batch->t, batch->plan.number, &rest, files, &any, err);
        if (r < 0)
            return r;
        batch->said[source->node->number] = any || run->services.empty_batches;
    }
    return 0;
}

static const struct sl_limits no_limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

static void go_to_place(struct sl_source *source, const struct sl_batch_plan *plan, size_t s)
{
    if (source->ops->seek && plan->place && plan->place[s] >= 0)
        source->ops->seek(source, plan->place[s]);
}

int sl_batch_go_on(struct sl_run *run, const struct sl_batch_plan *last, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0; s++) {
        struct sl_source *source = run->source[s];
        struct sl_files none = {0};
        bool any;
        if (!source->ops->seek || !last->place || last->place[s] < 0) /* it is new in the job */
            continue;
        source->ops->seek(source, last->place[s]);
        r = source->ops->take(source, last->batch_ms, last->number, &no_limits, &none, &any, err);
    }
    return r;
}

/* What is not made of files is taken where the source stands. */
static int resume_source(struct sl_batch *batch, size_t s, struct sl_error *err)
{
    struct sl_source *source = batch->run->source[s];
    struct sl_files *files = &batch->plan.files[s];
    bool any = files->count > 0;
    int r = source->ops->resume
                ? source->ops->resume(source, batch->t, files, err)
                : source->ops->take(source, batch->t, batch->plan.number, &no_limits, files, &any, err);
    batch->said[source->node->number] = any || batch->run->services.empty_batches;
    return r;
}

int sl_batch_take_again(struct sl_batch *batch, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < batch->run->sources && r == 0; s++) {
        go_to_place(batch->run->source[s], &batch->plan, s);
        r = resume_source(batch, s, err);
    }
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
    run->set_aside += batch->plan.asides;
    return sl_quarantine_exclude(run, &batch->plan, err);
}

int sl_batch_take_nothing(struct sl_batch *batch, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < batch->run->sources && r == 0; s++) {
        note_place(batch, s);
        r = resume_source(batch, s, err);
    }
    return r;
}
