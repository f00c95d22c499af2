#include "ops/event/left_out.h"

#include "core/base/error.h"
#include "core/contract/task.h"

int sl_left_out_init(struct sl_left_out *left, const struct sl_stage *stage)
{
    left->ready = pthread_mutex_init(&left->lock, NULL) == 0;
    sl_assert(left->ready);
    int r = sl_row_buffers_init(&left->buffers, stage);
    return r < 0 ? r : sl_row_buffer_init(&left->rows, NULL);
}

void sl_left_out_done(struct sl_left_out *left)
{
    if (!left->ready)
        return;
    sl_row_buffer_done(&left->rows);
    sl_row_buffers_done(&left->buffers);
    pthread_mutex_destroy(&left->lock);
    *left = (struct sl_left_out){0};
}

static int append(struct sl_rows *rows, int64_t start, int64_t stop, const struct sl_field *key)
{
    struct sl_field row[] = {sl_integer(start), sl_integer(stop), sl_nil()};
    if (!sl_field_copy(&rows->arena, key, &row[2]))
        return SL_ENOMEM;
    row[2].flags = 0;
    return sl_rows_append_row(rows, row, 3);
}

int sl_left_out_add(struct sl_left_out *left, struct sl_task *task, int64_t start, int64_t stop,
                    const struct sl_field *key)
{
    pthread_mutex_lock(&left->lock);
    int r = sl_row_buffer_make_room(&left->buffers, &left->rows, task);
    r = r < 0 ? r : append(left->rows.rows, start, stop, key);
    pthread_mutex_unlock(&left->lock);
    return r;
}

int sl_left_out_dataset(const struct sl_left_out *left, struct sl_dataset **ret)
{
    struct sl_dataset *dataset = NULL;
    int r = 0;
    if (left->rows.runs || left->rows.rows->count) {
        dataset = sl_dataset_new(1);
        r = dataset ? sl_row_buffer_show(&left->rows, dataset, 0) : SL_ENOMEM;
    }
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}
