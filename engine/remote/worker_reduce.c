/* A reduce task: the groups of a partition of the keys, of the blocks that map tasks made for it. Blocks may come in any
 * order and several times; those that are missing or are not what the map task reported fail the attempt. */
#include "core/base/array.h"
#include "core/base/error.h"
#include "engine/batch/stage.h"
#include "engine/remote/report.h"
#include "engine/remote/worker_internal.h"
#include "text/block.h"

#include <stdlib.h>
#include <string.h>

/* What a lane of a map task has for the partition. */
struct section {
    struct sl_position position;
    struct sl_field rows; /* bytes, in the block */
};

struct reduce {
    struct sl_worker_process *process;
    struct sl_arena arena;
    struct sl_buf *block; /* [expected], unpacked; empty: not there yet */
    struct section *section;
    size_t sections, capacity;
};

/* The operator's state is in shards, of which the task has one. */
static bool has_shard(const struct reduce *reduce)
{
    return reduce->process->task->has_shard;
}

/* ---- blocks ---- */

static int damaged(struct sl_error *err)
{
    return sl_error_set(err, SL_EDAMAGED, "a block of a map task is damaged");
}

static int damaged_task(struct sl_error *err)
{
    return sl_error_set(err, SL_EDAMAGED, "a task has records and no state");
}

/* Which of the expected blocks it is; -1: none, as when the map task was done again. */
static int64_t find_expected(const struct sl_remote_task *task, int64_t stage, int64_t number)
{
    for (size_t i = 0; i < task->expected; i++)
        if (task->block[i].stage == stage && task->block[i].task == number)
            return (int64_t)i;
    return -1;
}

static bool is_for_us(const struct sl_remote_task *task, struct sl_wire *wire)
{
    return sl_wire_integer(wire) == task->node && sl_wire_integer(wire) == task->partition && !wire->failed;
}

static int take_block(struct reduce *reduce, struct sl_message *message, struct sl_error *err)
{
    const struct sl_remote_task *task = reduce->process->task;
    const struct sl_buf *body = &message->body;
    struct sl_buf bytes = {0};
    int r = sl_block_unpack(&bytes, body->bytes, body->len);
    struct sl_wire wire = {bytes.bytes, bytes.len, 0, &reduce->arena, r};
    int64_t stage = sl_wire_integer(&wire), number = sl_wire_integer(&wire);
    bool is_ours = !wire.failed && is_for_us(task, &wire);
    int64_t i = is_ours ? find_expected(task, stage, number) : -1;
    bool is_wanted =
        i >= 0 && !reduce->block[i].len && (int64_t)sl_block_check(body->bytes) == task->block[i].check;
    if (is_wanted)
        reduce->block[i] = bytes;
    else
        sl_buf_done(&bytes);
    return r == SL_ENOMEM ? sl_error_nomem(err) : wire.failed ? damaged(err) : 0;
}

