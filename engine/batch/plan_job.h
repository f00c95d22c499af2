/* What a plan carries of its job, so that it is redone as it was planned or not at all.
 *
 * The catalog keeps, beside the plan's time, files and positions, a text with one line per output that makes
 * directories: prefix, suffix, slide, whether it may replace, and a digest of its operators up to the sources
 * with their parameters and durations (functions by name only: a failing one may be corrected). From it a start
 * knows, whatever the job looks like by then:
 *
 *   1. whether the batch would be redone as it was planned. A job with another interval, other durations,
 *      operators or formats is refused by name before anything is touched (sl_plan_job_check); with
 *      --accept-changes it is redone with the job as it is now, unless one of its streams has no batch at
 *      that time: then its records would be in no output.
 *   2. which directories an interrupted try may have shown (sl_plan_job_each). Before a redo shows anything,
 *      each of them that exists must be what the redo makes (sl_plan_job_check_shown), or the run stops with
 *      SL_EDAMAGED; what the try left under hidden names is removed. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_batch;
struct sl_run;

/* The text for run->job_text. SL_ENOMEM or 0. */
int sl_plan_job_make(struct sl_run *run, struct sl_error *err);

/* planned: progress.job, NULL where an older version planned. SL_EUSAGE names what has changed. */
int sl_plan_job_check(const struct sl_run *run, const char *planned, int64_t batch_ms, struct sl_error *err);

/* A directory that a batch with this plan may have shown. */
struct sl_plan_directory {
    char *prefix, *suffix; /* borrowed until the visit returns */
    bool replaces;         /* overwrite = true: what is there may be anything */
};
typedef int sl_plan_job_visit(void *arg, const struct sl_plan_directory *directory, struct sl_error *err);
int sl_plan_job_each(const char *planned, sl_plan_job_visit *visit, void *arg, struct sl_error *err);

/* Before a batch that is redone shows anything: see above. */
int sl_plan_job_check_shown(struct sl_batch *batch, struct sl_error *err);
