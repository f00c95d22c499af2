#include "core/rows/sorted_rows.h"

#include "core/base/error.h"
#include "core/rows/sorted_rows_merge.h"

#include <stdlib.h>

/* ---- a revision as a dataset ---- */

struct revision {
    struct sl_lazy_rows recipe; /* first */
    size_t runs;
    struct sl_rows *run[];
};

static void revision_done(struct sl_lazy_rows *recipe)
{
    struct revision *revision = (struct revision *)recipe;
    for (size_t i = 0; i < revision->runs; i++)
        sl_rows_unref(revision->run[i]);
    free(revision);
}

/* From the newest, which are small, to the oldest. */
static int merge_all(struct sl_rows *const *run, size_t runs, struct sl_pool *pool, struct sl_rows **ret)
{
    struct sl_rows *all = runs ? sl_rows_ref(run[runs - 1]) : sl_rows_new();
    if (!all)
        return SL_ENOMEM;
    for (size_t i = runs; i-- > 1;) {
        struct sl_rows *merged;
        int r = sl_sorted_rows_merge(run[i - 1], all, i == 1, pool, &merged);
        sl_rows_unref(all);
        if (r < 0)
            return r;
        all = merged;
    }
    *ret = all;
    return 0;
}

int sl_sorted_rows_rows(const struct sl_sorted_rows *keyed, struct sl_rows **ret)
{
    return merge_all(keyed->run, keyed->runs, NULL, ret);
}

static int revision_make(const struct sl_lazy_rows *recipe, struct sl_pool *pool, struct sl_rows **ret)
{
    const struct revision *revision = (const struct revision *)recipe;
    return merge_all(revision->run, revision->runs, pool, ret);
}

static struct sl_dataset *revision_dataset(const struct sl_sorted_rows *keyed, uint64_t count)
{
    struct revision *revision =
        malloc(sizeof *revision + (keyed->runs ? keyed->runs : 1) * sizeof(struct sl_rows *));
    if (!revision)
        return NULL;
    *revision = (struct revision){{revision_make, revision_done}, keyed->runs};
    for (size_t i = 0; i < keyed->runs; i++)
        revision->run[i] = sl_rows_ref(keyed->run[i]);
    return sl_dataset_defer(count, &revision->recipe);
}

/* ---- adding ---- */

void sl_sorted_rows_done(struct sl_sorted_rows *keyed)
{
    for (size_t i = 0; i < keyed->runs; i++)
        sl_rows_unref(keyed->run[i]);
    sl_dataset_unref(keyed->newest);
    *keyed = (struct sl_sorted_rows){0};
}

/* The newest revision was read: its rows are the only run from now on. */
static void begin_with_made(struct sl_sorted_rows *keyed)
{
    const struct sl_dataset *newest = keyed->newest;
    if (keyed->runs < 2 || newest->deferred || !newest->count)
        return;
    for (size_t i = 0; i < keyed->runs; i++)
        sl_rows_unref(keyed->run[i]);
    keyed->run[0] = sl_rows_ref(newest->partition[0].slice[0].rows);
    keyed->runs = 1;
}

static int merge_last_two(struct sl_sorted_rows *keyed, struct sl_pool *pool)
{
    struct sl_rows **last = &keyed->run[keyed->runs - 2], *merged;
    int r = sl_sorted_rows_merge(last[0], last[1], keyed->runs == 2, pool, &merged);
    if (r < 0)
        return r;
    sl_rows_unref(last[0]);
    sl_rows_unref(last[1]);
    last[0] = merged;
    keyed->runs--;
    return 0;
}

/* The oldest run has no removed keys. */
static int push_oldest(struct sl_sorted_rows *keyed, struct sl_rows *changes)
{
    struct sl_rows *none = sl_rows_new();
    int r = none ? sl_sorted_rows_merge(changes, none, true, NULL, &keyed->run[0]) : SL_ENOMEM;
    sl_rows_unref(none);
    if (r == 0)
        keyed->runs = 1;
    return r;
}

static bool has_gone(const struct sl_rows *rows)
{
    for (size_t i = 0; i < rows->chunks; i++)
        if (rows->chunk[i]->width == 1)
            return true;
    return false;
}

static int push_run(struct sl_sorted_rows *keyed, struct sl_pool *pool, struct sl_rows *changes)
{
    int r = 0;
    if (!changes->count)
        return 0;
    if (keyed->runs == 0 && has_gone(changes))
        return push_oldest(keyed, changes);
    keyed->run[keyed->runs++] = sl_rows_ref(changes);
    while (r == 0 && keyed->runs > 1 &&
           keyed->run[keyed->runs - 2]->count < 2 * keyed->run[keyed->runs - 1]->count)
        r = merge_last_two(keyed, pool);
    return r;
}

static int show(struct sl_sorted_rows *keyed, struct sl_rows *changes, uint64_t count)
{
    struct sl_dataset *dataset = revision_dataset(keyed, count);
    struct sl_dataset *changed = sl_dataset_of(sl_rows_ref(changes));
    if (dataset && changed)
        sl_dataset_revise(dataset, keyed, ++keyed->revisions, changed);
    sl_dataset_unref(changed);
    if (!changed || !dataset) {
        sl_dataset_unref(dataset);
        return SL_ENOMEM;
    }
    sl_dataset_unref(keyed->newest);
    keyed->newest = dataset;
    return 0;
}

int sl_sorted_rows_add(struct sl_sorted_rows *keyed, struct sl_pool *pool, struct sl_rows *changes,
                       uint64_t count)
{
    if (keyed->newest)
        begin_with_made(keyed);
    int r = push_run(keyed, pool, changes);
    if (r == 0)
        r = show(keyed, changes, count);
    sl_rows_unref(changes);
    return r;
}
