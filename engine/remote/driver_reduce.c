/* A reduce stage: a task for each partition of the keys of one operator. */
#include "engine/remote/driver_internal.h"
#include "engine/remote/merge.h"

#include <stdlib.h>

struct reducing {
    struct sl_remote_driver *driver;
    struct sl_batch *batch;
    const struct sl_node *node;
    int64_t id;
    /* Of rows of the result. NULL: groups come back, and enter the operator's stage here, or: */
    struct sl_merging *merging;
    bool has_shards; /* what changed in shards comes back, and enters it */
    size_t lanes;    /* of rows that are numbered */
    struct sl_numbered_lane *lane;
    struct sl_task task; /* of the lane that gets the groups */
    struct sl_lane groups;
};

/* ---- tasks ---- */

static size_t count_blocks(const struct reducing *reducing)
{
    size_t count = 0;
    for (size_t m = 0; m < reducing->driver->maps; m++)
        for (size_t t = 0; t < reducing->driver->map[m].tasks; t++)
            count += reducing->driver->map[m].blocks[t];
    return count;
}

static size_t list_blocks(const struct reducing *reducing, uint32_t partition, struct sl_expected_block *list)
{
    size_t count = 0;
    for (size_t m = 0; m < reducing->driver->maps; m++) {
        const struct sl_map_stage *map = &reducing->driver->map[m];
        for (size_t t = 0; t < map->tasks; t++)
            for (size_t b = 0; b < map->blocks[t]; b++)
                if (map->block[t][b].node == reducing->node->number &&
                    map->block[t][b].partition == partition)
                    list[count++] = (struct sl_expected_block){map->id, (int64_t)t, map->block[t][b].check};
    }
    return count;
}

static int send_task(const struct reducing *reducing, uint32_t partition, struct sl_expected_block *list,
                     struct sl_error *err)
{
    const struct sl_remote_driver *driver = reducing->driver;
    const struct sl_shards *shards = &driver->shards[reducing->node->number];
    const struct sl_remote_task task = {
        .stage = reducing->id,
        .number = partition,
        .role = SL_TASK_REDUCE,
        .batch_ms = reducing->batch->t,
        .replay = reducing->batch->replay,
        .partitions = driver->partitions,
        .exchange = driver->exchange,
        .node = reducing->node->number,
        .partition = partition,
        .expected = list_blocks(reducing, partition, list),
        .block = list,
        .has_shard = reducing->has_shards,
        .shard = reducing->has_shards ? shards->next[partition] : (struct sl_shard){0},
        .lanes = reducing->lanes,
        .lane = reducing->lane,
    };
    return sl_request_task(reducing->driver, &task, err);
}

static int compare_lanes(const void *a, const void *b)
{
    return sl_position_compare(&((const struct sl_numbered_lane *)a)->position,
                               &((const struct sl_numbered_lane *)b)->position);
}

static size_t list_lanes(const struct reducing *reducing, struct sl_numbered_lane *list)
{
    size_t count = 0;
    for (size_t m = 0; m < reducing->driver->maps; m++)
        for (size_t i = 0; i < reducing->driver->map[m].lanes; i++) {
            const struct sl_counted_lane *lane = &reducing->driver->map[m].lane[i];
            if (lane->node == reducing->node->number)
                list[count++] = (struct sl_numbered_lane){lane->position, lane->rows};
        }
    return count;
}

/* The rows of all lanes have numbers in the order of the input. */
static int number_lanes(struct reducing *reducing)
{
    size_t most = 0;
    for (size_t m = 0; m < reducing->driver->maps; m++)
        most += reducing->driver->map[m].lanes;
    reducing->lane = calloc(most + 1, sizeof *reducing->lane);
    if (!reducing->lane)
        return SL_ENOMEM;
    reducing->lanes = list_lanes(reducing, reducing->lane);
    if (reducing->lanes)
        qsort(reducing->lane, reducing->lanes, sizeof *reducing->lane, compare_lanes);
    uint64_t next = 0;
    for (size_t i = 0; i < reducing->lanes; i++) {
        uint64_t rows = reducing->lane[i].first_row;
        reducing->lane[i].first_row = next;
        next += rows;
    }
    return 0;
}

