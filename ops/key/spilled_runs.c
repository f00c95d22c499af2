#include "ops/key/spilled_runs.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"

#include <stdlib.h>

enum {
    RUN_BYTES = 128 << 10, /* what reading a run takes, about */
    RUNS_MIN = 8,          /* read at once */
    RUNS_MAX = 128,
    RANGE_ROWS = 64 << 10, /* worth a task of its own */
    RANGES_PER_WORKER = 4,
};

int sl_spilled_runs_init(struct sl_spilled_runs *runs, struct sl_stage *stage)
{
    *runs = (struct sl_spilled_runs){.stage = stage};
    struct sl_spill *spill = stage->services ? stage->services->spill : NULL;
    if (!spill || !stage->node->op->wide->bounded)
        return 0;
    runs->file = calloc(sl_pool_workers(stage->pool), sizeof(struct sl_spill_file *));
    if (!runs->file)
        return SL_ENOMEM;
    pthread_mutex_init(&runs->lock, NULL);
    runs->spill = spill;
    return 0;
}

void sl_spilled_runs_done(struct sl_spilled_runs *runs)
{
    if (!runs->spill)
        return;
    for (size_t i = 0; i < runs->count; i++)
        runs->spill->ops->free(runs->run[i].stored);
    for (unsigned w = 0; w < sl_pool_workers(runs->stage->pool); w++)
        runs->spill->ops->close(runs->file[w]);
    free(runs->run);
    free(runs->file);
    pthread_mutex_destroy(&runs->lock);
    *runs = (struct sl_spilled_runs){0};
}

size_t sl_spilled_runs_bytes(const struct sl_spilled_runs *runs)
{
    return runs->spill->bytes * sl_pool_workers(runs->stage->pool);
}

int sl_spilled_runs_file(struct sl_spilled_runs *runs, struct sl_task *task, struct sl_spill_file **ret)
{
    struct sl_spill_file **file = &runs->file[task->worker];
    int r = *file ? 0 : runs->spill->ops->open(runs->spill, file, task->err);
    if (r == 0)
        *ret = *file;
    return r;
}

static struct sl_spilled_run *new_run(struct sl_spilled_runs *runs)
{
    struct sl_spilled_run *grown = sl_array_grow(runs->run, runs->count, &runs->capacity, sizeof *grown);
    if (!grown)
        return NULL;
    runs->run = grown;
    return &runs->run[runs->count++];
}

int sl_spilled_runs_end(struct sl_spilled_runs *runs, struct sl_task *task,
                        const struct sl_position *position, uint32_t number)
{
    struct sl_spilled_run run = {.number = number, .position = *position};
    int r = runs->spill->ops->end(runs->file[task->worker], &run.stored, task->err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&runs->lock);
    struct sl_spilled_run *place = new_run(runs);
    if (place)
        *place = run;
    pthread_mutex_unlock(&runs->lock);
    if (place)
        return 0;
    runs->spill->ops->free(run.stored);
    return SL_ENOMEM;
}

int sl_spilled_runs_adopt(struct sl_spilled_runs *to, struct sl_spilled_runs *from)
{
    while (from->count) {
        struct sl_spilled_run *place = new_run(to);
        if (!place)
            return SL_ENOMEM;
        *place = from->run[--from->count];
    }
    return 0;
}

/* ---- merging ---- */

struct plan {
    struct sl_stage *stage;
    struct sl_spill *spill;
    bool descending;
    sl_spilled_runs_write *write;
    void *arg;
    struct sl_stored *const *run;
    size_t count;
    struct sl_field *cut; /* [cuts]: range i is from cut[i - 1] to cut[i] */
    size_t cuts;
    struct sl_spill_file **file; /* [workers], NULL until needed */
    struct sl_stored **result;   /* [cuts + 1] */
};

static int merge_range(void *arg, size_t range, struct sl_task *task)
{
    struct plan *plan = arg;
    const struct sl_spill_ops *ops = plan->spill->ops;
    const struct sl_field *from = range ? &plan->cut[range - 1] : NULL;
    const struct sl_field *to = range < plan->cuts ? &plan->cut[range] : NULL;
    struct sl_merge merge;
    int r = plan->file[task->worker] ? 0 : ops->open(plan->spill, &plan->file[task->worker], task->err);
    if (r == 0)
        r = sl_merge_open(&merge, plan->run, plan->count, plan->descending, from, to, task->err);
    if (r < 0)
        return r;
    r = plan->write(plan->arg, &merge, task, plan->file[task->worker]);
    sl_merge_close(&merge);
    return r < 0 ? r : ops->end(plan->file[task->worker], &plan->result[range], task->err);
}

