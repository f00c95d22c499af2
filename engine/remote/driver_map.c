/* A map stage: the partitions of a source, a task for some of them that follow each other. */
#include "core/base/array.h"
#include "engine/batch/blame.h"
#include "engine/remote/driver_internal.h"
#include "text/block.h"

#include <stdlib.h>
#include <string.h>

/* Of a task at most, 64 MiB of text: what it has to hold, and to do again. And how many tasks a core gets at least, so that
 * one that is late is not waited for alone. */
enum { SPLITS_MAX = 8, ROUNDS = 2 };

struct mapping {
    struct sl_remote_driver *driver;
    struct sl_batch *batch;
    struct sl_source *source;
    size_t s, partitions, tasks;
    struct sl_map_stage *map;
    struct sl_task_sink *sink; /* [sinks] */
    size_t sinks;
};

/* Of task i, and the end of task i - 1. */
static size_t first_partition(const struct mapping *mapping, size_t i)
{
    return i * mapping->partitions / mapping->tasks;
}

void sl_map_stage_done(struct sl_map_stage *map)
{
    for (size_t i = 0; map->block && i < map->tasks; i++)
        free(map->block[i]);
    free(map->block);
    free(map->blocks);
    free(map->lane);
    *map = (struct sl_map_stage){0};
}

/* ---- tasks ---- */

static int list_sinks(struct mapping *mapping)
{
    const struct sl_pipelines *pipelines = mapping->batch->run->pipelines;
    size_t root = mapping->source->node->number;
    mapping->sink = calloc(pipelines->nodes + 1, sizeof *mapping->sink);
    if (!mapping->sink)
        return SL_ENOMEM;
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (mapping->driver->stages->fed[n][root] && mapping->batch->stage[n])
            mapping->sink[mapping->sinks++] =
                (struct sl_task_sink){(unsigned)n, mapping->driver->finishes[n]};
    return 0;
}

struct encoding {
    struct sl_outlet outlet; /* first */
    struct sl_buf buf;
};

static int encode_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    return sl_wire_put_chunk(&((struct encoding *)outlet)->buf, chunk) ? 0 : SL_ENOMEM;
}

/* The rows of a source that only this process can read: they travel in the task. */
static int encode_partition(struct mapping *mapping, size_t p, struct sl_buf *block, struct sl_error *err)
{
    struct sl_task *task = &mapping->batch->run->task[0];
    struct encoding encoding = {{encode_chunk}, {0}};
    uint64_t lines;
    task->err = err;
    sl_arena_reset(task->scratch);
    int r = mapping->source->ops->read(mapping->source, p, task, &encoding.outlet, &lines);
    if (r == 0 && !sl_block_pack(block, encoding.buf.bytes, encoding.buf.len))
        r = SL_ENOMEM;
    sl_buf_done(&encoding.buf);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

static int put_rows(struct mapping *mapping, size_t p, struct sl_buf *block, struct sl_remote_task *ret,
                    struct sl_error *err)
{
    int r = encode_partition(mapping, p, block, err);
    ret->input = SL_TASK_ROWS;
    ret->split[ret->splits++] =
        (struct sl_task_split){.partition = (uint32_t)p, .bytes = sl_string(block->bytes, block->len)};
    return r;
}

/* begin has looked: it can be read elsewhere, where there is memory to say so. */
static int put_place(struct mapping *mapping, size_t p, struct sl_remote_task *ret, struct sl_error *err)
{
    struct sl_split_place place;
    struct sl_task_split *split = &ret->split[ret->splits++];
    if (!mapping->source->ops->place(mapping->source, p, &place))
        return sl_error_nomem(err);
    ret->input = place.file ? SL_TASK_FILE : SL_TASK_RANGE;
    *split = (struct sl_task_split){.partition = (uint32_t)p, .part = place.part, .bytes = place.range};
    if (place.file)
        split->file = *place.file;
    return 0;
}

static int send_task(struct mapping *mapping, size_t i, struct sl_error *err)
{
    struct sl_remote_driver *driver = mapping->driver;
    SL_CLEANUP(sl_buf_done) struct sl_buf block = {0};
    struct sl_task_split split[SPLITS_MAX];
    struct sl_remote_task task = {
        .stage = mapping->map->id,
        .number = (int64_t)i,
        .role = SL_TASK_MAP,
        .batch_ms = mapping->batch->t,
        .replay = mapping->batch->replay,
        .partitions = driver->partitions,
        .exchange = driver->exchange,
        .node = mapping->map->source,
        .sinks = mapping->sinks,
        .sink = mapping->sink,
        .split = split,
    };
    int r = 0;
    for (size_t p = first_partition(mapping, i); p < first_partition(mapping, i + 1) && r == 0; p++)
        r = mapping->source->ops->plain_rows ? put_rows(mapping, p, &block, &task, err)
                                             : put_place(mapping, p, &task, err);
    return r < 0 ? r : sl_request_task(driver, &task, err);
}

/* ---- reports ---- */

/* Record errors of rows were the worker's, where it had the operator see them (capture.c). */
static int drop_reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                       const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                       uint32_t line)
{
    (void)sink, (void)task, (void)node, (void)fields, (void)width, (void)origin, (void)line;
    return 0;
}

