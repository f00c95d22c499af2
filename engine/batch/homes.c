#include "engine/batch/homes.h"

static bool is_same(const struct sl_watched_home *a, const struct sl_watched_home *b)
{
    return a->inode == b->inode && a->born_ns == b->born_ns;
}

/* What is there now counts from here on. A directory beside the job needs no row: it is never waited for. */
static int remember(struct sl_run *run, size_t s, bool is_known, const struct sl_watched_home *before,
                    const struct sl_watched_home *now, struct sl_error *err)
{
    bool is_news =
        is_known ? !is_same(before, now) || before->is_mounted != now->is_mounted : now->is_mounted;
    return is_news ? sl_catalog_put_home(run->catalog, s, now, err) : 0;
}

static int check(struct sl_run *run, size_t s, const struct sl_progress *progress, struct sl_error *err)
{
    struct sl_source *source = run->source[s];
    struct sl_watched_home before, now;
    bool has = false, is_known;
    int r = source->ops->home ? source->ops->home(source, &has, &now, err) : 0;
    if (r < 0 || !has)
        return r;
    r = sl_catalog_get_home(run->catalog, s, &is_known, &before, err);
    if (r < 0)
        return r;
    bool is_away = is_known && before.is_mounted && !now.is_mounted && !is_same(&before, &now);
    if (!is_away || run->options->accept_changes)
        return remember(run, s, is_known, &before, &now, err);
    if (progress->planned && progress->plan.files[s].count)
        return sl_error_set(err, SL_EFAIL,
                            "%s: files of batch %lld, which was planned, are on a file system that is not "
                            "mounted; mount it, or run the job with --accept-changes to quarantine them",
                            run->source_key[s], (long long)progress->plan.batch_ms);
    source->ops->wait_for_home(source, &before);
    return 0;
}

int sl_homes_check(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; r == 0 && s < run->sources; s++)
        r = check(run, s, progress, err);
    return r;
}
