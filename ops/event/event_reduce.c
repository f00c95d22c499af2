/* The operators after an eventWindow: reduceByKey, groupByKey, aggregateByKey, combineByKey, foldByKey, count,
 * countByValue, countByKey, distinct, and late.
 *
 * Rows are grouped as by the operators of the same names (ops/group/aggregate.h), with the pane beside the key
 * (ops/event/window_key.h). What a batch brought joins the panes (ops/event/pane_runs.h, beyond memoryLimit
 * ops/event/pane_store.h) after the windows that the watermark has passed were given out (ops/event/event_emit.c): so the result depends on the watermark alone, and the
 * watermark on earlier batches. Where the reducer depends on the order of values, a batch's values are collected and
 * put in the order of their times first. Sessions are kept by key (ops/event/event_sessions.c).
 *
 * On disk, keyed sections: part 0 (pane key, state) or (key, sessions, due); part 1 (nil, closed, pane, offset): until
 * when windows were given out, and how the panes are cut. */
#include "ops/event/event_reduce.h"

#include "core/base/error.h"
#include "core/contract/services.h"
#include "ops/event/window_key.h"
#include "ops/key/pair_key.h"
#include "ops/key/partition_count.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>
#include <string.h>

/* ---- rows on their way ---- */

/* Records of times before it are late: those in no window that is open, or whose own session would be closed. */
static int64_t late_before(const struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    if (!reduce->windows.gap)
        return sl_first_open(&reduce->windows, stage->watermark_ms);
    if (stage->watermark_ms == SL_NO_TIME)
        return INT64_MIN;
    return stage->watermark_ms == SL_END_OF_TIME ? INT64_MAX : stage->watermark_ms - reduce->windows.gap + 1;
}

/* Rows of a chunk that are grouped. */
struct chosen {
    uint32_t count;
    bool has_candidates;
    uint16_t row[SL_CHUNK_ROWS];
    int64_t candidate[SL_CHUNK_ROWS]; /* its number (ops/event/late_rows.h), or NO_CANDIDATE */
};

enum { NO_CANDIDATE = -1 };

static void choose_row(struct chosen *chosen, uint32_t row, int64_t candidate)
{
    chosen->has_candidates = chosen->has_candidates || candidate != NO_CANDIDATE;
    chosen->candidate[chosen->count] = candidate;
    chosen->row[chosen->count++] = (uint16_t)row;
}

/* A record that no window takes. */
static int put_late(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in, uint32_t row)
{
    struct sl_event_reduce *reduce = stage->state;
    int r = reduce->gives_late ? sl_late_rows_add(&reduce->late, lane, in, row) : 0;
    return r == 0 && stage->reports_late ? sl_task_late(lane->task, stage->node->number, in, row) : r;
}

/* A record that no session of its own would take: an open one may. */
static int put_candidate(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in,
                         uint32_t row, struct chosen *chosen)
{
    struct sl_event_reduce *reduce = stage->state;
    int64_t number;
    int r = sl_late_rows_add_candidate(&reduce->late, lane, in, row, &number);
    if (r == 0)
        choose_row(chosen, row, number);
    return r;
}

static const struct sl_field *key_at(const struct sl_event_reduce *reduce, const struct sl_chunk *in,
                                     uint32_t row, struct sl_field *items)
{
    static const struct sl_field none = {.tag = SL_NIL};
    if (reduce->key_of == SL_KEY_NONE || (reduce->gives_late && in->width < 2))
        return &none;
    if (reduce->key_of == SL_KEY_FIELD)
        return &in->column[0][row];
    *items = in->width == 1 ? in->column[0][row] : sl_list(NULL, in->width);
    return items;
}

/* Whether every row has a plain key and a window that is open, as in most chunks. */
static bool are_all_chosen(const struct sl_event_reduce *reduce, const struct sl_chunk *in, int64_t open_from)
{
    bool any_other = reduce->key_of != SL_KEY_FIELD || reduce->gives_late;
    for (uint32_t row = 0; !any_other && row < in->rows; row++)
        any_other = in->column[0][row].tag >= SL_LIST || in->time[row] < open_from;
    return !any_other;
}

