/* dropDuplicates([f]): of equal records, or of records with equal keys f(record), the first.
 *
 * A key is kept with the time of its first record, and a record is a duplicate up to `delay` (of the withWatermark
 * above) after it; so what is dropped depends on times and the order of records, not on how they were cut into
 * batches. A key is forgotten when the watermark has passed that time: no record that it allows can be a duplicate
 * any more. Records that are older than the watermark are late: what they might repeat may be forgotten.
 *
 * Rows are collected as (time, [key,] field ...), keys of functions being made where rows are read; then the keys are
 * shared by the workers (ops/state/keyed_calls.h), and the records that stay are in the order of the input. On disk
 * (key, time, due). */
#include "core/base/error.h"
#include "core/contract/collect.h"
#include "core/contract/columns.h"
#include "core/contract/services.h"
#include "core/rows/stored_dataset.h"
#include "ops/event/timed_map.h"
#include "ops/event/upstream.h"
#include "ops/key/pair_key.h"
#include "ops/narrow/returned.h"
#include "ops/state/keyed_calls.h"

#include <string.h>

static bool has_function(const struct sl_node *node)
{
    return node->arg[0].kind == SL_ARG_FUNCTION;
}

/* Fields before the record's own. */
static uint32_t extra_fields(const struct sl_node *node)
{
    return has_function(node) ? 2 : 1;
}

/* ---- rows on their way ---- */

static int find_key(struct sl_stage *stage, struct sl_task *task, const struct sl_chunk *in, uint32_t row,
                    struct sl_field *ret)
{
    const struct sl_function *fn = sl_node_function(stage->node, 0);
    struct sl_field *values = sl_arena_alloc(task->scratch, SL_WIDTH_MAX * sizeof *values);
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    if (!values)
        return SL_ENOMEM;
    sl_chunk_row(in, row, fields);
    task->event_ms = in->time[row];
    int r = sl_function_call(fn, task, fields, in->width, &returned);
    task->event_ms = SL_NO_TIME;
    r = r < 0 ? r : sl_returned_value(stage->node, task, fn, &returned, ret);
    return r < 0 ? r : sl_key_check(stage->node, task, ret);
}

static int collect_row(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX + 2] = {sl_integer(in->time[row])};
    uint32_t extra = extra_fields(stage->node);
    struct sl_rows *rows = sl_collect_rows(lane);
    int r = 0;
    if (in->width + extra > SL_WIDTH_MAX)
        return sl_task_explain(lane->task, "dropDuplicates: the record has %u fields; at most %u",
                               (unsigned)in->width, (unsigned)(SL_WIDTH_MAX - extra));
    if (has_function(stage->node))
        r = find_key(stage, lane->task, in, row, &fields[1]);
    sl_chunk_row(in, row, fields + extra);
    for (uint32_t c = 0; r == 0 && !has_function(stage->node) && c < in->width; c++)
        if (fields[extra + c].tag >= SL_LIST)
            r = sl_key_check(stage->node, lane->task, &fields[extra + c]);
    for (uint32_t c = 0; r == 0 && c < in->width + extra; c++)
        if (!sl_field_copy(&rows->arena, &fields[c], &fields[c]))
            return SL_ENOMEM;
    return r < 0 ? r : sl_rows_append_row(rows, fields, in->width + extra);
}

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    int r = sl_collect_make_room(stage->state, lane);
    for (uint32_t row = 0; r == 0 && row < in->rows; row++) {
        if (stage->watermark_ms != SL_NO_TIME && in->time[row] < stage->watermark_ms)
            r = sl_task_late(lane->task, stage->node->number, in, row);
        else
            r = collect_row(stage, lane, in, row);
        if (r == SL_EREJECT)
            r = sl_task_reject(lane->task, stage->node->number, in, row);
    }
    return r;
}

/* ---- the batch ---- */

struct calls {
    struct sl_stage *stage;
    struct sl_timed_map *timed;
    const struct sl_dataset *input;
    bool is_stored; /* rows of the input may be on disk */
    int64_t delay_ms;
};

/* Rows on disk are loaded block by block: what an item needs of them is copied. */
static bool keep_row(const struct calls *calls, struct sl_arena *round, struct sl_field *row, uint32_t width)
{
    bool ok = true;
    for (uint32_t i = 0; ok && calls->is_stored && i < width; i++)
        ok = sl_field_copy(round, &row[i], &row[i]);
    return ok;
}

static int fill(void *arg, uint64_t from, size_t count, struct sl_keyed_calls_memory *memory,
                struct sl_keyed_call *item)
{
    const struct calls *calls = arg;
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    uint32_t extra = extra_fields(calls->stage->node), width;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    sl_cursor_pass(&cursor, calls->input, &block);
    sl_cursor_seek(&cursor, from);
    for (; count && sl_cursor_next(&cursor, row, &width); count--, item++) {
        struct sl_field *fields = sl_arena_alloc(&memory->round, width * sizeof *fields);
        if (!fields || !keep_row(calls, &memory->round, row, width))
            return SL_ENOMEM;
        memcpy(fields, row + extra, (width - extra) * sizeof *fields);
        item->time = row[0].integer;
        item->row = fields;
        item->value = sl_integer(width - extra);
        item->key = extra == 2 ? row[1] : width == 2 ? fields[0] : sl_list(fields, width - 1);
        item->key.flags = 0;
        item->hash = sl_field_hash(&item->key, calls->stage->tasks[0].seed);
    }
    return count ? SL_ENOMEM : 0;
}

