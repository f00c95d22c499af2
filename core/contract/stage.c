#include "core/contract/stage.h"

#include <stdlib.h>

struct run {
    struct sl_stage *stage;
    int (*work)(void *arg, size_t number, struct sl_task *task);
    void *arg;
};

static int run_one(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    const struct run *run = arg;
    struct sl_task *task = &run->stage->tasks[worker];
    task->err = err;
    task->ordinal = UINT32_MAX;
    return run->work(run->arg, number, task);
}

int sl_stage_run(struct sl_stage *stage, size_t count,
                 int (*work)(void *arg, size_t number, struct sl_task *task), void *arg)
{
    struct run run = {stage, work, arg};
    return sl_pool_run(stage->pool, count, run_one, &run, stage->err);
}

struct gathering {
    int (*work)(void *arg, size_t piece, struct sl_task *task, struct sl_rows *rows);
    void *arg;
    struct sl_memory *memory;
    struct sl_rows **piece;
};

static int gather_piece(void *arg, size_t number, struct sl_task *task)
{
    const struct gathering *gathering = arg;
    struct sl_rows *rows = gathering->piece[number] = sl_rows_new();
    if (!rows)
        return SL_ENOMEM;
    rows->memory = gathering->memory ? sl_memory_ref(gathering->memory) : NULL;
    return gathering->work(gathering->arg, number, task, rows);
}

int sl_stage_gather(struct sl_stage *stage, size_t pieces,
                    int (*work)(void *arg, size_t piece, struct sl_task *task, struct sl_rows *rows),
                    void *arg, struct sl_memory *memory, struct sl_dataset **dataset)
{
    struct gathering gathering = {work, arg, memory, calloc(pieces + 1, sizeof(struct sl_rows *))};
    struct sl_dataset *to = *dataset ? *dataset : sl_dataset_new(1);
    int r = to && gathering.piece ? sl_stage_run(stage, pieces, gather_piece, &gathering) : SL_ENOMEM;
    int taken = to && gathering.piece ? sl_dataset_take(to, 0, gathering.piece, pieces) : 0;
    r = r < 0 ? r : taken;
    free(gathering.piece);
    if (r < 0 && !*dataset)
        sl_dataset_unref(to);
    else
        *dataset = to;
    return r;
}
