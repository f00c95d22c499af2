#include "ops/sort/sort_spill.h"

#include "core/base/error.h"
#include "core/base/heap.h"

#include <stdlib.h>

enum { RECORDS_AHEAD = 16 };
enum { ROW_BYTES = 150 }; /* what sorting in memory takes for a row beside the lanes: items, columns */

static size_t bytes_of(const struct sl_sort_lane *lane)
{
    size_t spare = lane->count * sizeof *lane->item, items = lane->capacity * sizeof *lane->item;
    if (lane->count == lane->capacity)
        items *= 3; /* both are there while it grows */
    return sl_sort_lane_bytes(lane) + items + spare;
}

/* A record that is sorted by its first field is a row as it is; others are (key, the record as a list). */
static bool has_key_first(const struct sl_sorting *sorting)
{
    return sorting->by == SL_SORT_BY_KEY;
}

static int write_record(const struct sl_sorting *sorting, const struct sl_sort_record *record,
                        struct sl_spill_file *file, struct sl_error *err)
{
    const struct sl_spill_ops *ops = sorting->runs.spill->ops;
    struct sl_field fields[SL_WIDTH_MAX];
    sl_sort_record_read(record, fields);
    if (has_key_first(sorting))
        return ops->row(file, fields, record->width, err);
    const struct sl_field row[2] = {record->key, sl_list(fields, record->width)};
    return ops->row(file, row, 2, err);
}

static int write_records(const struct sl_sorting *sorting, struct sl_sort_lane *lane,
                         struct sl_spill_file *file, struct sl_error *err)
{
    int r = sl_sort_lane_sort(sorting, lane);
    for (size_t i = 0; r == 0 && i < lane->count; i++) {
        if (i + RECORDS_AHEAD < lane->count)
            sl_sort_record_prefetch(&lane->item[i + RECORDS_AHEAD]);
        r = write_record(sorting, sl_sort_record_of(&lane->item[i]), file, err);
    }
    return r;
}

static int spill_lane(struct sl_sorting *sorting, struct sl_task *task, struct sl_sort_lane *lane)
{
    struct sl_spill_file *file;
    int r = lane->count ? sl_spilled_runs_file(&sorting->runs, task, &file) : 0;
    if (r < 0 || !lane->count)
        return r;
    r = write_records(sorting, lane, file, task->err);
    r = r < 0 ? r : sl_spilled_runs_end(&sorting->runs, task, &lane->head.position, lane->runs++);
    if (r < 0)
        return r;
    sl_arena_done(&lane->memory.records);
    sl_arena_done(&lane->memory.rest);
    free(lane->item);
    lane->item = NULL;
    lane->count = lane->capacity = 0;
    lane->pruned = false;
    sl_heap_trim();
    return 0;
}

int sl_sort_make_room(struct sl_sorting *sorting, struct sl_task *task, struct sl_sort_lane *lane)
{
    /* One half is for lanes that are read, the other for those that ended. */
    bool fits = bytes_of(lane) <= sorting->runs.spill->bytes / 2;
    return fits ? 0 : spill_lane(sorting, task, lane);
}

int sl_sorting_lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_sorting *sorting = stage->state;
    struct sl_sort_lane *own = lane->state;
    int r = sl_sort_lane_end(sorting, own);
    if (r < 0 || !sorting->runs.spill)
        return r;
    size_t bytes = bytes_of(own);
    size_t held = atomic_fetch_add_explicit(&sorting->held, bytes, memory_order_relaxed) + bytes;
    if (held <= sl_spilled_runs_bytes(&sorting->runs) / 2)
        return 0;
    atomic_fetch_sub_explicit(&sorting->held, bytes, memory_order_relaxed);
    return spill_lane(sorting, lane->task, own);
}

static struct sl_sort_lane *lane_at(const struct sl_sorting *sorting, size_t i)
{
    return (struct sl_sort_lane *)sorting->lanes.head[i];
}

bool sl_sort_is_large(const struct sl_sorting *sorting)
{
    size_t bytes = 0;
    if (!sorting->runs.spill || sorting->runs.count)
        return sorting->runs.spill != NULL;
    for (size_t i = 0; i < sorting->lanes.count; i++)
        bytes += sl_sort_lane_bytes(lane_at(sorting, i)) + lane_at(sorting, i)->count * ROW_BYTES;
    return bytes > sl_spilled_runs_bytes(&sorting->runs);
}

/* ---- merging ---- */

static int spill_rest(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct sl_stage *stage = arg;
    struct sl_sorting *sorting = stage->state;
    stage->tasks[worker].err = err;
    return spill_lane(sorting, &stage->tasks[worker], lane_at(sorting, number));
}

static int give_row(const struct sl_sorting *sorting, const struct sl_field *row, uint32_t width,
                    struct sl_task *task, struct sl_spill_file *file)
{
    const struct sl_spill_ops *ops = sorting->runs.spill->ops;
    if (has_key_first(sorting))
        return ops->row(file, row, width, task->err);
    sl_assert(width == 2 && row[1].tag == SL_LIST);
    return ops->row(file, row[1].items, row[1].len, task->err);
}

static int write_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    const struct sl_sorting *sorting = arg;
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    int r;
    while ((r = sl_merge_next(merge, row, &width, task->err)) > 0) {
        r = give_row(sorting, row, width, task, file);
        if (r == 0 && task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
            r = SL_ESTOP;
        if (r < 0)
            return r;
    }
    return r;
}

/* Every lane has written the first rows of its own. */
static int cut_first(struct sl_dataset **dataset, uint64_t rows_max)
{
    struct sl_dataset *first = sl_dataset_new(1);
    int r = first ? sl_dataset_add_range(first, 0, *dataset, 0, rows_max) : SL_ENOMEM;
    sl_dataset_unref(r == 0 ? *dataset : first);
    if (r == 0)
        *dataset = first;
    return r;
}

int sl_sort_merge(struct sl_sorting *sorting, struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_dataset *dataset;
    int r = sl_pool_run(stage->pool, sorting->lanes.count, spill_rest, stage, stage->err);
    if (r == 0)
        r = sl_spilled_runs_merge(&sorting->runs, sorting->descending, write_range, sorting, &dataset);
    if (r < 0)
        return r;
    r = dataset->count > sorting->rows_max ? cut_first(&dataset, sorting->rows_max) : 0;
    if (r < 0)
        sl_dataset_unref(dataset);
    else
        *ret = dataset;
    return r;
}
