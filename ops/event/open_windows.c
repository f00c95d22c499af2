/* openWindows(): after an eventWindow with emit = "updates", the windows that are open and those that closed recently, each
 * with its newest value: a table where the stream before it gives changes. mount puts it before itself (engine/graph/api.c).
 *
 * A cell of a timed map has the rows of one key, by their start. A new row replaces that of the same window; of sessions, those
 * it has grown from. A row is forgotten when the watermark has passed its stop by the size of a window, or by the gap; at the
 * end of event time the last ones stay. On disk (key, {row, ...}, due). With a memoryLimit cells that are too much are moved to
 * disk between rows, and the table is sorted there (ops/event/sorted_result.h). */
#include "core/base/error.h"
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "ops/event/event_reduce.h"
#include "ops/event/event_window.h"
#include "ops/event/sorted_result.h"
#include "ops/event/timed_map.h"
#include "ops/group/by_key.h"

#include <stdlib.h>
#include <string.h>

enum { SPAN_FIELDS = 2 }; /* start and stop, before the fields of a group */

static struct sl_event_windows windows_of(const struct sl_node *node)
{
    return sl_event_windows_of(node->input[0]);
}

static int64_t stay_of(const struct sl_event_windows *windows)
{
    return windows->gap ? windows->gap : windows->size;
}

/* ---- a key's rows ---- */

struct change {
    struct sl_stage *stage;
    struct sl_event_windows windows;
    const struct sl_field *row;
    uint32_t width;
    bool removes; /* the row is start, stop, key of a window that has a group error now */
};

static int64_t start_of(const struct sl_field *row)
{
    return row->items[0].integer;
}

static int64_t stop_of(const struct sl_field *row)
{
    return row->items[1].integer;
}

static bool is_replaced(const struct change *change, const struct sl_field *old)
{
    int64_t start = change->row[0].integer, stop = change->row[1].integer;
    return change->windows.gap ? start_of(old) >= start && stop_of(old) <= stop : start_of(old) == start;
}

/* The key of a group, which may be the rest of the row, or nothing. */
static struct sl_field key_of(const struct sl_node *node, const struct sl_field *row, uint32_t width)
{
    const struct sl_by_key_spec *spec = node->input[0]->op->spec;
    struct sl_field key = spec->form == SL_FORM_VALUE  ? sl_nil()
                          : spec->form == SL_FORM_PAIR ? row[SPAN_FIELDS]
                                                       : sl_list(row + SPAN_FIELDS, width - SPAN_FIELDS);
    key.flags = 0;
    return key;
}

static int put(struct sl_stage *stage, unsigned part, struct sl_state_entry *cell,
               const struct sl_field *rows, uint32_t count)
{
    struct sl_timed_map *timed = stage->memory;
    const struct sl_event_windows windows = windows_of(stage->node);
    struct sl_field value = sl_list(rows, count);
    int64_t due_ms = INT64_MAX;
    if (!count)
        return cell->exists ? sl_state_shard_remove(&timed->map.part[part], cell) : 0;
    for (uint32_t i = 0; i < count; i++)
        if (stop_of(&rows[i]) + stay_of(&windows) < due_ms)
            due_ms = stop_of(&rows[i]) + stay_of(&windows);
    return sl_timed_map_put(timed, part, cell, &value, due_ms);
}

static int add_row(const struct change *change, struct sl_task *task)
{
    struct sl_timed_map *timed = change->stage->memory;
    struct sl_field key =
        change->removes ? change->row[SPAN_FIELDS] : key_of(change->stage->node, change->row, change->width);
    uint64_t hash = sl_field_hash(&key, task->seed);
    unsigned part = sl_state_map_number(hash);
    struct sl_state_entry *cell;
    int r = sl_state_map_find(&timed->map, task, &key, hash, &cell);
    if (r < 0)
        return r;
    uint32_t old = cell->exists ? cell->value.len : 0, count = 0, i = 0;
    struct sl_field *rows = sl_arena_alloc(task->scratch, (old + 1) * sizeof *rows);
    if (!rows)
        return SL_ENOMEM;
    for (; i < old && start_of(&cell->value.items[i]) < change->row[0].integer; i++)
        rows[count++] = cell->value.items[i];
    if (!change->removes)
        rows[count++] = sl_list(change->row, change->width);
    for (; i < old; i++)
        if (!is_replaced(change, &cell->value.items[i]))
            rows[count++] = cell->value.items[i];
    return put(change->stage, part, cell, rows, count);
}