static int call(void *arg, struct sl_task *task, struct sl_keyed_calls_memory *memory,
                struct sl_keyed_call *item)
{
    const struct calls *calls = arg;
    unsigned part = sl_state_map_number(item->hash);
    struct sl_field first = sl_integer(item->time), *fields;
    uint32_t width = (uint32_t)item->value.integer;
    struct sl_state_entry *cell;
    int r = sl_state_map_find(&calls->timed->map, task, &item->key, item->hash, &cell);
    if (r < 0)
        return r;
    if (cell->exists && item->time <= cell->value.integer + calls->delay_ms)
        return 0;
    fields = sl_arena_alloc(&memory->round, width * sizeof *fields);
    for (uint32_t i = 0; fields && i < width; i++)
        if (!sl_field_copy(&memory->result, &item->row[i], &fields[i]))
            return SL_ENOMEM;
    if (!fields)
        return SL_ENOMEM;
    item->row = fields;
    item->width = (uint8_t)width;
    item->is_timed = true;
    return sl_timed_map_put(calls->timed, part, cell, &first, item->time + calls->delay_ms);
}

/* Between rounds no cell is in use. */
static int begin_round(void *arg)
{
    const struct calls *calls = arg;
    return sl_timed_map_make_room(calls->timed, calls->stage);
}

/* A key whose time is over. */
static int forget_cell(void *arg, struct sl_task *task, unsigned part, struct sl_state_entry *cell)
{
    struct sl_timed_map *timed = arg;
    return sl_state_shard_remove(&timed->map.part[part], cell);
}

static int forget(struct sl_stage *stage)
{
    const struct sl_timed_map_work work = {forget_cell, NULL, stage->memory};
    return stage->watermark_ms == SL_NO_TIME
               ? 0
               : sl_timed_map_visit_due(stage->memory, stage, stage->watermark_ms, &work);
}

static int run(const struct calls *calls, struct sl_keyed_calls *rounds, struct sl_dataset **ret)
{
    const struct sl_keyed_calls_work work = {fill, call, begin_round, (void *)calls};
    int r = sl_keyed_calls_run(rounds, &work, calls->input->count);
    if (r == 0)
        *ret = sl_keyed_calls_take(rounds);
    return r;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_keyed_calls rounds;
    struct sl_dataset *input = NULL;
    int r = sl_timed_map_bound(stage->memory, stage);
    if (r == 0 && !stage->services->durable)
        r = sl_timed_map_forget_changes(stage->memory, stage);
    r = r < 0 ? r : forget(stage);
    r = r < 0 ? r : sl_collect_dataset(stage->state, &input, stage->err);
    if (r < 0)
        return r;
    const struct calls calls = {stage, stage->memory, input, sl_dataset_is_stored(input),
                                sl_upstream_delay(stage->node)};
    r = sl_keyed_calls_init(&rounds, stage);
    rounds.cells = &calls.timed->map;
    r = r < 0 ? r : run(&calls, &rounds, ret);
    sl_keyed_calls_done(&rounds);
    sl_dataset_unref(input);
    return r;
}

static void memory_done(void *memory)
{
    sl_timed_map_done(memory);
}

static uint64_t count_open(const void *memory)
{
    return sl_state_map_living(&((const struct sl_timed_map *)memory)->map);
}

static int save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    return sl_timed_map_save(stage->memory, stage, keeper, 0);
}

/* The delay may be another now. */
static int due_of(const struct sl_stage *stage, const struct sl_field *value, int64_t *ret)
{
    *ret = value->tag == SL_INT ? value->integer + sl_upstream_delay(stage->node) : 0;
    return value->tag == SL_INT ? 0 : SL_EDAMAGED;
}

static int load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    return sl_timed_map_load(stage->memory, stage, rows, due_of, "keys");
}

static int loaded(struct sl_stage *stage, int64_t last_ms)
{
    return sl_timed_map_loaded(stage->memory, stage);
}

static const struct sl_wide drop_duplicates_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = push,
    .lane_close = sl_collect_lane_close,
    .finish = finish,
    .done = sl_collect_end,
    .keeps_time = true,
    .bounded = 3, /* the records, keys in memory, the records that stay */
    .memory_size = sizeof(struct sl_timed_map),
    .memory_done = memory_done,
    .open = count_open,
    .save = save,
    .load = load,
    .loaded = loaded,
};

static int check(struct sl_node *node, struct sl_error *err)
{
    return sl_require_timed(node, err);
}

static const struct sl_param params[] = {
    {"f", SL_WANT_FUNCTION | SL_WANT_OF_STATE, true,
     "gets the record's fields, returns its key; not given: the record is the key"},
    {0},
};

const struct sl_op sl_op_drop_duplicates = {
    .name = "dropDuplicates",
    .kind = SL_OP_WIDE,
    .family = "event time",
    .summary = "Keeps the first of equal records, or keys, that come within the watermark's delay of it",
    .example = "s:withWatermark(function() return 1000 end, \"1h\"):dropDuplicates()",
    .params = params,
    .wide = &drop_duplicates_wide,
    .check = check,
    .columns = sl_columns_of_input,
};
