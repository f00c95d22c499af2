#include "ops/narrow/partition.h"

int sl_partition_open(struct sl_instance *self)
{
    struct sl_partition_state *state = self->state;
    sl_builder_init(&state->builder, self->out);
    state->rows = sl_rows_new();
    return state->rows ? 0 : SL_ENOMEM;
}

int sl_partition_push(struct sl_instance *self, const struct sl_chunk *in)
{
    struct sl_partition_state *state = self->state;
    return sl_rows_append(state->rows, in);
}

void sl_partition_done(struct sl_instance *self)
{
    struct sl_partition_state *state = self->state;
    sl_builder_done(&state->builder);
    sl_rows_unref(state->rows);
}

/* The records of a chunk, written to item[rows]. */
static int chunk_list(struct sl_task *task, const struct sl_chunk *chunk, struct sl_field *item)
{
    struct sl_field *fields = NULL;
    if (chunk->width > 1) {
        fields = sl_arena_alloc(task->scratch, (size_t)chunk->rows * chunk->width * sizeof *fields);
        if (!fields)
            return SL_ENOMEM;
    }
    for (uint32_t row = 0; row < chunk->rows; row++)
        item[row] = sl_chunk_record(chunk, row, fields ? fields + (size_t)row * chunk->width : NULL);
    return 0;
}

int sl_partition_list(struct sl_task *task, const struct sl_rows *rows, struct sl_field *ret)
{
    if (rows->count > UINT32_MAX)
        return sl_error_set(task->err, SL_EFAIL, "a partition of %llu records does not fit one list",
                            (unsigned long long)rows->count);
    struct sl_field *item = sl_arena_alloc(task->scratch, rows->count * sizeof *item + 1);
    int r = item ? 0 : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < rows->chunks; i++)
        r = chunk_list(task, rows->chunk[i], item + rows->start[i]);
    *ret = sl_list(item, rows->count);
    return r;
}