/* The map stages that may have blocks for it. */
static bool list_inputs(const struct reducing *reducing, struct sl_buf *inputs)
{
    const struct sl_remote_driver *driver = reducing->driver;
    bool ok = true;
    for (size_t m = 0; ok && m < driver->maps; m++)
        if (driver->stages->fed[reducing->node->number][driver->map[m].source])
            ok = sl_buf_printf(inputs, "%s%lld", inputs->len ? "," : "", (long long)driver->map[m].id);
    return ok;
}

static int send_tasks(const struct reducing *reducing, struct sl_error *err)
{
    size_t tasks = (size_t)reducing->driver->partitions;
    SL_CLEANUP(sl_buf_done) struct sl_buf inputs = {0};
    struct sl_expected_block *list = calloc(count_blocks(reducing) + 1, sizeof *list);
    int r = list && list_inputs(reducing, &inputs) ? 0 : sl_error_nomem(err);
    if (r == 0)
        r = sl_request_stage(reducing->driver, reducing->id, "reduce", tasks, reducing->node->number,
                             "inputs", &inputs, err);
    for (size_t p = 0; p < tasks && r == 0; p++)
        r = send_task(reducing, (uint32_t)p, list, err);
    free(list);
    return r;
}

/* ---- reports ---- */

/* The groups of all tasks are one lane: no key is in two of them, and what one lane has needs no merging. */
static int open_groups(struct reducing *reducing, struct sl_error *err)
{
    struct sl_stage *stage = reducing->batch->stage[reducing->node->number];
    reducing->task = reducing->batch->run->task[0];
    reducing->task.ordinal = 0;
    reducing->task.err = stage->err = err;
    reducing->groups = (struct sl_lane){.task = &reducing->task};
    return stage->node->op->wide->lane_open ? stage->node->op->wide->lane_open(stage, &reducing->groups) : 0;
}

static int close_groups(struct reducing *reducing)
{
    struct sl_stage *stage = reducing->batch->stage[reducing->node->number];
    return stage->node->op->wide->lane_close ? stage->node->op->wide->lane_close(stage, &reducing->groups)
                                             : 0;
}

static int absorb_rows(struct sl_stage *stage, struct sl_lane *lane, struct sl_wire *wire)
{
    struct sl_field row[SL_PARTIAL_FIELDS];
    int r = 0;
    while (r == 0 && sl_wire_row(wire, SL_PARTIAL_FIELDS, row)) {
        r = stage->node->op->wide->partial->absorb(stage, lane, row);
        sl_arena_reset(lane->task->scratch);
    }
    return r < 0 ? r : wire->failed;
}

static int absorb_groups(struct reducing *reducing, const struct sl_buf *data)
{
    struct sl_stage *stage = reducing->batch->stage[reducing->node->number];
    struct sl_wire wire = {data->bytes, data->len, 0, reducing->task.scratch, 0};
    sl_arena_reset(reducing->task.scratch);
    return absorb_rows(stage, &reducing->groups, &wire);
}

static int take_report(void *arg, size_t p, struct sl_wire *wire, struct sl_error *err)
{
    struct reducing *reducing = arg;
    struct sl_report_end end;
    SL_CLEANUP(sl_buf_done) struct sl_buf data = {0};
    int r = sl_report_take_counts(wire, reducing->batch, NULL, 0, reducing->driver->sequence, err);
    reducing->driver->sequence = reducing->batch->run->rejects.total;
    r = r < 0 ? r : sl_report_take_end(reducing->driver, wire, &end, &data, err);
    if (r < 0)
        return r;
    if (reducing->has_shards)
        r = sl_shards_take(reducing->driver, reducing->batch->stage[reducing->node->number], p, wire, err);
    if (r == 0 && reducing->merging)
        return sl_merging_add(reducing->merging, p, data.bytes, data.len);
    return r == 0 && !reducing->has_shards ? absorb_groups(reducing, &data) : r;
}

/* ---- the stage ---- */

static bool has_blocks(const struct reducing *reducing)
{
    for (size_t m = 0; m < reducing->driver->maps; m++)
        for (size_t t = 0; t < reducing->driver->map[m].tasks; t++)
            for (size_t b = 0; b < reducing->driver->map[m].blocks[t]; b++)
                if (reducing->driver->map[m].block[t][b].node == reducing->node->number)
                    return true;
    return false;
}

