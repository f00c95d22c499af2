#include "ops/sort/sort_partial.h"

#include "core/base/error.h"
#include "ops/sort/sort_lane.h"
#include "ops/sort/sort_spill.h"

#include <stdlib.h>
#include <string.h>

/* ---- giving out ---- */

static int emit_sorted(const struct sl_sorting *sorting, struct sl_sort_lane *lane, sl_partial_row *row,
                       void *arg)
{
    struct sl_field fields[SL_WIDTH_MAX];
    int r = sl_sort_lane_sort(sorting, lane);
    for (size_t i = 0; i < lane->count && i < sorting->rows_max && r == 0; i++) {
        const struct sl_sort_record *record = sl_sort_record_of(&lane->item[i]);
        sl_sort_record_read(record, fields);
        const struct sl_field out[SL_PARTIAL_FIELDS] = {record->key, sl_nil(),
                                                        sl_list(fields, record->width)};
        r = row(arg, out);
    }
    return r;
}

int sl_sort_emit(struct sl_stage *stage, struct sl_lane *lane, sl_partial_row *row, void *arg)
{
    return emit_sorted(stage->state, lane->state, row, arg);
}

static size_t count_items(const struct sl_sorting *sorting)
{
    size_t count = 0;
    for (size_t i = 0; i < sorting->lanes.count; i++)
        count += ((struct sl_sort_lane *)sorting->lanes.head[i])->count;
    return count;
}

/* The items of all lanes, in input order; the records stay where they are. */
static bool join_lanes(struct sl_sorting *sorting, struct sl_sort_lane *all)
{
    all->item = malloc((count_items(sorting) + 1) * sizeof *all->item);
    sl_lanes_sort(&sorting->lanes);
    for (size_t i = 0; all->item && i < sorting->lanes.count; i++) {
        const struct sl_sort_lane *lane = (struct sl_sort_lane *)sorting->lanes.head[i];
        if (lane->count)
            memcpy(all->item + all->count, lane->item, lane->count * sizeof *lane->item);
        all->count += lane->count;
    }
    return all->item != NULL;
}

int sl_sort_groups(struct sl_stage *stage, sl_partial_row *row, void *arg)
{
    struct sl_sorting *sorting = stage->state;
    struct sl_sort_lane all = {0};
    sl_assert(!sl_sort_is_large(sorting)); /* tasks have no limit */
    int r = join_lanes(sorting, &all) ? emit_sorted(sorting, &all, row, arg) : SL_ENOMEM;
    free(all.item);
    return r;
}

/* ---- taking in ---- */

/* Of a key that is the record, or its first field, the record has the bytes. */
static struct sl_field key_of(const struct sl_sorting *sorting, const struct sl_field *key,
                              const struct sl_field *record)
{
    switch (sorting->by) {
    case SL_SORT_BY_RECORD:
        return record->len == 1 ? record->items[0] : *record;
    case SL_SORT_BY_KEY:
        return record->items[0];
    case SL_SORT_BY_FUNCTION:
        return *key;
    }
    sl_assert(!"there is no such way to sort");
}

int sl_sort_absorb(struct sl_stage *stage, struct sl_lane *lane, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    struct sl_sorting *sorting = stage->state;
    const struct sl_field *record = &row[2];
    if (record->tag != SL_LIST || record->len < 1 || record->len > SL_WIDTH_MAX)
        return sl_error_set(lane->task->err, SL_EDAMAGED, "a partial result is damaged");
    int r = sorting->runs.spill ? sl_sort_make_room(sorting, lane->task, lane->state) : 0;
    struct sl_field key = key_of(sorting, &row[0], record);
    return r < 0 ? r : sl_sort_lane_add(sorting, lane->state, &key, record->items, record->len);
}
