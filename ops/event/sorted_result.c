#include "ops/event/sorted_result.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/base/heap.h"

#include <stdlib.h>

int sl_sorted_result_init(struct sl_sorted_result *result, struct sl_stage *stage)
{
    *result = (struct sl_sorted_result){.stage = stage};
    return sl_spilled_runs_init(&result->runs, stage);
}

static void part_done(struct sl_result_part *part)
{
    sl_arena_done(&part->arena);
    free(part->row);
    part->row = NULL;
    part->rows = part->capacity = 0;
}

void sl_sorted_result_done(struct sl_sorted_result *result)
{
    for (unsigned p = 0; p < SL_PARTS; p++)
        part_done(&result->part[p]);
    sl_spilled_runs_done(&result->runs);
}

int sl_result_part_add(struct sl_result_part *part, const struct sl_field by[SL_RESULT_KEYS],
                       const struct sl_field value[SL_RESULT_VALUES])
{
    struct sl_result_row *row = sl_array_grow(part->row, part->rows, &part->capacity, sizeof *row);
    if (!row)
        return SL_ENOMEM;
    part->row = row;
    row += part->rows;
    for (int i = 0; i < SL_RESULT_KEYS; i++)
        if (!sl_field_copy(&part->arena, &by[i], &row->by[i]))
            return SL_ENOMEM;
    for (int i = 0; i < SL_RESULT_VALUES; i++)
        if (!sl_field_copy(&part->arena, &value[i], &row->value[i]))
            return SL_ENOMEM;
    row->sequence = part->sequence++;
    part->rows++;
    return 0;
}

/* ---- sorting ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct sl_result_row *x = *(const struct sl_result_row *const *)a,
                               *y = *(const struct sl_result_row *const *)b;
    for (int i = 0; i < SL_RESULT_KEYS; i++) {
        int order = sl_field_compare(&x->by[i], &y->by[i]);
        if (order)
            return order;
    }
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static size_t count_rows(const struct sl_sorted_result *result)
{
    size_t count = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        count += result->part[p].rows;
    return count;
}

/* The rows of all parts in order. The caller frees; NULL: out of memory. */
static const struct sl_result_row **sort_rows(const struct sl_sorted_result *result, size_t count)
{
    const struct sl_result_row **list = malloc((count + 1) * sizeof *list);
    size_t at = 0;
    for (unsigned p = 0; list && p < SL_PARTS; p++)
        for (size_t i = 0; i < result->part[p].rows; i++)
            list[at++] = &result->part[p].row[i];
    if (list)
        qsort(list, count, sizeof *list, compare_rows);
    return list;
}

/* ---- on disk: ({by ..., sequence}, value ...) ---- */

static int write_row(const struct sl_sorted_result *result, struct sl_spill_file *file, struct sl_error *err,
                     const struct sl_result_row *row)
{
    struct sl_field by[SL_RESULT_KEYS + 1], fields[1 + SL_RESULT_VALUES];
    for (int i = 0; i < SL_RESULT_KEYS; i++)
        by[i] = row->by[i];
    by[SL_RESULT_KEYS] = sl_integer((int64_t)row->sequence);
    fields[0] = sl_list(by, SL_RESULT_KEYS + 1);
    for (int i = 0; i < SL_RESULT_VALUES; i++)
        fields[1 + i] = row->value[i];
    return result->runs.spill->ops->row(file, fields, 1 + SL_RESULT_VALUES, err);
}

static struct sl_result_row read_row(const struct sl_field *fields)
{
    struct sl_result_row row;
    for (int i = 0; i < SL_RESULT_KEYS; i++)
        row.by[i] = fields[0].items[i];
    row.sequence = (uint64_t)fields[0].items[SL_RESULT_KEYS].integer;
    for (int i = 0; i < SL_RESULT_VALUES; i++)
        row.value[i] = fields[1 + i];
    return row;
}

static int write_run(struct sl_sorted_result *result)
{
    struct sl_task *task = &result->stage->tasks[0];
    const struct sl_position position = {0};
    struct sl_spill_file *file;
    size_t count = count_rows(result);
    const struct sl_result_row **list = sort_rows(result, count);
    int r = list ? sl_spilled_runs_file(&result->runs, task, &file) : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = write_row(result, file, task->err, list[i]);
    free(list);
    r = r < 0 ? r : sl_spilled_runs_end(&result->runs, task, &position, result->number++);
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++)
        part_done(&result->part[p]);
    sl_heap_trim();
    return r;
}

int sl_sorted_result_make_room(struct sl_sorted_result *result)
{
    size_t bytes = 0;
    if (!result->runs.spill)
        return 0;
    for (unsigned p = 0; p < SL_PARTS; p++) {
        const struct sl_result_part *part = &result->part[p];
        bytes += part->arena.bytes + part->capacity * sizeof *part->row +
                 part->rows * sizeof(struct sl_result_row *);
    }
    return bytes > sl_spilled_runs_bytes(&result->runs) ? write_run(result) : 0;
}

/* ---- showing ---- */

struct making {
    struct sl_sorted_result *result;
    sl_result_make *make;
};

static int write_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    const struct making *making = arg;
    const struct sl_sorted_result *result = making->result;
    struct sl_field stored[SL_WIDTH_MAX], fields[SL_WIDTH_MAX];
    uint32_t width;
    int r;
    while ((r = sl_merge_next(merge, stored, &width, task->err)) > 0) {
        struct sl_result_row row = read_row(stored);
        sl_arena_reset(task->scratch);
        r = making->make(result->stage, task, &row, fields, &width);
        if (r == 0 && width)
            r = result->runs.spill->ops->row(file, fields, width, task->err);
        if (r == 0 && task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
            r = SL_ESTOP;
        if (r < 0)
            return r;
    }
    return r;
}

static int append_rows(struct sl_sorted_result *result, sl_result_make *make, struct sl_rows *rows)
{
    struct sl_task *task = &result->stage->tasks[0];
    struct sl_field fields[SL_WIDTH_MAX];
    size_t count = count_rows(result);
    const struct sl_result_row **list = sort_rows(result, count);
    uint32_t width;
    int r = list ? 0 : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++) {
        sl_arena_reset(task->scratch);
        r = make(result->stage, task, list[i], fields, &width);
        if (r == 0 && width)
            r = sl_rows_append_row(rows, fields, width);
    }
    free(list);
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++)
        sl_arena_adopt(&rows->arena, &result->part[p].arena);
    return r;
}

static int show_in_memory(struct sl_sorted_result *result, sl_result_make *make, struct sl_dataset **ret)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? append_rows(result, make, rows) : SL_ENOMEM;
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    *ret = sl_dataset_of(rows);
    return *ret ? 0 : SL_ENOMEM;
}

int sl_sorted_result_show(struct sl_sorted_result *result, sl_result_make *make, struct sl_dataset **ret)
{
    struct making making = {result, make};
    if (!result->runs.count)
        return show_in_memory(result, make, ret);
    int r = count_rows(result) ? write_run(result) : 0;
    return r < 0 ? r : sl_spilled_runs_merge(&result->runs, false, write_range, &making, ret);
}
