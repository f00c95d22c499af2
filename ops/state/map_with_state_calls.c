#include "ops/state/map_with_state_calls.h"

#include "core/base/error.h"
#include "core/rows/stored_dataset.h"
#include "ops/key/pair_key.h"

#include <string.h>

/* What a round works on. */
struct calls {
    const struct sl_map_with_state_calls *mapping;
    const struct sl_dataset *input;
    bool is_stored;                  /* rows of the input may be on disk */
    const struct sl_cell_list *idle; /* not NULL: the calls are those of keys that time out */
};

static struct sl_state_shard *cells_of(const struct calls *calls, const struct sl_keyed_call *item)
{
    return &calls->mapping->parts->part[sl_state_map_number(item->hash)];
}

static uint64_t hash_of(const struct calls *calls, const struct sl_field *key)
{
    return sl_field_hash(key, calls->mapping->stage->tasks[0].seed);
}

/* ---- one call ---- */

/* Rows of shards are merged: those of records by their numbers, then those of keys that time out. */
static int place_row(const struct calls *calls, struct sl_keyed_calls_memory *memory,
                     struct sl_keyed_call *item)
{
    struct sl_field *row = sl_arena_alloc(&memory->round, SL_PARTIAL_FIELDS * sizeof *row);
    struct sl_field *fields = sl_arena_alloc(&memory->result, item->width * sizeof *fields);
    struct sl_field *key = calls->idle ? sl_arena_alloc(&memory->result, sizeof *key) : NULL;
    if (!row || !fields || (calls->idle && (!key || !sl_field_copy(&memory->result, &item->key, key))))
        return SL_ENOMEM;
    memcpy(fields, item->row, item->width * sizeof *fields);
    row[0] = calls->idle ? sl_list(key, 1) : sl_integer((int64_t)item->number);
    row[1] = sl_nil();
    row[2] = sl_list(fields, item->width);
    item->row = row;
    item->width = SL_PARTIAL_FIELDS;
    return 0;
}

/* What the function returned becomes the item's row. */
static int keep_returned(const struct calls *calls, struct sl_keyed_calls_memory *memory,
                         const struct sl_returned *returned, struct sl_keyed_call *item)
{
    const struct sl_field *fields = returned->values;
    uint32_t count = returned->count;
    if (count == 1 && fields[0].tag == SL_LIST && fields[0].flags & SL_FIELD_ROW) {
        count = fields[0].len;
        fields = fields[0].items;
    }
    struct sl_field *row = sl_arena_alloc(&memory->round, count * sizeof *row);
    if (!row)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (!sl_field_copy(&memory->result, &fields[i], &row[i]))
            return SL_ENOMEM;
    item->row = row;
    item->width = (uint8_t)count;
    return calls->mapping->stage->is_shard ? place_row(calls, memory, item) : 0;
}

/* What the function did to the cell becomes so. */
static int settle_cell(struct sl_state_shard *cells, struct sl_state_entry *cell,
                       const struct sl_state_cell *after)
{
    if (!after->changed)
        return 0;
    if (after->exists)
        return sl_state_shard_put(cells, cell, &after->value);
    return sl_state_shard_remove(cells, cell);
}

static int reject(const struct calls *calls, struct sl_task *task, struct sl_keyed_call *item)
{
    item->is_refused = true;
    task->is_counted_elsewhere =
        calls->idle; /* a key that the batch did not bring says nothing of the batch */
    int r = sl_task_reject_group(task, calls->mapping->stage->node->number, &item->key, &item->value,
                                 calls->idle ? 0 : 1);
    task->is_counted_elsewhere = false;
    return r;
}

/* An error leaves the state as it was. */
static int call(const struct calls *calls, struct sl_task *task, struct sl_keyed_calls_memory *memory,
                struct sl_keyed_call *item, struct sl_state_entry *cell)
{
    const struct sl_function *fn = sl_node_function(calls->mapping->stage->node, 0);
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {0, values};
    struct sl_state_cell state = {cell->exists, false, calls->idle != NULL, cell->value};
    int r = fn->ops->call_state(fn, task, &cell->key, &item->value, &state, calls->mapping->stage->batch_ms,
                                &returned);
    if (r == SL_EREJECT)
        return reject(calls, task, item);
    if (r == 0)
        r = settle_cell(cells_of(calls, item), cell, &state);
    return r == 0 && returned.count ? keep_returned(calls, memory, &returned, item) : r;
}

/* ---- records ---- */

/* Rows on disk are loaded block by block: what an item needs of them is copied. */
static int keep_row(const struct calls *calls, struct sl_arena *round, struct sl_field *row, uint32_t width)
{
    for (uint32_t i = 0; i < width && calls->is_stored; i++)
        if (!sl_field_copy(round, &row[i], &row[i]))
            return SL_ENOMEM;
    return 0;
}

