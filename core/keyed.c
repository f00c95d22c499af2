#include "core/keyed.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- two runs become one ---- */

/* Where a run is read. */
struct place {
    const struct sl_rows *rows;
    size_t chunk;
    uint32_t row;
};

struct merging {
    struct place old, newer;
    struct sl_rows *to;
    bool oldest; /* nothing is below: rows that say a key is gone have done their work */
};

static const struct sl_chunk *chunk_at(const struct place *place)
{
    return place->chunk < place->rows->chunks ? place->rows->chunk[place->chunk] : NULL;
}

static void step(struct place *place, uint32_t rows)
{
    place->row += rows;
    if (place->row < chunk_at(place)->rows)
        return;
    place->chunk++;
    place->row = 0;
}

static const struct sl_field *key_at(const struct place *place)
{
    const struct sl_chunk *chunk = chunk_at(place);
    return chunk ? &chunk->column[0][place->row] : NULL;
}

/* The next `rows` rows of the place's chunk. */
static int append(struct merging *merging, struct place *place, uint32_t rows)
{
    const struct sl_chunk *chunk = chunk_at(place);
    struct sl_chunk part = {.rows = rows, .width = chunk->width};
    for (uint32_t c = 0; c < chunk->width; c++)
        part.column[c] = chunk->column[c] + place->row;
    int r = merging->oldest && chunk->width == 1 ? 0 : sl_rows_append(merging->to, &part);
    step(place, rows);
    return r;
}

/* The first row of the chunk, from `row` on, whose key is not before this one; chunk->rows: none. */
static uint32_t first_not_before(const struct sl_chunk *chunk, uint32_t row, const struct sl_field *key)
{
    uint32_t to = chunk->rows;
    if (sl_field_compare(&chunk->column[0][to - 1], key) < 0)
        return to;
    while (row < to) {
        uint32_t middle = row + (to - row) / 2;
        if (sl_field_compare(&chunk->column[0][middle], key) < 0)
            row = middle + 1;
        else
            to = middle;
    }
    return row;
}

/* All old rows before the key; one of the key itself is passed over. key: NULL for all that is left. */
static int append_old(struct merging *merging, const struct sl_field *key)
{
    const struct sl_chunk *chunk;
    struct place *old = &merging->old;
    while ((chunk = chunk_at(old))) {
        uint32_t end = key ? first_not_before(chunk, old->row, key) : chunk->rows;
        bool ends_here = end < chunk->rows;
        int r = end > old->row ? append(merging, old, end - old->row) : 0;
        if (r < 0)
            return r;
        if (ends_here)
            break;
    }
    if (key && chunk_at(old) && sl_field_equals(key_at(old), key))
        step(old, 1);
    return 0;
}

static int merge(const struct sl_rows *old, const struct sl_rows *newer, bool oldest, struct sl_rows **ret)
{
    struct merging merging = {{old, 0, 0}, {newer, 0, 0}, sl_rows_new(), oldest};
    int r = merging.to ? 0 : SL_ENOMEM;
    while (r == 0 && chunk_at(&merging.newer)) {
        r = append_old(&merging, key_at(&merging.newer));
        if (r == 0)
            r = append(&merging, &merging.newer, 1);
    }
    if (r == 0)
        r = append_old(&merging, NULL);
    if (r < 0) {
        sl_rows_unref(merging.to);
        return r;
    }
    *ret = merging.to;
    return 0;
}

/* ---- a revision as a dataset ---- */

struct revision {
    struct sl_recipe recipe; /* first */
    size_t runs;
    struct sl_rows *run[];
};

static void revision_done(struct sl_recipe *recipe)
{
    struct revision *revision = (struct revision *)recipe;
    for (size_t i = 0; i < revision->runs; i++)
        sl_rows_unref(revision->run[i]);
    free(revision);
}

/* From the newest, which are small, to the oldest. */
static int merge_all(struct sl_rows *const *run, size_t runs, struct sl_rows **ret)
{
    struct sl_rows *all = runs ? sl_rows_ref(run[runs - 1]) : sl_rows_new();
    if (!all)
        return SL_ENOMEM;
    for (size_t i = runs; i-- > 1;) {
        struct sl_rows *merged;
        int r = merge(run[i - 1], all, i == 1, &merged);
        sl_rows_unref(all);
        if (r < 0)
            return r;
        all = merged;
    }
    *ret = all;
    return 0;
}

int sl_keyed_rows(const struct sl_keyed *keyed, struct sl_rows **ret)
{
    return merge_all(keyed->run, keyed->runs, ret);
}

static int revision_make(const struct sl_recipe *recipe, struct sl_rows **ret)
{
    const struct revision *revision = (const struct revision *)recipe;
    return merge_all(revision->run, revision->runs, ret);
}

static struct sl_dataset *revision_dataset(const struct sl_keyed *keyed, uint64_t count)
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

void sl_keyed_done(struct sl_keyed *keyed)
{
    for (size_t i = 0; i < keyed->runs; i++)
        sl_rows_unref(keyed->run[i]);
    sl_dataset_unref(keyed->newest);
    *keyed = (struct sl_keyed){0};
}

/* Somebody read the newest revision: its rows are the only run from now on. */
static void begin_with_made(struct sl_keyed *keyed)
{
    const struct sl_dataset *newest = keyed->newest;
    if (keyed->runs < 2 || newest->deferred || !newest->count)
        return;
    for (size_t i = 0; i < keyed->runs; i++)
        sl_rows_unref(keyed->run[i]);
    keyed->run[0] = sl_rows_ref(newest->partition[0].slice[0].rows);
    keyed->runs = 1;
}

static int merge_last_two(struct sl_keyed *keyed)
{
    struct sl_rows **last = &keyed->run[keyed->runs - 2], *merged;
    int r = merge(last[0], last[1], keyed->runs == 2, &merged);
    if (r < 0)
        return r;
    sl_rows_unref(last[0]);
    sl_rows_unref(last[1]);
    last[0] = merged;
    keyed->runs--;
    return 0;
}

/* The oldest run says of no key that it is gone. */
static int push_oldest(struct sl_keyed *keyed, struct sl_rows *changes)
{
    struct sl_rows *none = sl_rows_new();
    int r = none ? merge(changes, none, true, &keyed->run[0]) : SL_ENOMEM;
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

static int push_run(struct sl_keyed *keyed, struct sl_rows *changes)
{
    int r = 0;
    if (!changes->count)
        return 0;
    if (keyed->runs == 0 && has_gone(changes))
        return push_oldest(keyed, changes);
    keyed->run[keyed->runs++] = sl_rows_ref(changes);
    while (r == 0 && keyed->runs > 1 &&
           keyed->run[keyed->runs - 2]->count < 2 * keyed->run[keyed->runs - 1]->count)
        r = merge_last_two(keyed);
    return r;
}

static int show(struct sl_keyed *keyed, struct sl_rows *changes, uint64_t count)
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

int sl_keyed_add(struct sl_keyed *keyed, struct sl_rows *changes, uint64_t count)
{
    if (keyed->newest)
        begin_with_made(keyed);
    int r = push_run(keyed, changes);
    if (r == 0)
        r = show(keyed, changes, count);
    sl_rows_unref(changes);
    return r;
}