static int push_rows(struct sl_stage *stage, struct sl_lane *lane, struct sl_wire *wire,
                     const struct sl_origin *origin)
{
    struct sl_chunk chunk;
    struct sl_task *task = lane->task;
    int r = 0;
    while (r == 0 && sl_wire_chunk(wire, origin, &chunk)) {
        r = stage->node->op->wide->push(stage, lane, &chunk);
        sl_arena_reset(task->scratch);
    }
    return r < 0 ? r : wire->failed;
}

static int push_partial(struct sl_stage *stage, struct sl_lane *lane, struct sl_wire *wire)
{
    struct sl_field row[SL_PARTIAL_FIELDS];
    int r = stage->node->op->wide->partial ? 0 : SL_EDAMAGED;
    while (r == 0 && sl_wire_row(wire, SL_PARTIAL_FIELDS, row)) {
        r = stage->node->op->wide->partial->absorb(stage, lane, row);
        sl_arena_reset(lane->task->scratch);
    }
    return r < 0 ? r : wire->failed;
}

static bool was_seen(const struct sl_op *op)
{
    return op->kind != SL_OP_OUTPUT || op->output->refuse;
}

/* A lane of the operator, as if its rows had been pushed here. */
static int deliver(struct mapping *mapping, const struct sl_remote_section *section, const uint8_t *bytes,
                   struct sl_error *err)
{
    static struct sl_reject_sink no_rejects = {.reject = drop_reject, .late = drop_reject};
    struct sl_stage *stage = mapping->batch->stage[section->node];
    struct sl_task task = mapping->batch->run->task[0];
    if (!stage)
        return SL_EDAMAGED;
    const struct sl_wide *wide = stage->node->op->wide;
    struct sl_lane lane = {.position = section->position, .task = &task};
    struct sl_wire wire = {bytes, section->len, 0, task.scratch, 0};
    bool is_partial = section->what == SL_SECTION_PARTIAL;
    task.ordinal = section->position.partition;
    task.err = stage->err = err;
    if (!is_partial && was_seen(stage->node->op))
        task.sink = &no_rejects;
    if (!is_partial)
        task.counts = NULL; /* what functions count there was counted */
    const struct sl_origin *origin =
        sl_report_origin(mapping->source, mapping->partitions, section->position.partition);
    sl_arena_reset(task.scratch);
    int r = wide->lane_open ? wide->lane_open(stage, &lane) : 0;
    r = r < 0 ? r : is_partial ? push_partial(stage, &lane, &wire) : push_rows(stage, &lane, &wire, origin);
    r = r == 0 && wide->lane_close ? wide->lane_close(stage, &lane) : r;
    return r < 0 ? sl_blame(stage->node, r, err) : 0;
}