static int dataset_of(struct plan *plan, struct sl_dataset **ret)
{
    struct sl_dataset *dataset = sl_dataset_new(1);
    int r = dataset ? 0 : SL_ENOMEM;
    for (size_t i = 0; i <= plan->cuts && r == 0; i++) {
        struct sl_rows *rows = sl_rows_stored(plan->result[i]);
        plan->result[i] = NULL;
        r = rows ? sl_dataset_add(dataset, 0, rows, 0, rows->count) : SL_ENOMEM;
        sl_rows_unref(rows);
    }
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}

static size_t choose_cuts(const struct plan *plan)
{
    size_t ranges = RANGES_PER_WORKER * sl_pool_workers(plan->stage->pool);
    uint64_t rows = 0;
    for (size_t i = 0; i < plan->count; i++)
        rows += plan->run[i]->rows;
    return rows / RANGE_ROWS < ranges ? (size_t)(rows / RANGE_ROWS) : ranges - 1;
}

static int merge_ranges(struct plan *plan, struct sl_dataset **ret)
{
    struct sl_stage *stage = plan->stage;
    struct sl_arena keys = {0};
    size_t cuts = choose_cuts(plan);
    plan->cut = calloc(cuts + 1, sizeof *plan->cut);
    plan->result = calloc(cuts + 1, sizeof(struct sl_stored *));
    int r = plan->cut && plan->result ? 0 : SL_ENOMEM;
    if (r == 0)
        r = sl_merge_cut(plan->run, plan->count, plan->descending, cuts, &keys, plan->cut, &plan->cuts,
                         stage->err);
    r = r < 0 ? r : sl_stage_run(stage, plan->cuts + 1, merge_range, plan);
    r = r < 0 ? r : dataset_of(plan, ret);
    for (size_t i = 0; plan->result && i <= plan->cuts; i++)
        plan->spill->ops->free(plan->result[i]);
    free(plan->result);
    free(plan->cut);
    sl_arena_done(&keys);
    return r;
}

static size_t runs_at_once(const struct sl_spilled_runs *runs)
{
    size_t count = runs->spill->bytes / RUN_BYTES;
    return count < RUNS_MIN ? RUNS_MIN : count > RUNS_MAX ? RUNS_MAX : count;
}

static int compare_runs(const void *a, const void *b)
{
    const struct sl_spilled_run *left = a, *right = b;
    int order = sl_position_compare(&left->position, &right->position);
    return order ? order : (left->number > right->number) - (left->number < right->number);
}

/* The runs in order as an array of their own; runs->run[] gives them up. */
static struct sl_stored **take_runs(struct sl_spilled_runs *runs)
{
    struct sl_stored **run = calloc(runs->count + 1, sizeof(struct sl_stored *));
    if (!run)
        return NULL;
    if (runs->count > 1)
        qsort(runs->run, runs->count, sizeof *runs->run, compare_runs);
    for (size_t i = 0; i < runs->count; i++)
        run[i] = runs->run[i].stored;
    runs->count = 0;
    return run;
}

int sl_stored_runs_merge(struct sl_stage *stage, struct sl_spill *spill, struct sl_stored *const *run,
                         size_t count, bool descending, struct sl_spill_file **file,
                         sl_spilled_runs_write *write, void *arg, struct sl_dataset **ret)
{
    unsigned workers = sl_pool_workers(stage->pool);
    struct plan plan = {.stage = stage,
                        .spill = spill,
                        .descending = descending,
                        .write = write,
                        .arg = arg,
                        .run = run,
                        .count = count,
                        .file = file ? file : calloc(workers, sizeof(struct sl_spill_file *))};
    int r = plan.file ? merge_ranges(&plan, ret) : SL_ENOMEM;
    for (unsigned w = 0; !file && plan.file && w < workers; w++)
        spill->ops->close(plan.file[w]);
    if (!file)
        free(plan.file);
    return r;
}

int sl_spilled_runs_merge(struct sl_spilled_runs *runs, bool descending, sl_spilled_runs_write *write,
                          void *arg, struct sl_dataset **ret)
{
    size_t all = runs->count, count = all;
    struct sl_stored **run = take_runs(runs);
    int r = run ? 0 : SL_ENOMEM;
    if (r == 0)
        r = sl_merge_fewer(runs->stage, runs->spill, run, &count, runs_at_once(runs), descending);
    r = r < 0 ? r
              : sl_stored_runs_merge(runs->stage, runs->spill, run, count, descending, runs->result_file,
                                     write, arg, ret);
    for (size_t i = 0; run && i < all; i++)
        runs->spill->ops->free(run[i]);
    free(run);
    return r;
}