static int fill_record(const struct calls *calls, struct sl_arena *round, struct sl_field *row,
                       uint32_t width, struct sl_keyed_call *item)
{
    if (keep_row(calls, round, row, width) < 0)
        return SL_ENOMEM;
    item->key = row[0];
    item->hash = hash_of(calls, &row[0]);
    item->is_pair = width > 1;
    if (width == 2)
        item->value = row[1];
    if (width <= 2)
        return 0;
    struct sl_field *others = sl_arena_alloc(round, (width - 1) * sizeof *others);
    if (!others)
        return SL_ENOMEM;
    memcpy(others, row + 1, (width - 1) * sizeof *others);
    item->value = sl_list(others, width - 1);
    return 0;
}

static int fill_records(void *arg, uint64_t from, size_t count, struct sl_keyed_calls_memory *memory,
                        struct sl_keyed_call *item)
{
    const struct calls *calls = arg;
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    sl_cursor_pass(&cursor, calls->input, &block);
    sl_cursor_seek(&cursor, from);
    for (; count && sl_cursor_next(&cursor, row, &width); count--, item++)
        if (fill_record(calls, &memory->round, row, width, item) < 0)
            return SL_ENOMEM;
    return count ? SL_ENOMEM : 0; /* rows on disk that could not be loaded */
}

/* Between rounds no cell is in use. */
static int begin_round(void *arg)
{
    const struct calls *calls = arg;
    return sl_state_map_make_room(calls->mapping->parts, calls->mapping->stage);
}

static int call_for_record(void *arg, struct sl_task *task, struct sl_keyed_calls_memory *memory,
                           struct sl_keyed_call *item)
{
    const struct calls *calls = arg;
    struct sl_state_shard *cells = cells_of(calls, item);
    if (!item->is_pair)
        sl_task_explain_pair(task, "mapWithState", &item->key);
    if (!item->is_pair || sl_key_check(calls->mapping->stage->node, task, &item->key) < 0)
        return reject(calls, task, item);
    struct sl_state_entry *cell;
    int r = sl_state_map_find(calls->mapping->parts, task, &item->key, item->hash, &cell);
    if (r == 0)
        r = call(calls, task, memory, item, cell);
    return r < 0 ? r
                 : sl_state_shard_touch(cells, cell, calls->mapping->stage->batch_ms,
                                        calls->mapping->timeout_ms > 0);
}

/* ---- keys that time out ---- */

static int fill_idle(void *arg, uint64_t from, size_t count, struct sl_keyed_calls_memory *memory,
                     struct sl_keyed_call *item)
{
    const struct calls *calls = arg;
    for (size_t i = 0; i < count; i++) {
        item[i].key = calls->idle->entry[from + i].key;
        item[i].hash = hash_of(calls, &item[i].key);
    }
    return 0;
}

static int call_for_idle(void *arg, struct sl_task *task, struct sl_keyed_calls_memory *memory,
                         struct sl_keyed_call *item)
{
    const struct calls *calls = arg;
    struct sl_state_shard *cells = cells_of(calls, item);
    struct sl_state_entry *cell = sl_state_shard_find(cells, &item->key, (uint32_t)item->hash);
    if (!cell)
        return SL_ENOMEM;
    task->keys = &item->key; /* how many keys time out before it is not known to a shard */
    task->row = 0;
    int r = call(calls, task, memory, item, cell);
    task->keys = NULL;
    return r < 0 ? r : sl_state_shard_remove(cells, cell);
}

/* ---- the batch ---- */

int sl_map_with_state_calls_call_records(const struct sl_map_with_state_calls *mapping,
                                         const struct sl_dataset *input)
{
    struct calls calls = {mapping, input, sl_dataset_is_stored(input), NULL};
    const struct sl_keyed_calls_work work = {fill_records, call_for_record, begin_round, &calls};
    return sl_keyed_calls_run(mapping->rounds, &work, input->count);
}

/* For the next of them. 1; 0: there were none; or a failure. */
static int time_out_next(const struct sl_map_with_state_calls *mapping)
{
    struct sl_stage *stage = mapping->stage;
    struct sl_cell_list idle SL_CLEANUP(sl_cell_list_done) = {0};
    struct calls calls = {mapping, NULL, false, &idle};
    const struct sl_keyed_calls_work work = {fill_idle, call_for_idle, NULL, &calls};
    int r = sl_state_map_take_idle(mapping->parts, stage, stage->batch_ms - mapping->timeout_ms, &idle);
    stage->said = stage->said || idle.count;
    r = r < 0 ? r : sl_keyed_calls_run(mapping->rounds, &work, idle.count);
    return r < 0 ? r : idle.count > 0;
}

int sl_map_with_state_calls_time_out(const struct sl_map_with_state_calls *mapping)
{
    int r;
    while ((r = time_out_next(mapping)) > 0)
        ;
    return r;
}