static int add_rows(struct sl_stage *stage, const struct sl_dataset *input, bool removes)
{
    struct sl_task *task = &stage->tasks[0];
    struct sl_field row[SL_WIDTH_MAX];
    struct change change = {stage, windows_of(stage->node), row, 0, removes};
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_cursor cursor;
    int r = 0;
    task->err = stage->err;
    sl_cursor_pass(&cursor, input, &block);
    for (uint64_t n = 1; r == 0 && sl_cursor_next(&cursor, row, &change.width); n++) {
        sl_arena_reset(task->scratch);
        r = add_row(&change, task);
        if (r == 0 && n % SL_CHUNK_ROWS == 0) /* between rows no cell is in use */
            r = sl_timed_map_make_room(stage->memory, stage);
    }
    return r;
}

/* What the operator before it left out of this batch. */
static int remove_failed(struct sl_stage *stage)
{
    const struct sl_event_memory *memory = stage->input_memory;
    return memory->left_out ? add_rows(stage, memory->left_out, true) : 0;
}

/* ---- rows whose time is over ---- */

static int forget_rows(void *arg, struct sl_task *task, unsigned part, struct sl_state_entry *cell)
{
    struct sl_stage *stage = arg;
    const struct sl_event_windows windows = windows_of(stage->node);
    struct sl_field *rows = sl_arena_alloc(task->scratch, cell->value.len * sizeof *rows);
    uint32_t count = 0;
    for (uint32_t i = 0; rows && i < cell->value.len; i++)
        if (stop_of(&cell->value.items[i]) + stay_of(&windows) >= stage->watermark_ms)
            rows[count++] = cell->value.items[i];
    return rows ? put(stage, part, cell, rows, count) : SL_ENOMEM;
}

static int forget(struct sl_stage *stage)
{
    const struct sl_timed_map_work work = {forget_rows, NULL, stage};
    int64_t until = stage->watermark_ms;
    return until == SL_NO_TIME || until == SL_END_OF_TIME
               ? 0
               : sl_timed_map_visit_due(stage->memory, stage, until, &work);
}

/* ---- the table ---- */

/* Entries (start, stop, key) with their rows. */
static size_t list_rows(const struct sl_timed_map *timed, const struct sl_node *node, struct sl_arena *arena,
                        struct sl_group_entry *entry)
{
    size_t count = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        for (size_t c = 0; c < timed->map.part[p].count; c++) {
            const struct sl_state_entry *cell = &timed->map.part[p].cell[c];
            for (uint32_t i = 0; cell->exists && i < cell->value.len; i++) {
                const struct sl_field *row = &cell->value.items[i];
                struct sl_field *key = entry ? sl_arena_alloc(arena, 3 * sizeof *key) : NULL;
                if (key) {
                    key[0] = row->items[0];
                    key[1] = row->items[1];
                    key[2] = key_of(node, row->items, row->len);
                    entry[count] = (struct sl_group_entry){sl_list(key, 3), {.pointer = (void *)row}};
                }
                count += !entry || key;
            }
        }
    return count;
}

static int append(struct sl_rows *rows, const struct sl_field *row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    for (uint32_t i = 0; i < row->len; i++)
        if (!sl_field_copy(&rows->arena, &row->items[i], &fields[i]))
            return SL_ENOMEM;
    return sl_rows_append_row(rows, fields, row->len);
}

static int show_in_memory(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_timed_map *timed = stage->memory;
    struct sl_arena arena SL_CLEANUP(sl_arena_done) = {0};
    struct sl_rows *rows = sl_rows_new();
    size_t count = list_rows(timed, stage->node, &arena, NULL);
    struct sl_group_entry *entry = malloc((count + 1) * sizeof *entry);
    bool whole = rows && entry && list_rows(timed, stage->node, &arena, entry) == count;
    int r = whole ? sl_group_entries_sort(stage, entry, count) : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = append(rows, entry[i].state.pointer);
    free(entry);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    *ret = sl_dataset_of(rows);
    return *ret ? 0 : SL_ENOMEM;
}

/* ---- the table beyond memoryLimit ---- */

struct listing {
    struct sl_stage *stage;
    struct sl_sorted_result *result;
    uint64_t rows;
};

