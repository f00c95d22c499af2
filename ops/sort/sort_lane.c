#include "ops/sort/sort_lane.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

struct sl_sort_lane *sl_sort_lane_new(void)
{
    return calloc(1, sizeof(struct sl_sort_lane));
}

void sl_sort_lane_free(struct sl_sort_lane *lane)
{
    if (!lane)
        return;
    sl_arena_done(&lane->arena);
    free(lane->entry);
    free(lane);
}

/* ---- entries ---- */

/* Copies key and record into the arena; the bytes of a key that is part of the record are copied once. */
static int copy_entry(const struct sl_sorting *sorting, struct sl_arena *arena, const struct sl_field *key,
                      const struct sl_field *fields, uint32_t width, struct sl_group_entry *ret)
{
    struct sl_sort_record *record = sl_arena_alloc(arena, sizeof *record + width * sizeof *fields);
    if (!record)
        return SL_ENOMEM;
    record->width = width;
    for (uint32_t c = 0; c < width; c++)
        if (!sl_field_copy(arena, &fields[c], &record->field[c]))
            return SL_ENOMEM;
    ret->state.pointer = record;
    switch (sorting->by) {
    case SL_SORT_BY_RECORD:
        ret->key = width == 1 ? record->field[0] : sl_list(record->field, width);
        return 0;
    case SL_SORT_BY_KEY:
        ret->key = record->field[0];
        return 0;
    case SL_SORT_BY_FUNCTION:
        return sl_field_copy(arena, key, &ret->key) ? 0 : SL_ENOMEM;
    }
    sl_assert(!"there is no such way to sort");
}

static bool make_room(struct sl_sort_lane *lane)
{
    struct sl_group_entry *entry = sl_array_grow(lane->entry, lane->count, &lane->capacity, sizeof *entry);
    if (!entry)
        return false;
    lane->entry = entry;
    return true;
}

/* ---- keeping the first rows_max of a lane ---- */

enum { KEPT_MIN = SL_CHUNK_ROWS }; /* small n: sorted once for many rows all the same */

static int compare_ascending(const void *a, const void *b)
{
    const struct sl_group_entry *left = *(const struct sl_group_entry *const *)a;
    const struct sl_group_entry *right = *(const struct sl_group_entry *const *)b;
    int order = sl_field_compare(&left->key, &right->key);
    return order ? order : (left > right) - (left < right);
}

static int compare_descending(const void *a, const void *b)
{
    const struct sl_group_entry *left = *(const struct sl_group_entry *const *)a;
    const struct sl_group_entry *right = *(const struct sl_group_entry *const *)b;
    int order = sl_field_compare(&right->key, &left->key);
    return order ? order : (left > right) - (left < right);
}

/* Copies the entries that stay to fresh memory. */
static int keep_best(const struct sl_sorting *sorting, struct sl_sort_lane *lane,
                     const struct sl_group_entry *const *best, struct sl_arena *arena,
                     struct sl_group_entry *entry)
{
    for (size_t i = 0; i < sorting->rows_max; i++) {
        const struct sl_sort_record *record = best[i]->state.pointer;
        int r = copy_entry(sorting, arena, &best[i]->key, record->field, record->width, &entry[i]);
        if (r < 0)
            return r;
    }
    sl_arena_done(&lane->arena);
    lane->arena = *arena;
    memcpy(lane->entry, entry, sorting->rows_max * sizeof *entry);
    lane->count = sorting->rows_max;
    lane->pruned = true;
    return 0;
}

static int prune(const struct sl_sorting *sorting, struct sl_sort_lane *lane)
{
    struct sl_arena arena;
    sl_arena_init(&arena);
    const struct sl_group_entry **order = malloc(lane->count * sizeof *order);
    struct sl_group_entry *entry = malloc(sorting->rows_max * sizeof *entry);
    int r = order && entry ? 0 : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < lane->count; i++)
        order[i] = &lane->entry[i];
    if (r == 0) {
        qsort(order, lane->count, sizeof *order,
              sorting->descending ? compare_descending : compare_ascending);
        r = keep_best(sorting, lane, order, &arena, entry);
    }
    if (r < 0)
        sl_arena_done(&arena);
    free(order);
    free(entry);
    return r;
}

/* Whether a row with that key can be among the first rows_max: of equal keys the earlier row is. */
static bool is_wanted(const struct sl_sorting *sorting, const struct sl_sort_lane *lane,
                      const struct sl_field *key)
{
    if (!lane->pruned)
        return sorting->rows_max > 0;
    int order = sl_field_compare(key, &lane->entry[sorting->rows_max - 1].key);
    return sorting->descending ? order > 0 : order < 0;
}

static bool is_full(const struct sl_sorting *sorting, const struct sl_sort_lane *lane)
{
    return sorting->rows_max < UINT64_MAX / 2 && lane->count >= 2 * sorting->rows_max &&
           lane->count >= KEPT_MIN;
}

int sl_sort_lane_add(const struct sl_sorting *sorting, struct sl_sort_lane *lane, const struct sl_field *key,
                     const struct sl_field *fields, uint32_t width)
{
    if (!is_wanted(sorting, lane, key))
        return 0;
    if (!make_room(lane))
        return SL_ENOMEM;
    int r = copy_entry(sorting, &lane->arena, key, fields, width, &lane->entry[lane->count]);
    if (r < 0)
        return r;
    lane->count++;
    return is_full(sorting, lane) ? prune(sorting, lane) : 0;
}

int sl_sort_lane_end(const struct sl_sorting *sorting, struct sl_sort_lane *lane)
{
    return lane->count > sorting->rows_max ? prune(sorting, lane) : 0;
}
