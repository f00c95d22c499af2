#include "ops/sort/sort_lane.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

struct sl_sort_lane *sl_sort_lane_new(void)
{
    return calloc(1, sizeof(struct sl_sort_lane));
}

static void memory_done(struct sl_sort_memory *memory)
{
    sl_arena_done(&memory->records);
    sl_arena_done(&memory->rest);
}

void sl_sort_lane_free(struct sl_sort_lane *lane)
{
    if (!lane)
        return;
    memory_done(&lane->memory);
    free(lane->item);
    free(lane);
}

size_t sl_sort_lane_bytes(const struct sl_sort_lane *lane)
{
    return lane->memory.records.bytes + lane->memory.rest.bytes;
}

/* ---- sorting a lane ---- */

void sl_sort_lane_turn(struct sl_sort_lane *lane)
{
    for (size_t i = 0, k = lane->count; i + 1 < k; i++) {
        struct sl_sort_item swap = lane->item[i];
        lane->item[i] = lane->item[--k];
        lane->item[k] = swap;
    }
}

int sl_sort_lane_sort(const struct sl_sorting *sorting, struct sl_sort_lane *lane)
{
    struct sl_sort_item *spare = malloc((lane->count + 1) * sizeof *spare);
    if (!spare)
        return SL_ENOMEM;
    if (sorting->descending)
        sl_sort_lane_turn(lane);
    sl_sort_items_prefix(lane->item, lane->count);
    sl_sort_items(lane->item, spare, lane->count);
    if (sorting->descending)
        sl_sort_lane_turn(lane);
    free(spare);
    return 0;
}

/* ---- keeping the first rows_max of a lane ---- */

enum { KEPT_MIN = SL_CHUNK_ROWS }; /* small n: sorted once for many rows all the same */

/* Copies the records that stay to fresh memory. */
static int keep_best(const struct sl_sorting *sorting, struct sl_sort_lane *lane)
{
    struct sl_sort_memory memory = {0};
    struct sl_field fields[SL_WIDTH_MAX];
    for (size_t i = 0; i < sorting->rows_max; i++) {
        const struct sl_sort_record *record = sl_sort_record_of(&lane->item[i]);
        sl_sort_record_read(record, fields);
        record = sl_sort_record_new(&memory, sorting->by, &record->key, fields, record->width);
        if (!record) {
            memory_done(&memory);
            return SL_ENOMEM;
        }
        lane->item[i] = (struct sl_sort_item){sl_key_prefix(&record->key), &record->key};
    }
    memory_done(&lane->memory);
    lane->memory = memory;
    lane->count = sorting->rows_max;
    lane->pruned = true;
    return 0;
}

static int prune(const struct sl_sorting *sorting, struct sl_sort_lane *lane)
{
    int r = sl_sort_lane_sort(sorting, lane);
    return r < 0 ? r : keep_best(sorting, lane);
}

/* Whether a row with that key can be among the first rows_max: of equal keys the earlier row is. */
static bool is_wanted(const struct sl_sorting *sorting, const struct sl_sort_lane *lane,
                      const struct sl_field *key)
{
    if (!lane->pruned)
        return sorting->rows_max > 0;
    int order = sl_field_compare(key, lane->item[sorting->rows_max - 1].key);
    return sorting->descending ? order > 0 : order < 0;
}

bool sl_sort_lane_is_too_late(const struct sl_sorting *sorting, const struct sl_sort_lane *lane,
                              const struct sl_field *fields, uint32_t width)
{
    const struct sl_function *fn = sorting->function;
    if (!lane->pruned || sorting->descending || sorting->by != SL_SORT_BY_FUNCTION || !fn->ops->comes_after)
        return false;
    sl_assert(!fn->ops->call_rows); /* a row that is skipped has not been called */
    return fn->ops->comes_after(fn, fields, width, lane->item[sorting->rows_max - 1].key);
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
    struct sl_sort_item *item = sl_array_grow(lane->item, lane->count, &lane->capacity, sizeof *item);
    if (!item)
        return SL_ENOMEM;
    lane->item = item;
    const struct sl_sort_record *record = sl_sort_record_new(&lane->memory, sorting->by, key, fields, width);
    if (!record)
        return SL_ENOMEM;
    item[lane->count++] = (struct sl_sort_item){.key = &record->key};
    return is_full(sorting, lane) ? prune(sorting, lane) : 0;
}

int sl_sort_lane_end(const struct sl_sorting *sorting, struct sl_sort_lane *lane)
{
    return lane->count > sorting->rows_max ? prune(sorting, lane) : 0;
}