/* Which rows are grouped: those with a key that can be one and a window that is open. Where all are, only their number is
 * set. */
static int choose(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in,
                  struct chosen *chosen)
{
    const struct sl_event_reduce *reduce = stage->state;
    int64_t open_from = late_before(stage);
    int r = 0;
    chosen->count = 0;
    chosen->has_candidates = false;
    if (are_all_chosen(reduce, in, open_from)) {
        chosen->count = in->rows;
        return 0;
    }
    for (uint32_t row = 0; r == 0 && row < in->rows; row++) {
        struct sl_field items[SL_WIDTH_MAX], key = reduce->key_of == SL_KEY_RECORD
                                                       ? sl_chunk_record(in, row, items)
                                                       : *key_at(reduce, in, row, items);
        if (key.tag >= SL_LIST && sl_key_check(stage->node, lane->task, &key) < 0) {
            r = reduce->gives_late ? 0 : sl_task_reject(lane->task, stage->node->number, in, row);
            continue;
        }
        if (in->time[row] >= open_from)
            choose_row(chosen, row, NO_CANDIDATE);
        else
            r = reduce->windows.gap ? put_candidate(stage, lane, in, row, chosen)
                                    : put_late(stage, lane, in, row);
    }
    return r;
}

/* The fields of a record from `first` on as one. */
static bool pack(struct sl_arena *arena, const struct sl_chunk *in, uint32_t row, uint32_t first,
                 struct sl_field *ret)
{
    uint32_t width = in->width - first;
    *ret = in->column[first][row];
    if (width == 1) {
        ret->flags &= (uint8_t)~SL_FIELD_ROW;
        return true;
    }
    struct sl_field *items = sl_arena_alloc(arena, width * sizeof *items);
    for (uint32_t c = 0; items && c < width; c++)
        items[c] = in->column[first + c][row];
    *ret = sl_list(items, width);
    ret->flags = SL_FIELD_ROW;
    return items != NULL;
}

static bool make_key(const struct sl_event_reduce *reduce, struct sl_arena *arena, const struct sl_chunk *in,
                     uint32_t row, struct sl_field *ret)
{
    struct sl_field items, key = *key_at(reduce, in, row, &items);
    if (reduce->key_of == SL_KEY_RECORD && !pack(arena, in, row, 0, &key))
        return false;
    if (reduce->windows.gap) {
        *ret = key;
        return true;
    }
    return sl_pane_key(arena, sl_pane_start(&reduce->windows, in->time[row]), &key, ret);
}

static bool make_value(const struct sl_event_reduce *reduce, struct sl_arena *arena,
                       const struct sl_chunk *in, uint32_t row, int64_t candidate, struct sl_field *ret)
{
    uint32_t first = reduce->key_of == SL_KEY_FIELD && in->width > 1 ? 1 : 0;
    if (!reduce->by_time)
        return pack(arena, in, row, first, ret);
    struct sl_field *items = sl_arena_alloc(arena, SL_CANDIDATE_VALUE_FIELDS * sizeof *items);
    if (!items || !pack(arena, in, row, first, &items[1]))
        return false;
    items[0] = sl_integer(in->time[row]);
    items[2] = sl_integer(candidate);
    *ret = sl_list(items, candidate == NO_CANDIDATE ? SL_TIMED_VALUE_FIELDS : SL_CANDIDATE_VALUE_FIELDS);
    return true;
}

/* The start of the pane of each time; most have that of the time before. */
struct pane_memo {
    int64_t start, stop;
};

static inline int64_t pane_start(const struct sl_event_windows *windows, struct pane_memo *memo, int64_t time)
{
    if (time < memo->start || time >= memo->stop) {
        memo->start = sl_pane_start(windows, time);
        memo->stop = memo->start + windows->pane;
    }
    return memo->start;
}

/* Bytes of the pane keys of a chunk whose keys are all strings; 0: they are not. */
static size_t bytes_of_keys(const struct sl_event_reduce *reduce, const struct sl_chunk *in)
{
    size_t bytes = 0;
    if (reduce->windows.gap || reduce->key_of != SL_KEY_FIELD)
        return 0;
    for (uint32_t row = 0; row < in->rows; row++) {
        if (in->column[0][row].tag != SL_STR)
            return 0;
        bytes += SL_PANE_BYTES + (size_t)in->column[0][row].len;
    }
    return bytes;
}

