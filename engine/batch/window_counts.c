#include "engine/batch/window_counts.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

enum { FORGET_MIN = 1024 };

void sl_window_counts_done(struct sl_window_counts *counts)
{
    free(counts->entry);
    *counts = (struct sl_window_counts){0};
}

/* How many entries are of batches up to this time. */
static size_t find(const struct sl_window_counts *counts, int64_t until_ms)
{
    size_t from = 0, to = counts->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (counts->entry[middle].batch_ms <= until_ms)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* In large steps, so that each entry is moved once on the average; one stays for the total before the others. */
static void forget(struct sl_window_counts *counts, int64_t until_ms)
{
    size_t gone = find(counts, until_ms);
    if (gone < FORGET_MIN || gone < counts->count / 2)
        return;
    gone--;
    counts->count -= gone;
    memmove(counts->entry, counts->entry + gone, counts->count * sizeof *counts->entry);
}

int sl_window_counts_add(struct sl_window_counts *counts, int64_t batch_ms, uint64_t files, int64_t reach_ms)
{
    if (counts->count == counts->capacity)
        forget(counts, batch_ms - reach_ms);
    struct sl_window_count *grown =
        sl_array_grow(counts->entry, counts->count, &counts->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    uint64_t before = counts->count ? grown[counts->count - 1].total : 0;
    counts->entry = grown;
    grown[counts->count++] = (struct sl_window_count){batch_ms, before + files};
    return 0;
}

uint64_t sl_window_counts_since(const struct sl_window_counts *counts, int64_t after_ms)
{
    size_t before = find(counts, after_ms);
    uint64_t all = counts->count ? counts->entry[counts->count - 1].total : 0;
    return all - (before ? counts->entry[before - 1].total : 0);
}
