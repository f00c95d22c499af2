/* partitionBy(n [, f]): pairs go where their key says; those of a partition stay in input order.
 *
 * Each lane keeps a pile of rows for each partition that it has rows for; the partitions of the result are
 * those piles in the order of lanes. */
#include "core/base/error.h"
#include "core/contract/lanes.h"
#include "core/contract/row_buffer.h"
#include "core/rows/spill.h"
#include "ops/key/pair_key.h"
#include "ops/key/partition_count.h"

#include <stdlib.h>

struct partitioning {
    struct sl_lanes lanes;
    struct sl_row_buffers piles;
};

struct lane {
    struct sl_lane_head head; /* first */
    size_t count;
    struct sl_row_buffer pile[]; /* [count], rows NULL: none */
};

static size_t partition_count(const struct sl_node *node)
{
    return (size_t)sl_node_integer(node, 0, 1);
}

static int begin(struct sl_stage *stage)
{
    struct partitioning *own = stage->state;
    sl_lanes_init(&own->lanes);
    return sl_row_buffers_init(&own->piles, stage);
}

static void lane_free(struct lane *lane)
{
    for (size_t p = 0; p < lane->count; p++)
        sl_row_buffer_done(&lane->pile[p]);
    free(lane);
}

static void done(struct sl_stage *stage)
{
    struct partitioning *own = stage->state;
    for (size_t i = 0; i < own->lanes.count; i++)
        lane_free((struct lane *)own->lanes.head[i]);
    sl_lanes_done(&own->lanes);
    sl_row_buffers_done(&own->piles);
}

static int lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct partitioning *own = stage->state;
    size_t count = partition_count(stage->node);
    struct lane *mine = calloc(1, sizeof *mine + count * sizeof *mine->pile);
    if (!mine)
        return SL_ENOMEM;
    mine->count = count;
    int r = sl_lanes_add(&own->lanes, lane, &mine->head);
    if (r < 0)
        lane_free(mine);
    return r;
}

/* ---- which partition ---- */

static int call_function(const struct sl_node *node, struct sl_task *task, const struct sl_field *key,
                         int64_t *ret)
{
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    int r = sl_function_call(sl_node_function(node, 1), task, key, 1, &returned);
    if (r < 0)
        return r;
    if (returned.count == 1 && values[0].tag == SL_INT) {
        *ret = values[0].integer;
        return 0;
    }
    if (returned.count == 1 && values[0].tag == SL_FLOAT && sl_float_is_integer(values[0].number, ret))
        return 0;
    return sl_task_explain(task, "%s: the function returned %s; return an integer", sl_node_called(node),
                           returned.count == 0   ? "nothing"
                           : returned.count == 1 ? sl_tag_phrase((enum sl_tag)values[0].tag)
                                                 : "several values");
}

static int find_partition(const struct sl_node *node, struct sl_task *task, const struct sl_field *key,
                          size_t count, size_t *ret)
{
    int64_t number;
    int r = sl_key_check(node, task, key);
    if (r < 0)
        return r;
    if (!sl_node_function(node, 1)) {
        *ret = sl_field_partition_hash(key) % count;
        return 0;
    }
    r = call_function(node, task, key, &number);
    if (r < 0)
        return r;
    int64_t rest = number % (int64_t)count; /* of negative numbers as Lua and Python have it */
    *ret = (size_t)(rest < 0 ? rest + (int64_t)count : rest);
    return 0;
}

/* ---- rows ---- */

static int append(struct lane *lane, size_t partition, const struct sl_chunk *in, uint32_t row)
{
    struct sl_row_buffer *pile = &lane->pile[partition];
    struct sl_field fields[SL_WIDTH_MAX];
    if (!pile->rows && sl_row_buffer_init(pile, NULL) < 0)
        return SL_ENOMEM;
    struct sl_rows *rows = pile->rows;
    for (uint32_t c = 0; c < in->width; c++)
        if (!sl_field_copy(&rows->arena, &in->column[c][row], &fields[c]))
            return SL_ENOMEM;
    return sl_rows_append_row(rows, fields, in->width);
}

/* The piles of a lane share what it may hold. */
static int make_room(struct partitioning *own, struct lane *lane, struct sl_task *task)
{
    size_t bytes = 0;
    int r = 0;
    for (size_t p = 0; own->piles.spill && p < lane->count; p++)
        bytes += lane->pile[p].rows ? lane->pile[p].rows->arena.bytes : 0;
    if (!own->piles.spill || bytes <= own->piles.spill->bytes / 2)
        return 0;
    for (size_t p = 0; p < lane->count && r == 0; p++)
        if (lane->pile[p].rows)
            r = sl_row_buffer_spill(&own->piles, &lane->pile[p], task);
    return r;
}

static int lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct partitioning *own = stage->state;
    struct lane *mine = lane->state;
    int r = 0;
    for (size_t p = 0; p < mine->count && r == 0; p++)
        if (mine->pile[p].rows)
            r = sl_row_buffer_end(&own->piles, &mine->pile[p], lane->task);
    return r;
}

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct lane *mine = lane->state;
    if (in->width < 2)
        return sl_pairs_reject(stage->node, lane->task, in);
    int r = make_room(stage->state, mine, lane->task);
    for (uint32_t row = 0; row < in->rows && r == 0; row++) {
        size_t partition;
        r = find_partition(stage->node, lane->task, &in->column[0][row], mine->count, &partition);
        if (r == 0)
            r = append(mine, partition, in, row);
        else if (r == SL_EREJECT)
            r = sl_task_reject(lane->task, stage->node->number, in, row);
    }
    return r;
}

static int add_lane(struct sl_dataset *dataset, const struct lane *lane)
{
    int r = 0;
    for (size_t p = 0; p < lane->count && r == 0; p++)
        if (lane->pile[p].rows)
            r = sl_row_buffer_show(&lane->pile[p], dataset, p);
    return r;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_lanes *lanes = &((struct partitioning *)stage->state)->lanes;
    struct sl_dataset *dataset = sl_dataset_new(partition_count(stage->node));
    int r = dataset ? 0 : SL_ENOMEM;
    sl_lanes_sort(lanes);
    for (size_t i = 0; i < lanes->count && r == 0; i++)
        r = add_lane(dataset, (const struct lane *)lanes->head[i]);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}

static const struct sl_wide partition_by_wide = {
    .state_size = sizeof(struct partitioning),
    .begin = begin,
    .lane_open = lane_open,
    .push = push,
    .lane_close = lane_close,
    .finish = finish,
    .done = done,
    .bounded = 1,
};

static const struct sl_param params[] = {
    {"numPartitions", SL_WANT_COUNT, false, "number of partitions of the result"},
    {"partitionFunc", SL_WANT_FUNCTION | SL_WANT_NIL, true,
     "gets a key, returns an integer; its rest modulo numPartitions is the partition"},
    {0},
};

const struct sl_op sl_op_partition_by = {
    .name = "partitionBy",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Brings all pairs of a key into the same of n partitions",
    .example = "s:map(sluice.pair(1)):partitionBy(4):glom()",
    .params = params,
    .wide = &partition_by_wide,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};