static int list_cell(void *arg, const struct sl_stored_cell *cell)
{
    struct listing *listing = arg;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < cell->value.len; i++) {
        const struct sl_field *row = &cell->value.items[i];
        const struct sl_field value[SL_RESULT_VALUES] = {*row, sl_nil()};
        const struct sl_field by[SL_RESULT_KEYS] = {row->items[0], row->items[1],
                                                    key_of(listing->stage->node, row->items, row->len)};
        r = sl_result_part_add(&listing->result->part[0], by, value);
        if (r == 0 && ++listing->rows % SL_CHUNK_ROWS == 0)
            r = sl_sorted_result_make_room(listing->result);
    }
    return r;
}

static int make_row(struct sl_stage *stage, struct sl_task *task, const struct sl_result_row *row,
                    struct sl_field fields[SL_WIDTH_MAX], uint32_t *ret_width)
{
    *ret_width = row->value[0].len;
    memcpy(fields, row->value[0].items, *ret_width * sizeof *fields);
    return 0;
}

static int show_bounded(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_timed_map *timed = stage->memory;
    struct sl_sorted_result *result = malloc(sizeof *result);
    struct listing listing = {stage, result, 0};
    int r = result ? sl_sorted_result_init(result, stage) : SL_ENOMEM;
    r = r < 0 ? r : sl_state_map_each(&timed->map, stage, list_cell, &listing);
    r = r < 0 ? r : sl_sorted_result_show(result, make_row, ret);
    if (result)
        sl_sorted_result_done(result);
    free(result);
    return r;
}

static int show(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_timed_map *timed = stage->memory;
    return timed->map.runs ? show_bounded(stage, ret) : show_in_memory(stage, ret);
}

/* ---- the batch ---- */

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_dataset *input = NULL;
    int r = sl_timed_map_bound(stage->memory, stage);
    if (r == 0 && !stage->services->durable)
        r = sl_timed_map_forget_changes(stage->memory, stage);
    r = r < 0 ? r : sl_collect_dataset(stage->state, &input, stage->err);
    r = r < 0 ? r : add_rows(stage, input, false);
    r = r < 0 ? r : remove_failed(stage);
    r = r < 0 ? r : forget(stage);
    r = r < 0 ? r : show(stage, ret);
    sl_dataset_unref(input);
    return r;
}

static void memory_done(void *memory)
{
    sl_timed_map_done(memory);
}

static int save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    return sl_timed_map_save(stage->memory, stage, keeper, 0);
}

static bool is_row(const struct sl_field *row)
{
    return row->tag == SL_LIST && row->len > SPAN_FIELDS && row->len <= SL_WIDTH_MAX &&
           row->items[0].tag == SL_INT && row->items[1].tag == SL_INT;
}

static int due_of(const struct sl_stage *stage, const struct sl_field *value, int64_t *ret)
{
    bool whole = value->tag == SL_LIST;
    for (uint32_t i = 0; whole && i < value->len; i++)
        whole = is_row(&value->items[i]);
    return whole ? 0 : SL_EDAMAGED;
}

static int load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    return sl_timed_map_load(stage->memory, stage, rows, due_of, "rows");
}

static int loaded(struct sl_stage *stage, int64_t last_ms)
{
    return sl_timed_map_loaded(stage->memory, stage);
}

static const struct sl_wide open_windows_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = finish,
    .done = sl_collect_end,
    .bounded = 3, /* less the input, which it takes whole: keys in memory, the table */
    .memory_size = sizeof(struct sl_timed_map),
    .memory_done = memory_done,
    .save = save,
    .load = load,
    .loaded = loaded,
};

bool sl_gives_updates(const struct sl_node *node)
{
    return node->inputs == 1 && node->input[0]->op == &sl_op_event_window && node->op != &sl_op_late &&
           sl_event_windows_of(node).emit == SL_EMIT_UPDATES;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    if (sl_gives_updates(node->input[0]))
        return 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "openWindows: belongs directly after the reducing operator of an eventWindow with emit = "
        "\"updates\"; this is a stream of %s",
        node->input[0]->op->name);
}

const struct sl_op sl_op_open_windows = {
    .name = "openWindows",
    .kind = SL_OP_WIDE,
    .family = "event time",
    .summary =
        "After an eventWindow with emit = \"updates\": all windows that are open or closed recently; what a mount "
        "of it shows",
    .example = "s:map(sluice.pair(1)):withWatermark(function() return 1000 end, 0)"
               ":eventWindow({ size = \"10s\", emit = \"updates\" }):reduceByKey(sluice.sum):openWindows()",
    .wide = &open_windows_wide,
    .check = check,
};