static int add_section(struct reduce *reduce, const struct section *section)
{
    struct section *grown =
        sl_array_grow(reduce->section, reduce->sections, &reduce->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    reduce->section = grown;
    reduce->section[reduce->sections++] = *section;
    return 0;
}

static int list_sections(struct reduce *reduce, const struct sl_buf *block)
{
    struct sl_wire wire = {block->bytes, block->len, 0, &reduce->arena, 0};
    for (int i = 0; i < 4; i++)
        (void)sl_wire_integer(&wire); /* whose it is was looked at */
    int r = 0;
    while (r == 0 && !wire.failed && wire.at < wire.len) {
        struct section section = {{0}, sl_nil()};
        section.position.input = (uint32_t)sl_wire_integer(&wire);
        section.position.path = (uint32_t)sl_wire_integer(&wire);
        section.position.partition = (uint32_t)sl_wire_integer(&wire);
        section.rows = sl_wire_bytes(&wire);
        r = wire.failed ? wire.failed : add_section(reduce, &section);
    }
    return r < 0 ? r : wire.failed;
}

static int compare_sections(const void *a, const void *b)
{
    return sl_position_compare(&((const struct section *)a)->position,
                               &((const struct section *)b)->position);
}

static int find_sections(struct reduce *reduce, struct sl_error *err)
{
    const struct sl_remote_task *task = reduce->process->task;
    int r = 0;
    for (size_t i = 0; i < task->expected && r == 0; i++) {
        if (!reduce->block[i].len)
            return sl_error_set(
                err, SL_EFAIL,
                "block %lld of map stage %lld is missing, or differs from the one that was reported",
                (long long)task->block[i].task, (long long)task->block[i].stage);
        r = list_sections(reduce, &reduce->block[i]);
    }
    if (reduce->sections)
        qsort(reduce->section, reduce->sections, sizeof *reduce->section, compare_sections);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r < 0 ? damaged(err) : 0;
}

/* ---- groups ---- */

static int compare_lanes(const void *a, const void *b)
{
    return sl_position_compare(&((const struct sl_numbered_lane *)a)->position,
                               &((const struct sl_numbered_lane *)b)->position);
}

/* The number of the section's first row, where rows are numbered. */
static int number_section(const struct sl_remote_task *task, const struct section *section,
                          struct sl_lane *lane)
{
    const struct sl_numbered_lane wanted = {section->position, 0};
    const struct sl_numbered_lane *found =
        task->lanes ? bsearch(&wanted, task->lane, task->lanes, sizeof wanted, compare_lanes) : NULL;
    lane->first_row = found ? found->first_row : 0;
    return found || !task->lanes ? 0 : SL_EDAMAGED;
}

static int absorb_section(const struct reduce *reduce, struct sl_stage *stage, const struct section *section)
{
    const struct sl_wide *wide = stage->node->op->wide;
    struct sl_task *task = &reduce->process->run.task[0];
    struct sl_lane lane = {.position = section->position, .task = task};
    struct sl_wire wire = {section->rows.str, section->rows.len, 0, task->scratch, 0};
    struct sl_field row[SL_PARTIAL_FIELDS];
    task->ordinal = section->position.partition;
    int r = number_section(reduce->process->task, section, &lane);
    r = r == 0 && wide->lane_open ? wide->lane_open(stage, &lane) : r;
    while (r == 0 && sl_wire_row(&wire, SL_PARTIAL_FIELDS, row)) {
        r = wide->partial->absorb(stage, &lane, row);
        sl_arena_reset(task->scratch);
    }
    r = r < 0 ? r : wire.failed;
    return r == 0 && wide->lane_close ? wide->lane_close(stage, &lane) : r;
}

static int absorb(struct reduce *reduce, struct sl_stage *stage)
{
    int r = 0;
    for (size_t i = 0; i < reduce->sections && r == 0; i++)
        r = absorb_section(reduce, stage, &reduce->section[i]);
    return r;
}

/* ---- rows ---- */

struct encoding {
    struct sl_outlet outlet; /* first */
    struct sl_buf *buf;
};

static int encode_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    return sl_wire_put_chunk(((struct encoding *)outlet)->buf, chunk) ? 0 : SL_ENOMEM;
}

static int encode(struct sl_dataset *dataset, struct sl_pool *pool, struct sl_buf *buf)
{
    struct encoding encoding = {{encode_chunk}, buf};
    int r = dataset ? sl_dataset_resolve(dataset, pool) : 0;
    for (size_t p = 0; dataset && p < dataset->partitions && r == 0; p++)
        r = sl_dataset_push(dataset, p, 0, UINT64_MAX, &encoding.outlet);
    return r;
}

static int append_group(void *arg, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    return sl_wire_put_row(arg, row, SL_PARTIAL_FIELDS) ? 0 : SL_ENOMEM;
}

static int finish_rows(struct sl_stage *stage, struct sl_buf *rows)
{
    struct sl_dataset *dataset = NULL;
    int r = stage->node->op->wide->finish(stage, &dataset);
    r = r < 0 ? r : encode(dataset, stage->pool, rows);
    sl_dataset_unref(dataset);
    return r;
}

/* Keys and records live as long as the stage; the list of a record is reused for the next one. */
static int keep_sorted(void *arg, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    struct sl_rows *rows = arg;
    struct sl_field kept[SL_PARTIAL_FIELDS] = {row[0], row[1], row[2]};
    struct sl_field *items = sl_fields_place(&rows->arena, row[2].items, row[2].len);
    if (!items)
        return SL_ENOMEM;
    kept[2] = sl_list(items, row[2].len);
    return sl_rows_append_row(rows, kept, SL_PARTIAL_FIELDS);
}

static int finish_sorted(struct sl_stage *stage, struct sl_buf *buf)
{
    struct sl_rows *rows = sl_rows_new();
    struct sl_dataset *dataset = NULL;
    int r = rows ? stage->node->op->wide->partial->groups(stage, keep_sorted, rows) : SL_ENOMEM;
    if (r == 0 && !(dataset = sl_dataset_of(rows)))
        r = SL_ENOMEM;
    if (!dataset)
        sl_rows_unref(rows);
    r = r < 0 ? r : encode(dataset, stage->pool, buf);
    sl_dataset_unref(dataset);
    return r;
}

