#include "engine/batch/quarantine.h"

#include "core/contract/site.h"

#include <stdio.h>

#include <stdlib.h>

enum { PLACE_MAX = 512 };

bool sl_quarantine_redo(struct sl_batch *batch)
{
    struct sl_run *run = batch->run;
    bool any = false;
    for (size_t s = 0; s < run->sources; s++)
        if (run->source[s]->ops->redo && run->source[s]->ops->redo(run->source[s]))
            any = true; /* all are asked: each then leaves out what it knows of */
    return any;
}

static bool is_noted(const struct sl_batch_plan *plan, size_t known, size_t source, size_t file)
{
    for (size_t i = 0; i < known; i++)
        if (plan->quarantined[i].source == source && plan->quarantined[i].file == file)
            return true;
    return false;
}

/* "FILE:LINE: NAME: " of the source, or "" where the reason names that line: an operator in it has failed. */
static const char *place_of(const struct sl_source *source, const char *reason, char place[PLACE_MAX])
{
    const struct sl_site *site = &source->node->site;
    place[0] = '\0';
    if (!sl_site_is_in(site, reason))
        snprintf(place, PLACE_MAX, "%s:%d: %s: ", site->file, site->line, site->name);
    return place;
}

static void report(const struct sl_batch *batch, const struct sl_source *source, const char *reason)
{
    char place[PLACE_MAX];
    sl_log(batch->run->services.log, SL_LOG_WARNING, "%sfile quarantined: %s%s",
           place_of(source, reason, place), reason,
           batch->run->catalog ? "; when it is repaired, sluice replay takes it again" : "");
}

/* Adds those of source s to the plan; `known` were in it before. */
static int gather(struct sl_batch *batch, size_t s, size_t known, struct sl_error *err)
{
    struct sl_source *source = batch->run->source[s];
    struct sl_batch_plan *plan = &batch->plan;
    char place[PLACE_MAX];
    for (size_t f = 0; source->ops->quarantine_reason && f < plan->files[s].count; f++) {
        const char *reason = source->ops->quarantine_reason(source, f);
        if (!reason || is_noted(plan, known, s, f))
            continue;
        if (batch->run->context->options.stop_on_file_error)
            return sl_error_set(err, SL_EFAIL, "%s%s; the run stops because onFileError is \"stop\"",
                                place_of(source, reason, place), reason);
        if (sl_batch_plan_add_quarantined(plan, s, f, reason) < 0)
            return sl_error_nomem(err);
        report(batch, source, reason);
    }
    return 0;
}

int sl_quarantine_note(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    size_t known = batch->plan.quarantined_count;
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0; s++)
        r = gather(batch, s, known, err);
    /* A batch that is redone may have shown something already: it waits until that is what it writes. */
    if (r < 0 || !run->catalog || batch->replay || batch->plan.quarantined_count == known)
        return r;
    return sl_catalog_quarantine(run->catalog, &batch->plan, known, err);
}

int sl_quarantine_confirm(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_catalog *catalog = batch->run->catalog;
    if (!batch->replay || !batch->plan.quarantined_count)
        return 0;
    return sl_catalog_quarantine(catalog, &batch->plan, 0, err);
}

int sl_quarantine_exclude(struct sl_run *run, const struct sl_batch_plan *plan, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < plan->quarantined_count && r == 0; i++) {
        struct sl_source *source = run->source[plan->quarantined[i].source];
        r = source->ops->exclude(source, plan->quarantined[i].file, plan->quarantined[i].reason, err);
    }
    return r;
}

/* Writes to the catalog which files could not be archived or deleted, and which of those could be now. */
static int write_owed(struct sl_run *run, size_t s, struct sl_error *err)
{
    struct sl_owed *owed = run->source[s]->ops->owed(run->source[s]);
    bool has_changed = owed->added.files.count || owed->done.files.count;
    int r = has_changed && run->catalog ? sl_catalog_change_owed(run->catalog, s, owed, err) : 0;
    sl_owed_files_done(&owed->added);
    sl_owed_files_done(&owed->done);
    return r;
}

int sl_quarantine_settle(struct sl_run *run, size_t s, struct sl_error *err)
{
    struct sl_source *source = run->source[s];
    int r = source->ops->settle ? source->ops->settle(source, err) : 0;
    if (r < 0 && !source->ops->owed) {
        sl_log(run->services.log, SL_LOG_WARNING, "the batch is committed, but %s", err->text);
        return 0;
    }
    return r < 0 || !source->ops->owed ? r : write_owed(run, s, err);
}

static int owe(void *arg, size_t source, const struct sl_file *file, int64_t batch_ms, struct sl_error *err)
{
    const struct sl_run *run = arg;
    return run->source[source]->ops->owe
               ? run->source[source]->ops->owe(run->source[source], file, batch_ms, err)
               : 0;
}

static int leave_out_forgotten(const struct sl_run *run, struct sl_batch_plan *last, size_t s,
                               struct sl_error *err)
{
    const struct sl_files *files = &last->files[s];
    bool *out = calloc(files->count + 1, sizeof *out); /* + 1: never of size 0 */
    int r = out ? 0 : sl_error_nomem(err);
    for (size_t f = 0; r >= 0 && f < files->count; f++) {
        r = sl_catalog_remembers(run->catalog, s, &files->file[f], err);
        out[f] = r == 0;
    }
    if (r >= 0)
        r = sl_batch_plan_leave_out(last, s, out) < 0 ? sl_error_nomem(err) : 0;
    free(out);
    return r;
}

int sl_quarantine_settle_last(struct sl_run *run, struct sl_batch_plan *last, struct sl_error *err)
{
    int r = sl_catalog_each_owed(run->catalog, owe, run, err);
    for (size_t s = 0; last->files && s < run->sources && r == 0; s++)
        r = leave_out_forgotten(run, last, s, err);
    for (size_t s = 0; last->files && s < run->sources && r == 0; s++)
        if (run->source[s]->ops->settle && run->source[s]->ops->resume)
            r = run->source[s]->ops->resume(run->source[s], last->batch_ms, &last->files[s], err);
    if (last->files)
        r = r < 0 ? r : sl_quarantine_exclude(run, last, err);
    for (size_t s = 0; s < run->sources && r == 0; s++)
        r = sl_quarantine_settle(run, s, err);
    return r;
}
