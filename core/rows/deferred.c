/* Datasets whose rows are made when they are first read, and what is known of the rows before that
 * (core/rows/dataset.h). */
#include "core/rows/dataset.h"

#include "core/base/error.h"

#include <stdlib.h>

struct sl_dataset *sl_dataset_defer(uint64_t count, struct sl_lazy_rows *recipe)
{
    struct sl_dataset *dataset = sl_dataset_new(1);
    if (!dataset) {
        recipe->done(recipe);
        return NULL;
    }
    dataset->recipe = recipe;
    dataset->count = dataset->partition[0].count = count;
    atomic_init(&dataset->deferred, count > 0);
    return dataset;
}

/* Counts stay as they are: others read them meanwhile. */
static int make_rows(struct sl_dataset *dataset, struct sl_pool *pool)
{
    struct sl_partition *partition = &dataset->partition[0];
    struct sl_slice *slice = malloc(sizeof *slice);
    struct sl_rows *rows;
    int r = slice ? dataset->recipe->make(dataset->recipe, pool, &rows) : SL_ENOMEM;
    if (r < 0) {
        free(slice);
        return r;
    }
    sl_assert(rows->count == dataset->count);
    *slice = (struct sl_slice){rows, 0, rows->count};
    partition->slice = slice;
    partition->slices = partition->capacity = 1;
    return 0;
}

int sl_dataset_resolve(struct sl_dataset *dataset, struct sl_pool *pool)
{
    int r = 0;
    if (!atomic_load_explicit(&dataset->deferred, memory_order_acquire))
        return 0;
    pthread_mutex_lock(&dataset->making);
    if (atomic_load_explicit(&dataset->deferred, memory_order_relaxed))
        r = make_rows(dataset, pool);
    if (r == 0)
        atomic_store_explicit(&dataset->deferred, false, memory_order_release);
    pthread_mutex_unlock(&dataset->making);
    return r;
}

void sl_dataset_revise(struct sl_dataset *dataset, const void *of, uint64_t number,
                       struct sl_dataset *changes)
{
    sl_dataset_unref(dataset->revision.changes);
    dataset->revision = (struct sl_revision){of, number, sl_dataset_ref(changes)};
}