static bool is_sorted(const struct sl_node *node)
{
    enum sl_result_order order = node->op->wide->partial->order(node);
    return order == SL_RESULT_SORTED_UP || order == SL_RESULT_SORTED_DOWN;
}

/* What changes in the shard is the result, of state. */
static int finish_shard(struct sl_stage *stage)
{
    struct sl_dataset *dataset = NULL;
    int r = stage->node->op->wide->finish(stage, &dataset);
    sl_dataset_unref(dataset);
    return r;
}

/* What the driver merges, or lets enter what the operator keeps. */
static int finish_groups(const struct reduce *reduce, struct sl_stage *stage, struct sl_buf *rows)
{
    const struct sl_node *node = stage->node;
    if (has_shard(reduce))
        return sl_stages_shards_give_rows(node) ? finish_rows(stage, rows) : finish_shard(stage);
    if (sl_stages_keeps_state(node))
        return node->op->wide->partial->groups(stage, append_group, rows);
    return is_sorted(node) ? finish_sorted(stage, rows) : finish_rows(stage, rows);
}

/* Rows of the result; where the driver has what the operator keeps: the groups that enter it, or nothing but what changes in
 * a shard. */
static int finish(struct reduce *reduce, struct sl_stage *stage, struct sl_results *results,
                  struct sl_error *err)
{
    const struct sl_node *node = stage->node;
    const struct sl_position position = {0};
    bool gives_groups = sl_stages_keeps_state(node) && !has_shard(reduce);
    bool only_changes = has_shard(reduce) && !sl_stages_shards_give_rows(node);
    SL_CLEANUP(sl_buf_done) struct sl_buf rows = {0};
    stage->has_input = stage->said = true;
    int r = sl_stages_maps_records(node) && !has_shard(reduce) ? damaged_task(err) : absorb(reduce, stage);
    if (r == 0)
        r = finish_groups(reduce, stage, &rows);
    if (r == 0 && !only_changes &&
        !sl_results_add(results, node, &position, gives_groups ? SL_SECTION_PARTIAL : SL_SECTION_ROWS, &rows))
        r = SL_ENOMEM;
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

static int put_report(struct reduce *reduce, const struct sl_results *results, struct sl_buf *report,
                      struct sl_error *err)
{
    struct sl_worker_process *process = reduce->process;
    if (!sl_report_put_counts(report, &process->run, process->rows, process->rows_out))
        return sl_error_nomem(err);
    int r = sl_results_put(process, results, report, err);
    return r < 0 ? r : sl_wire_put_integer(report, 0) ? 0 : sl_error_nomem(err);
}

static int reduce_partition(struct reduce *reduce, struct sl_buf *report, struct sl_error *err)
{
    struct sl_worker_process *process = reduce->process;
    const struct sl_node *node = process->run.pipelines->node[process->task->node];
    SL_CLEANUP(sl_results_done) struct sl_results results = {0};
    struct sl_stage *stage = NULL;
    void *memory = NULL;
    int r = sl_stage_new(&process->run, node, process->task->batch_ms, &stage, err);
    if (r == 0 && has_shard(reduce)) {
        r = sl_worker_shard_open(process, stage, err);
        memory = stage->memory;
    }
    r = r < 0 ? r : finish(reduce, stage, &results, err);
    r = r < 0 ? r : put_report(reduce, &results, report, err);
    if (r == 0 && has_shard(reduce))
        r = sl_worker_shard_save(process, stage, report, err);
    sl_stage_free(stage);
    sl_worker_shard_close(node, memory);
    return r;
}

int sl_worker_reduce(struct sl_worker_process *process, struct sl_message *blocks, size_t count,
                     struct sl_buf *report, struct sl_error *err)
{
    struct reduce reduce = {.process = process};
    reduce.block = calloc(process->task->expected + 1, sizeof *reduce.block);
    int r = reduce.block ? 0 : sl_error_nomem(err);
    for (size_t i = 0; i < count && r == 0; i++)
        r = take_block(&reduce, &blocks[i], err);
    r = r < 0 ? r : find_sections(&reduce, err);
    r = r < 0 ? r : reduce_partition(&reduce, report, err);
    for (size_t i = 0; reduce.block && i < process->task->expected; i++)
        sl_buf_done(&reduce.block[i]);
    free(reduce.block);
    free(reduce.section);
    sl_arena_done(&reduce.arena);
    return r;
}