static void write_keys(const struct sl_event_reduce *reduce, const struct sl_chunk *in, uint8_t *at,
                       struct sl_field *key)
{
    struct pane_memo memo = {0, 0};
    for (uint32_t row = 0; row < in->rows; row++) {
        const struct sl_field *own = &in->column[0][row];
        sl_pane_write(at, pane_start(&reduce->windows, &memo, in->time[row]));
        if (own->len)
            memcpy(at + SL_PANE_BYTES, own->str, own->len);
        key[row] = sl_string(at, SL_PANE_BYTES + (size_t)own->len);
        at += SL_PANE_BYTES + own->len;
    }
}

static bool make_keys(const struct sl_event_reduce *reduce, struct sl_arena *arena, const struct sl_chunk *in,
                      struct sl_field *key)
{
    size_t bytes = bytes_of_keys(reduce, in);
    uint8_t *at = bytes ? sl_arena_bytes(arena, bytes) : NULL;
    if (at)
        write_keys(reduce, in, at, key);
    for (uint32_t row = 0; !at && row < in->rows; row++)
        if (!make_key(reduce, arena, in, row, &key[row]))
            return false;
    return true;
}

static bool make_values(const struct sl_event_reduce *reduce, struct sl_arena *arena,
                        const struct sl_chunk *in, const int64_t *candidate, struct sl_field *value)
{
    for (uint32_t row = 0; row < in->rows; row++)
        if (!make_value(reduce, arena, in, row, candidate ? candidate[row] : NO_CANDIDATE, &value[row]))
            return false;
    return true;
}

/* Pairs of a pane key and a value; memory from scratch. A column of values is used as it is. candidate: NULL, there is none. */
static int make_pairs(const struct sl_event_reduce *reduce, struct sl_task *task, const struct sl_chunk *in,
                      const int64_t *candidate, struct sl_chunk *ret)
{
    bool is_column = !reduce->by_time && reduce->key_of == SL_KEY_FIELD && in->width == 2;
    struct sl_field *key = sl_arena_alloc(task->scratch, in->rows * sizeof *key);
    struct sl_field *value = is_column ? NULL : sl_arena_alloc(task->scratch, in->rows * sizeof *value);
    if (!key || !make_keys(reduce, task->scratch, in, key) ||
        (!is_column && (!value || !make_values(reduce, task->scratch, in, candidate, value))))
        return SL_ENOMEM;
    *ret =
        (struct sl_chunk){.rows = in->rows, .width = 2, .column = {key, is_column ? in->column[1] : value}};
    return 0;
}

int sl_event_reduce_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_chunk kept = *in, pairs;
    struct chosen chosen;
    if (reduce->key_of == SL_KEY_FIELD && in->width < 2 && !reduce->gives_late)
        return sl_pairs_reject(stage->node, lane->task, in);
    int r = choose(stage, lane, in, &chosen);
    if (r < 0 || !chosen.count || (reduce->gives_late && !reduce->windows.gap))
        return r;
    if (chosen.count < in->rows)
        r = sl_chunk_gather(lane->task->scratch, in, chosen.row, chosen.count, &kept) ? 0 : SL_ENOMEM;
    r = r < 0
            ? r
            : make_pairs(reduce, lane->task, &kept, chosen.has_candidates ? chosen.candidate : NULL, &pairs);
    if (r < 0)
        return r;
    lane->shown = &kept;
    r = sl_aggregate_push(&reduce->by_key.aggregate, lane, &pairs);
    lane->shown = NULL;
    return r;
}

/* ---- begin, done ---- */

static void show_key(const struct sl_field *pane_key, struct sl_field *ret)
{
    *ret = sl_key_of_pane(pane_key);
}

