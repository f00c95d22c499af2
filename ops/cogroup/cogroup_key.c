#include "ops/cogroup/cogroup_key.h"

#include "core/base/error.h"

enum { ROWS_BETWEEN_LOOKS = 1024 };

/* Now and then: whether to give up, and whether the rows still fit into memory. */
static int look_around(struct sl_cogroup_key *meeting)
{
    struct sl_task *task = meeting->task;
    if (task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
        return SL_ESTOP;
    return meeting->pile ? sl_row_buffer_make_room(meeting->piles, meeting->pile, task) : 0;
}

int sl_cogroup_key_put(struct sl_cogroup_key *meeting, const struct sl_field *row, uint32_t width)
{
    int r = meeting->rows++ % ROWS_BETWEEN_LOOKS ? 0 : look_around(meeting);
    if (r < 0)
        return r;
    if (meeting->pile)
        return sl_rows_append_row(meeting->pile->rows, row, width);
    return meeting->piles->spill->ops->row(meeting->file, row, width, meeting->task->err);
}

static int visit_stored(const struct sl_cogroup_key *meeting, const struct sl_stored *stored,
                        sl_side_visit *visit, void *arg)
{
    struct sl_arena block = {0};
    struct sl_chunk *chunk;
    int r = 0;
    for (size_t b = 0; b < stored->blocks && r == 0; b++) {
        sl_arena_reset(&block);
        r = stored->spill->ops->load(stored, b, &block, &chunk, meeting->task->err);
        for (uint32_t i = 0; r == 0 && i < chunk->rows; i++)
            r = visit(arg, &chunk->column[0][i]);
    }
    sl_arena_done(&block);
    return r;
}

int sl_side_each(const struct sl_cogroup_key *meeting, const struct sl_side *side, sl_side_visit *visit,
                 void *arg)
{
    int r = 0;
    if (side->stored)
        return visit_stored(meeting, side->stored, visit, arg);
    for (uint32_t i = 0; i < side->count && r == 0; i++)
        r = visit(arg, &side->item[i]);
    return r;
}