static int run_tasks(const struct reducing *reducing, struct sl_error *err)
{
    int r = send_tasks(reducing, err);
    return r < 0 ? r
                 : sl_request_wait(reducing->driver, reducing->id, (size_t)reducing->driver->partitions,
                                   take_report, (void *)reducing, err);
}

/* What tasks make of records, and of the batches of a window, is merged. Without records they are needed for keys that time
 * out, and for what the window holds. */
static int merge_rows(struct reducing *reducing, struct sl_dataset **ret, struct sl_error *err)
{
    const struct sl_node *node = reducing->node;
    const struct sl_wide *wide = node->op->wide;
    reducing->merging = sl_merging_new((size_t)reducing->driver->partitions, wide->partial->order(node));
    int r = reducing->merging ? 0 : SL_ENOMEM;
    if (r == 0 && wide->sharded->of_records)
        r = number_lanes(reducing);
    if (r == 0 && (has_blocks(reducing) ||
                   wide->wants(node, reducing->batch->stage[node->number]->memory, reducing->batch->t)))
        r = run_tasks(reducing, err);
    r = r < 0 ? r : sl_merging_finish(reducing->merging, ret);
    sl_merging_free(reducing->merging);
    free(reducing->lane);
    return r;
}

/* Tasks have the state: what they changed is taken in. */
static int revise(struct reducing *reducing, struct sl_dataset **ret, struct sl_error *err)
{
    struct sl_stage *stage = reducing->batch->stage[reducing->node->number];
    const struct sl_sharded *sharded = reducing->node->op->wide->sharded;
    reducing->has_shards = true;
    int r = sl_shards_deal(reducing->driver, reducing->batch, reducing->node, err);
    if (r == 0)
        r = sl_stages_shards_give_rows(reducing->node) ? merge_rows(reducing, ret, err)
                                                       : run_tasks(reducing, err);
    return r < 0 ? r : sharded->revise(stage, ret);
}

static int gather_groups(struct reducing *reducing, struct sl_error *err)
{
    int r = open_groups(reducing, err);
    r = r < 0 ? r : run_tasks(reducing, err);
    return r < 0 ? r : close_groups(reducing);
}

/* Tasks make the groups, which enter what is kept here. */
static int finish_here(struct reducing *reducing, struct sl_dataset **ret, struct sl_error *err)
{
    struct sl_stage *stage = reducing->batch->stage[reducing->node->number];
    sl_shards_forget(reducing->driver, reducing->node);
    int r = has_blocks(reducing) ? gather_groups(reducing, err) : 0;
    const struct sl_calls_cost begun = sl_calls_cost_now();
    r = r < 0 ? r : reducing->node->op->wide->finish(stage, ret);
    if (r == 0)
        sl_shards_note_cost(reducing->driver, stage, reducing->batch->rows[reducing->node->number], &begun);
    return r;
}

static int merge_results(struct reducing *reducing, struct sl_dataset **ret, struct sl_error *err)
{
    const struct sl_partial *partial = reducing->node->op->wide->partial;
    reducing->merging = sl_merging_new((size_t)reducing->driver->partitions, partial->order(reducing->node));
    int r = reducing->merging ? 0 : SL_ENOMEM;
    if (r == 0 && has_blocks(reducing)) /* else parts without rows are merged */
        r = run_tasks(reducing, err);
    r = r < 0 ? r : sl_merging_finish(reducing->merging, ret);
    r = r < 0 ? r : partial->cut(reducing->batch->stage[reducing->node->number], ret);
    sl_merging_free(reducing->merging);
    return r;
}

int sl_remote_driver_finish(struct sl_executor *executor, struct sl_batch *batch, const struct sl_node *node,
                            struct sl_dataset **ret, struct sl_error *err)
{
    struct sl_remote_driver *driver = (struct sl_remote_driver *)executor;
    struct reducing reducing = {.driver = driver, .batch = batch, .node = node, .id = driver->next_stage++};
    struct sl_dataset *dataset = NULL;
    int r;
    if (!sl_stages_keeps_state(node))
        r = merge_results(&reducing, &dataset, err);
    else if (driver->finishes[node->number] && sl_shards_wanted(driver, batch, node, has_blocks(&reducing)))
        r = revise(&reducing, &dataset, err);
    else
        r = finish_here(&reducing, &dataset, err);
    if (r == 0)
        *ret = dataset;
    else
        sl_dataset_unref(dataset);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}