static bool is_of_task(const struct mapping *mapping, size_t i, const struct sl_position *position)
{
    return position->partition >= first_partition(mapping, i) &&
           position->partition < first_partition(mapping, i + 1);
}

static int deliver_all(struct mapping *mapping, size_t i, const struct sl_report_end *end,
                       const struct sl_buf *data, struct sl_error *err)
{
    size_t at = 0;
    int r = 0;
    for (size_t n = 0; n < end->sections && r == 0; n++) {
        const struct sl_remote_section *section = &end->section[n];
        r = is_of_task(mapping, i, &section->position) ? deliver(mapping, section, data->bytes + at, err)
                                                       : SL_EDAMAGED;
        at += section->len;
    }
    return r;
}

static int note_blocks(struct mapping *mapping, size_t i, const struct sl_report_end *end)
{
    struct sl_map_stage *map = mapping->map;
    if (!end->blocks)
        return 0;
    map->block[i] = malloc(end->blocks * sizeof *map->block[i]);
    if (!map->block[i])
        return SL_ENOMEM;
    memcpy(map->block[i], end->block, end->blocks * sizeof *map->block[i]);
    map->blocks[i] = end->blocks;
    return 0;
}

static int take_lane(const struct mapping *mapping, size_t i, struct sl_wire *wire)
{
    struct sl_map_stage *map = mapping->map;
    struct sl_counted_lane *grown = sl_array_grow(map->lane, map->lanes, &map->lanes_capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    map->lane = grown;
    struct sl_counted_lane *lane = &map->lane[map->lanes];
    *lane = (struct sl_counted_lane){.node = (unsigned)sl_wire_integer(wire)};
    lane->position.input = (uint32_t)sl_wire_integer(wire);
    lane->position.path = (uint32_t)sl_wire_integer(wire);
    lane->position.partition = (uint32_t)sl_wire_integer(wire);
    lane->rows = (uint64_t)sl_wire_integer(wire);
    if (!wire->failed && !is_of_task(mapping, i, &lane->position))
        wire->failed = SL_EDAMAGED;
    map->lanes += !wire->failed;
    return wire->failed;
}

static int take_lanes(const struct mapping *mapping, size_t i, struct sl_wire *wire)
{
    size_t count = sl_wire_count(wire);
    int r = wire->failed;
    for (size_t n = 0; n < count && r == 0; n++)
        r = take_lane(mapping, i, wire);
    return r;
}

static int take_found(struct mapping *mapping, size_t p, struct sl_wire *wire, bool *is_damaged,
                      struct sl_error *err)
{
    struct sl_source *source = mapping->source;
    struct sl_split_found found;
    sl_report_take_found(wire, &found);
    mapping->batch->lines[mapping->s][p] = (uint64_t)sl_wire_integer(wire);
    if (wire->failed)
        return wire->failed;
    *is_damaged |= found.reason != NULL;
    return source->ops->note ? source->ops->note(source, p, &found, err) : 0;
}

static int take_report(void *arg, size_t i, struct sl_wire *wire, struct sl_error *err)
{
    struct mapping *mapping = arg;
    struct sl_report_end end;
    SL_CLEANUP(sl_buf_done) struct sl_buf data = {0};
    bool is_damaged = false;
    int r = 0;
    for (size_t p = first_partition(mapping, i); p < first_partition(mapping, i + 1) && r == 0; p++)
        r = take_found(mapping, p, wire, &is_damaged, err);
    if (r == 0)
        r = sl_report_take_counts(wire, mapping->batch, mapping->source, mapping->partitions,
                                  mapping->driver->sequence, err);
    mapping->driver->sequence = mapping->batch->run->rejects.total;
    r = r < 0 ? r : sl_report_take_end(mapping->driver, wire, &end, &data, err);
    if (r < 0 || is_damaged) /* the batch is read again without the file */
        return r;
    r = note_blocks(mapping, i, &end);
    r = r < 0 ? r : take_lanes(mapping, i, wire);
    return r < 0 ? r : deliver_all(mapping, i, &end, &data, err);
}

/* ---- the stage ---- */

static struct sl_map_stage *add_map(struct sl_remote_driver *driver, const struct sl_node *source,
                                    size_t tasks)
{
    struct sl_map_stage *grown =
        sl_array_grow(driver->map, driver->maps, &driver->maps_capacity, sizeof *grown);
    if (!grown)
        return NULL;
    driver->map = grown;
    struct sl_map_stage *map = &grown[driver->maps++];
    *map = (struct sl_map_stage){.id = driver->next_stage++, .source = source->number, .tasks = tasks};
    map->block = calloc(tasks + 1, sizeof *map->block);
    map->blocks = calloc(tasks + 1, sizeof *map->blocks);
    return map->block && map->blocks ? map : NULL;
}

/* The operators that reduce stages of this batch finish: all of them, so that blocks of all map stages are kept in the same
 * order of operators and partitions. Nothing for a source that has no blocks for any. */
static bool list_outputs(const struct mapping *mapping, struct sl_buf *outputs)
{
    size_t nodes = mapping->batch->run->pipelines->nodes;
    bool has_blocks = false, ok = true;
    for (size_t i = 0; i < mapping->sinks; i++)
        has_blocks |= mapping->sink[i].by_key;
    for (size_t n = 0; ok && has_blocks && n < nodes; n++)
        if (mapping->driver->finishes[n])
            ok = sl_buf_printf(outputs, "%s%zu", outputs->len ? "," : "", n);
    return ok;
}

static int send_stage(struct mapping *mapping, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf outputs = {0};
    if (!list_outputs(mapping, &outputs))
        return sl_error_nomem(err);
    return sl_request_stage(mapping->driver, mapping->map->id, "map", mapping->tasks, mapping->map->source,
                            "outputs", &outputs, err);
}

static bool is_of_files(struct sl_source *source)
{
    struct sl_split_place place = {0};
    return !source->ops->plain_rows && source->ops->place(source, 0, &place) && place.file;
}

/* Splits of files are put together, so many in a task that all cores end at the same time. */
static size_t count_tasks(const struct mapping *mapping)
{
    size_t cores = (size_t)mapping->driver->cores, partitions = mapping->partitions;
    if (!is_of_files(mapping->source))
        return partitions;
    size_t rounds = (partitions + SPLITS_MAX * cores - 1) / (SPLITS_MAX * cores);
    size_t tasks = cores * (rounds > ROUNDS ? rounds : ROUNDS);
    return tasks < partitions ? tasks : partitions;
}

int sl_remote_driver_read(struct sl_executor *executor, struct sl_batch *batch, size_t s,
                          struct sl_error *err)
{
    struct sl_remote_driver *driver = (struct sl_remote_driver *)executor;
    struct mapping mapping = {.driver = driver,
                              .batch = batch,
                              .source = batch->run->source[s],
                              .s = s,
                              .partitions = batch->partitions[s]};
    if (!mapping.partitions)
        return 0;
    mapping.tasks = count_tasks(&mapping);
    mapping.map = add_map(driver, mapping.source->node, mapping.tasks);
    int r = mapping.map && list_sinks(&mapping) == 0 ? 0 : sl_error_nomem(err);
    if (r == 0)
        r = send_stage(&mapping, err);
    for (size_t i = 0; i < mapping.tasks && r == 0; i++)
        r = send_task(&mapping, i, err);
    r = r < 0 ? r : sl_request_wait(driver, mapping.map->id, mapping.tasks, take_report, &mapping, err);
    free(mapping.sink);
    return r;
}
