#include "ops/event/late_rows.h"

#include "core/base/array.h"

#include <stdlib.h>

void sl_late_rows_init(struct sl_late_rows *late)
{
    pthread_mutex_init(&late->lock, NULL);
    late->ready = true;
}

void sl_late_rows_done(struct sl_late_rows *late)
{
    if (!late->ready)
        return;
    pthread_mutex_destroy(&late->lock);
    sl_arena_done(&late->arena);
    free(late->row);
    late->ready = false;
}

static int add(struct sl_late_rows *late, const struct sl_lane *lane, const struct sl_chunk *in, uint32_t row)
{
    struct sl_late_row *grown = sl_array_grow(late->row, late->count, &late->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    late->row = grown;
    struct sl_field *field = sl_arena_alloc(&late->arena, in->width * sizeof *field);
    for (uint32_t c = 0; field && c < in->width; c++)
        if (!sl_field_copy(&late->arena, &in->column[c][row], &field[c]))
            return SL_ENOMEM;
    if (!field)
        return SL_ENOMEM;
    grown[late->count++] = (struct sl_late_row){.origin = in->origin,
                                                .line = in->line ? in->line[row] : SL_NO_LINE,
                                                .ordinal = lane->task->ordinal,
                                                .width = in->width,
                                                .time = sl_chunk_time(in, row),
                                                .position = lane->position,
                                                .sequence = late->sequence++,
                                                .field = field};
    return 0;
}

int sl_late_rows_add(struct sl_late_rows *late, const struct sl_lane *lane, const struct sl_chunk *in,
                     uint32_t row)
{
    pthread_mutex_lock(&late->lock);
    int r = add(late, lane, in, row);
    pthread_mutex_unlock(&late->lock);
    return r;
}

/* Rows of one lane were added in their order. */
static int compare(const void *a, const void *b)
{
    const struct sl_late_row *x = a, *y = b;
    int order = sl_position_compare(&x->position, &y->position);
    return order ? order : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

void sl_late_rows_sort(struct sl_late_rows *late)
{
    if (late->count)
        qsort(late->row, late->count, sizeof *late->row, compare);
}

int sl_late_rows_dataset(struct sl_late_rows *late, struct sl_dataset **ret)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? 0 : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < late->count; i++)
        r = sl_rows_append_timed(rows, late->row[i].field, late->row[i].width, late->row[i].time);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    sl_arena_adopt(&rows->arena, &late->arena);
    *ret = sl_dataset_of(rows);
    return *ret ? 0 : SL_ENOMEM;
}

int sl_late_rows_report(const struct sl_late_rows *late, size_t i, struct sl_stage *stage)
{
    const struct sl_late_row *row = &late->row[i];
    struct sl_task *task = &stage->tasks[0];
    uint32_t ordinal = task->ordinal;
    task->err = stage->err;
    task->ordinal = row->ordinal;
    task->event_ms = row->time;
    int r = task->sink->late(task->sink, task, stage->node->number, row->field, row->width, row->origin,
                             row->line);
    task->event_ms = SL_NO_TIME;
    task->ordinal = ordinal;
    return r;
}
