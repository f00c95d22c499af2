#include "engine/batch/homes.h"

static int remember(struct sl_run *run, size_t s, struct sl_error *err)
{
    struct sl_source *source = run->source[s];
    struct sl_watched_homes now = {0};
    int r = source->ops->homes ? source->ops->homes(source, &now, err) : 0;
    r = r < 0 ? r : sl_catalog_put_homes(run->catalog, s, &now, err);
    sl_watched_homes_done(&now);
    return r;
}

static int check_planned(const struct sl_run *run, size_t s, const struct sl_batch_plan *plan,
                         struct sl_error *err)
{
    const struct sl_source *source = run->source[s];
    for (size_t i = 0; i < plan->files[s].count; i++)
        if (source->ops->awaits_home(source, &plan->files[s].file[i]))
            return sl_error_set(
                err, SL_EFAIL,
                "%s: files of batch %lld, which was planned, are on a file system that is not "
                "mounted; mount it, or run the job with --accept-changes to quarantine them",
                run->source_key[s], (long long)plan->batch_ms);
    return 0;
}

static int check(struct sl_run *run, size_t s, const struct sl_progress *progress, struct sl_error *err)
{
    struct sl_source *source = run->source[s];
    struct sl_watched_homes earlier = {0};
    if (!source->ops->remember_homes)
        return 0;
    int r = sl_catalog_get_homes(run->catalog, s, &earlier, err);
    r = r < 0 ? r : source->ops->remember_homes(source, &earlier, run->options->accept_changes, err);
    sl_watched_homes_done(&earlier);
    if (r == 0 && progress->planned)
        r = check_planned(run, s, &progress->plan, err);
    return r < 0 ? r : remember(run, s, err);
}

int sl_homes_check(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; r == 0 && s < run->sources; s++)
        r = check(run, s, progress, err);
    return r;
}

int sl_homes_remember(struct sl_run *run, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; r == 0 && s < run->sources; s++)
        r = remember(run, s, err);
    return r;
}