static int init_groups(struct sl_event_reduce *reduce, struct sl_stage *stage,
                       const struct sl_by_key_spec *spec)
{
    const struct sl_reducer *reducer = reduce->by_time ? &sl_reducer_list : reduce->reducer;
    return sl_by_key_init(&reduce->by_key, stage, reducer, SL_KEY_FIELD, spec->form, spec->partitions);
}

int sl_event_reduce_begin(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    const struct sl_by_key_spec *spec = stage->node->op->spec;
    const struct sl_reducer *reducer = sl_by_key_reducer(&reduce->by_key, stage, spec);
    reduce->windows = sl_event_windows_of(stage->node);
    reduce->reducer = reducer;
    reduce->key_of = spec->key_of;
    reduce->by_time = reduce->windows.gap || !reducer->ops->exact;
    int r = sl_late_rows_init(&reduce->late, stage);
    r = r < 0 ? r : sl_left_out_init(&reduce->left_out, stage);
    r = r < 0 ? r : init_groups(reduce, stage, spec);
    reduce->by_key.aggregate.keeps_failed = true;
    if (!reduce->windows.gap)
        reduce->by_key.aggregate.show_key = show_key;
    return r;
}

void sl_event_reduce_done(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    sl_by_key_done(stage);
    sl_late_rows_done(&reduce->late);
    sl_left_out_done(&reduce->left_out);
    sl_event_changed_done(reduce);
}

int sl_event_reduce_memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct sl_event_memory *own = memory;
    sl_pane_runs_init(&own->panes);
    own->closed_ms = SL_NO_TIME;
    own->due_ms = INT64_MAX;
    own->old_floor = INT64_MIN;
    return 0;
}

void sl_event_reduce_memory_done(void *memory)
{
    struct sl_event_memory *own = memory;
    sl_pane_runs_done(&own->panes);
    sl_pane_store_done(&own->store);
    sl_sorted_groups_unref(own->replaced);
    sl_dataset_unref(own->removing);
    sl_dataset_unref(own->left_out);
    sl_timed_map_done(&own->sessions);
}

uint64_t sl_event_reduce_open(const void *memory)
{
    const struct sl_event_memory *own = memory;
    return sl_pane_runs_entries(&own->panes) + sl_pane_store_entries(&own->store) +
           sl_state_map_living(&own->sessions.map);
}

/* A session that stops at the watermark may still get the record that is exactly gap later. */
bool sl_event_reduce_due(const struct sl_node *node, const void *memory, int64_t watermark_ms)
{
    const struct sl_event_memory *own = memory;
    if (watermark_ms == SL_NO_TIME)
        return false;
    if (sl_event_windows_of(node).gap)
        return own->due_ms < watermark_ms || sl_timed_map_has_due_on_disk(&own->sessions, watermark_ms);
    return own->due_ms != INT64_MAX && own->due_ms <= watermark_ms;
}

/* ---- the batch ---- */

int sl_event_reduce_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    sl_dataset_unref(memory->left_out);
    memory->left_out = NULL;
    int r = reduce->windows.gap ? sl_event_sessions_finish(stage, ret) : sl_event_panes_finish(stage, ret);
    r = r < 0 ? r : sl_left_out_dataset(&reduce->left_out, &memory->left_out);
    return r < 0 ? r : sl_cut_partitions(stage, reduce->by_key.partitions_param, ret);
}

int sl_event_reduce_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_event_reduce *reduce = stage->state;
    return reduce->windows.gap ? sl_event_sessions_save(stage, keeper) : sl_event_panes_save(stage, keeper);
}

/* State of windows where the job has sessions now, or the other way round, is dropped: its rows look different. */
int sl_event_reduce_load(struct sl_stage *stage, const struct sl_section *section,
                         const struct sl_dataset *rows)
{
    const struct sl_event_reduce *reduce = stage->state;
    return reduce->windows.gap ? sl_event_sessions_load(stage, section, rows)
                               : sl_event_panes_load(stage, section, rows);
}

int sl_event_reduce_loaded(struct sl_stage *stage, int64_t last_ms)
{
    const struct sl_event_reduce *reduce = stage->state;
    return reduce->windows.gap ? sl_event_sessions_loaded(stage) : sl_event_panes_loaded(stage);
}
