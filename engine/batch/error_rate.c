#include "engine/batch/error_rate.h"

#include "core/contract/site.h"

#include <string.h>

/* How the reasons of such files begin: by this they are known when a batch is redone. */
static const char reason_start[] = "too many record errors in ";

/* ---- files ---- */

static bool is_too_many(const struct sl_run *run, const struct sl_file_errors *errors)
{
    double rate = run->context->options.error_rate_max;
    return errors->records >= SL_ERROR_RATE_RECORDS_MIN &&
           (double)errors->failed > rate * (double)errors->records;
}

static void append_line(const struct sl_batch *batch, size_t s, const struct sl_file_errors *errors,
                        struct sl_buf *text)
{
    uint64_t line = (uint64_t)errors->line + 1;
    if (errors->line >= SL_GROUP_LINE)
        return;
    for (size_t p = errors->first_partition; p < errors->partition; p++)
        line += batch->lines[s][p];
    sl_buf_printf(text, ", the first at line %llu", (unsigned long long)line);
}

static void append_reason(const struct sl_batch *batch, size_t s, size_t file,
                          const struct sl_file_errors *errors, struct sl_buf *text)
{
    const struct sl_run *run = batch->run;
    const struct sl_site *site = &run->pipelines->node[errors->node]->site;
    sl_buf_printf(text, "%s%s: %llu of %llu records failed (maxErrorRate is %g)", reason_start,
                  batch->plan.files[s].file[file].path, (unsigned long long)errors->failed,
                  (unsigned long long)errors->records, run->context->options.error_rate_max);
    append_line(batch, s, errors, text);
    sl_buf_printf(text, ": %s:%d: %s: %s", site->file, site->line, site->name,
                  sl_site_strip(site, errors->message));
    sl_buf_byte(text, 0);
}

static int look_at_file(struct sl_batch *batch, size_t s, size_t file, struct sl_error *err)
{
    struct sl_source *source = batch->run->source[s];
    struct sl_file_errors errors;
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    if (source->ops->quarantine_reason(source, file) || !source->ops->errors(source, file, &errors) ||
        !is_too_many(batch->run, &errors))
        return 0;
    append_reason(batch, s, file, &errors, &text);
    if (text.failed)
        return sl_error_nomem(err);
    return source->ops->quarantine(source, file, (const char *)text.bytes, err);
}

int sl_error_rate_files(struct sl_batch *batch, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < batch->run->sources; s++)
        for (size_t f = 0; r == 0 && batch->run->source[s]->ops->errors && f < batch->plan.files[s].count;
             f++)
            r = look_at_file(batch, s, f, err);
    return r;
}

/* ---- batches ---- */

struct tally {
    uint64_t files, spoilt;
    const char *example;
};

static struct tally count_files(const struct sl_batch *batch)
{
    struct tally tally = {0};
    for (size_t s = 0; s < batch->run->sources; s++) {
        struct sl_source *source = batch->run->source[s];
        for (size_t f = 0; source->ops->errors && f < batch->plan.files[s].count; f++) {
            const char *reason = source->ops->quarantine_reason(source, f);
            bool is_spoilt = reason && strncmp(reason, reason_start, sizeof reason_start - 1) == 0;
            tally.files++;
            tally.spoilt += is_spoilt;
            if (is_spoilt && !tally.example)
                tally.example = reason;
        }
    }
    return tally;
}

static int refuse(const char *what, const struct tally *tally, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EFAIL,
        "%s most records failed, so the job may be wrong, for example: %s; correct the job or the data, or raise "
        "maxErrorRate",
        what, tally->example);
}

int sl_error_rate_batch(struct sl_batch *batch, struct sl_error *err)
{
    struct tally tally = count_files(batch);
    char what[128];
    batch->spoilt = batch->run->spoilt;
    if (!tally.files)
        return 0;
    batch->spoilt = tally.spoilt == tally.files ? batch->run->spoilt + 1 : 0;
    if (tally.spoilt >= SL_ERROR_RATE_FILES_MIN && tally.spoilt * 2 > tally.files) {
        snprintf(what, sizeof what, "in %llu of the batch's %llu files", (unsigned long long)tally.spoilt,
                 (unsigned long long)tally.files);
        return refuse(what, &tally, err);
    }
    if (batch->spoilt >= SL_ERROR_RATE_BATCHES) {
        snprintf(what, sizeof what, "in all files of %llu batches in a row",
                 (unsigned long long)batch->spoilt);
        return refuse(what, &tally, err);
    }
    return 0;
}

/* ---- operators ---- */

/* Failures that are the operator's: those of a file's records are judged with the file (engine/batch/error_rate), those of
 * groups in a window with the batch that brought them. */
static uint64_t failures_of(const struct sl_rejects *rejects, size_t n)
{
    return rejects->failed[n] - rejects->by_file[n] + rejects->postponed[n].groups;
}

/* Records an operator had to do with. What a source refused did not come out of it. */
static uint64_t rows_seen(const struct sl_rejects *rejects, const uint64_t *rows, size_t n)
{
    bool is_source = rejects->pipelines->node[n]->op->kind == SL_OP_SOURCE;
    return rows[n] + (is_source ? failures_of(rejects, n) : 0);
}

int sl_error_rate_operators(struct sl_rejects *rejects, const uint64_t *rows, double rate,
                            struct sl_error *err)
{
    for (size_t n = 0; n < rejects->pipelines->nodes; n++) {
        uint64_t seen = rows_seen(rejects, rows, n);
        if (seen < SL_ERROR_RATE_RECORDS_MIN || (double)failures_of(rejects, n) <= rate * (double)seen)
            continue;
        const struct sl_site *site = &rejects->pipelines->node[n]->site;
        const char *example = sl_rejects_example(rejects, (unsigned)n);
        return sl_error_set(
            err, SL_EFAIL,
            "%s:%d: %s failed on %llu of %llu records (maxErrorRate is %g), for example: %s; correct the job or the data, "
            "or raise maxErrorRate",
            site->file, site->line, site->name, (unsigned long long)failures_of(rejects, n),
            (unsigned long long)seen, rate, example ? sl_site_strip(site, example) : "");
    }
    return 0;
}
