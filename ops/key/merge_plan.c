/* Sharing the work of a merge out: by ranges of keys, and in passes where there are too many runs. */
#include "core/base/error.h"
#include "ops/key/merge_runs.h"

#include <stdlib.h>
#include <string.h>

/* ---- ranges ---- */

enum { SAMPLES_PER_CUT = 32 };

struct sample {
    struct sl_field key;
    bool descending;
};

static int compare_samples(const void *a, const void *b)
{
    const struct sample *left = a, *right = b;
    int order = sl_field_compare(&left->key, &right->key);
    return left->descending ? -order : order;
}

/* The first keys of `count` blocks, evenly spread. */
static int take_samples(const struct sl_stored *run, size_t count, bool descending, struct sl_arena *arena,
                        struct sample *sample, struct sl_error *err)
{
    struct sl_arena block = {0};
    struct sl_chunk *chunk;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        sl_arena_reset(&block);
        r = run->spill->ops->load(run, i * run->blocks / count, &block, &chunk, err);
        if (r == 0 && !sl_field_copy(arena, &chunk->column[0][0], &sample[i].key))
            r = sl_error_nomem(err);
        sample[i].descending = descending;
    }
    sl_arena_done(&block);
    return r;
}

static size_t count_blocks(struct sl_stored *const *run, size_t runs)
{
    size_t blocks = 0;
    for (size_t i = 0; i < runs; i++)
        blocks += run[i]->blocks;
    return blocks;
}

/* Every run's share of `wanted` samples, by its blocks. */
static size_t share_of(const struct sl_stored *run, size_t wanted, size_t blocks)
{
    size_t share = (run->blocks * wanted + blocks - 1) / blocks;
    return share < run->blocks ? share : run->blocks;
}

int sl_merge_cut(struct sl_stored *const *run, size_t runs, bool descending, size_t cuts,
                 struct sl_arena *arena, struct sl_field *key, size_t *ret_cuts, struct sl_error *err)
{
    size_t blocks = count_blocks(run, runs), wanted = (cuts + 1) * SAMPLES_PER_CUT, count = 0, made = 0;
    *ret_cuts = 0;
    if (!blocks || !cuts)
        return 0;
    struct sample *sample = calloc(wanted + runs, sizeof *sample);
    int r = sample ? 0 : sl_error_nomem(err);
    for (size_t i = 0; r == 0 && i < runs; i++) {
        size_t share = share_of(run[i], wanted, blocks);
        r = take_samples(run[i], share, descending, arena, sample + count, err);
        count += share;
    }
    if (r == 0 && count > 1)
        qsort(sample, count, sizeof *sample, compare_samples);
    for (size_t i = 1; r == 0 && i <= cuts; i++) {
        const struct sl_field *candidate = &sample[i * count / (cuts + 1)].key;
        if (made == 0 || sl_field_compare(&key[made - 1], candidate) != 0)
            key[made++] = *candidate;
    }
    free(sample);
    *ret_cuts = made;
    return r;
}

/* ---- passes ---- */

struct pass {
    struct sl_stage *stage;
    struct sl_spill_file **file; /* [workers] */
    struct sl_stored **run;
    size_t runs, group; /* runs that become one */
    bool descending;
    struct sl_stored **result;
};

static int copy_rows(struct sl_merge *merge, struct sl_spill_file *file, const struct sl_spill_ops *ops,
                     const _Atomic int *stop, struct sl_error *err)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    int r;
    while ((r = sl_merge_next(merge, fields, &width, err)) > 0) {
        r = ops->row(file, fields, width, err);
        if (r < 0)
            return r;
        if (stop && atomic_load_explicit(stop, memory_order_relaxed))
            return SL_ESTOP;
    }
    return r;
}

static int merge_group(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct pass *pass = arg;
    size_t from = number * pass->group,
           count = pass->runs - from < pass->group ? pass->runs - from : pass->group;
    const struct sl_spill_ops *ops = pass->run[from]->spill->ops;
    struct sl_merge merge;
    int r = pass->file[worker] ? 0 : ops->open(pass->run[from]->spill, &pass->file[worker], err);
    if (r == 0)
        r = sl_merge_open(&merge, pass->run + from, count, pass->descending, NULL, NULL, err);
    if (r < 0)
        return r;
    r = copy_rows(&merge, pass->file[worker], ops, pass->stage->tasks[worker].stop, err);
    sl_merge_close(&merge);
    if (r < 0)
        return r;
    r = ops->end(pass->file[worker], &pass->result[number], err);
    for (size_t i = from; r == 0 && i < from + count; i++) {
        ops->free(pass->run[i]);
        pass->run[i] = NULL;
    }
    return r;
}

static int run_pass(struct pass *pass, const struct sl_spill_ops *ops)
{
    unsigned workers = sl_pool_workers(pass->stage->pool);
    size_t groups = (pass->runs + pass->group - 1) / pass->group;
    pass->file = calloc(workers, sizeof(struct sl_spill_file *));
    pass->result = calloc(groups, sizeof(struct sl_stored *));
    int r = pass->file && pass->result
                ? sl_pool_run(pass->stage->pool, groups, merge_group, pass, pass->stage->err)
                : sl_error_nomem(pass->stage->err);
    for (unsigned w = 0; pass->file && w < workers; w++)
        ops->close(pass->file[w]);
    /* After a failure some groups are one run and some are not: all stay findable in run[]. */
    for (size_t g = 0; pass->result && g < groups; g++)
        if (pass->result[g])
            pass->run[r == 0 ? g : g * pass->group] = pass->result[g];
    if (r == 0)
        pass->runs = groups;
    free(pass->file);
    free(pass->result);
    return r;
}

int sl_merge_fewer(struct sl_stage *stage, struct sl_spill *spill, struct sl_stored **run, size_t *runs,
                   size_t runs_max, bool descending)
{
    struct pass pass = {
        .stage = stage, .run = run, .runs = *runs, .group = runs_max, .descending = descending};
    int r = 0;
    sl_assert(runs_max > 1);
    while (r == 0 && pass.runs > runs_max)
        r = run_pass(&pass, spill->ops);
    *runs = pass.runs;
    return r;
}
