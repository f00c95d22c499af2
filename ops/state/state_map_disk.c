/* The state of mapWithState where it exceeds memoryLimit: from cells to runs on disk, and both as one. */
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"
#include "ops/state/state_map.h"

#include <stdlib.h>

/* What all workers may hold of it, together. */
static size_t bytes_max(const struct sl_state_map *parts, const struct sl_stage *stage)
{
    return parts->runs->spill->bytes * sl_pool_workers(stage->pool);
}

enum { NOTES_PART = 8 }; /* of that, for notes, and as much again for keys that are due */

static int bound_notes(struct sl_state_map *parts, const struct sl_stage *stage)
{
    size_t bytes = bytes_max(parts, stage) / NOTES_PART;
    parts->due = calloc(1, sizeof *parts->due);
    if (!parts->due)
        return SL_ENOMEM;
    sl_note_queue_init(&parts->due->notes, parts->runs->spill, bytes);
    sl_note_queue_init(&parts->due->keys, parts->runs->spill, bytes);
    return 0;
}

static int bound_cells(struct sl_state_map *parts, const struct sl_stage *stage, struct sl_spill *spill)
{
    parts->runs = calloc(1, sizeof *parts->runs);
    if (!parts->runs)
        return SL_ENOMEM;
    parts->runs->spill = spill;
    parts->runs->seed = stage->tasks[0].seed;
    return 0;
}

int sl_state_map_bound(struct sl_state_map *parts, struct sl_stage *stage, bool times_out)
{
    struct sl_spill *spill =
        stage->services && stage->node->op->wide->bounded ? stage->services->spill : NULL;
    int r = spill && !parts->runs ? bound_cells(parts, stage, spill) : 0;
    return r == 0 && parts->runs && times_out && !parts->due ? bound_notes(parts, stage) : r;
}

void sl_state_due_free(struct sl_state_due *due)
{
    if (!due)
        return;
    sl_note_queue_done(&due->notes);
    sl_note_queue_done(&due->keys);
    sl_state_finder_done(&due->finder);
    free(due);
}

bool sl_state_map_is_stored(const struct sl_state_map *parts)
{
    return parts->runs && parts->runs->count;
}

/* ---- finding ---- */

/* A cell that was just made becomes what is on disk of its key. */
static int bring(const struct sl_state_map *parts, struct sl_task *task, uint64_t hash,
                 struct sl_state_shard *cells, struct sl_state_entry *cell)
{
    struct sl_arena_mark mark = sl_arena_mark(task->scratch);
    struct sl_stored_cell stored;
    int r = sl_state_runs_find(parts->runs, &cell->key, hash, task->scratch, &stored, task->err);
    if (r > 0)
        r = stored.exists ? sl_state_shard_bring(cells, cell, &stored.key, &stored.value, stored.seen_ms) : 0;
    sl_arena_release(task->scratch, mark);
    return r;
}

int sl_state_map_find(struct sl_state_map *parts, struct sl_task *task, const struct sl_field *key,
                      uint64_t hash, struct sl_state_entry **ret)
{
    struct sl_state_shard *cells = &parts->part[sl_state_map_number(hash)];
    size_t known = cells->count;
    *ret = sl_state_shard_find(cells, key, (uint32_t)hash);
    if (!*ret)
        return SL_ENOMEM;
    bool is_new = cells->count > known;
    return is_new && sl_state_map_is_stored(parts) ? bring(parts, task, hash, cells, *ret) : 0;
}

/* ---- from cells to a run ---- */

enum {
    SORT_BYTES = 100, /* what writing a run takes for a cell, beside the cells */
    CELLS_FEW = 64,   /* of a part: its smallest table has room for them */
};

static size_t bytes_of_cells(const struct sl_state_map *parts)
{
    size_t bytes = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        bytes += sl_state_shard_bytes(&parts->part[p]) + parts->part[p].count * SORT_BYTES;
    return bytes;
}

size_t sl_state_map_held(const struct sl_state_map *parts)
{
    const struct sl_state_due *due = parts->due;
    size_t notes = due ? sl_note_queue_bytes(&due->notes) + sl_note_queue_bytes(&due->keys) : 0;
    return bytes_of_cells(parts) + notes;
}

size_t sl_state_map_cell_bytes(const struct sl_state_map *parts)
{
    size_t count = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        count += parts->part[p].count;
    return count > SL_PARTS * CELLS_FEW ? 2 * bytes_of_cells(parts) / count : 0;
}

bool sl_state_map_is_too_much(const struct sl_state_map *parts, const struct sl_stage *stage, size_t more)
{
    return sl_state_map_held(parts) + more > bytes_max(parts, stage);
}

static struct sl_stored_cell stored_of(const struct sl_state_entry *cell, int64_t batch_ms)
{
    return (struct sl_stored_cell){cell->key, cell->value, cell->seen_ms, cell->dirty ? batch_ms : INT64_MIN,
                                   cell->exists};
}

static int write_run(struct sl_state_map *parts, struct sl_stage *stage, const struct sl_cell_list *fresh)
{
    struct sl_state_run_writer *writer;
    int r = sl_state_run_begin(parts->runs, fresh->count, &writer, stage->err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < fresh->count && r == 0; i++) {
        struct sl_stored_cell cell = stored_of(fresh->entry[i].state.pointer, stage->batch_ms);
        r = sl_state_run_add(writer, &cell, stage->err);
    }
    if (r == 0)
        return sl_state_run_end(writer, stage->err);
    sl_state_run_give_up(writer);
    return r;
}

/* Cells that differ from what is on disk, in the order of keys. The caller ends *ret, also after a failure. */
static int list_fresh(const struct sl_state_map *parts, struct sl_stage *stage, struct sl_cell_list *ret)
{
    int r = 0;
    *ret = (struct sl_cell_list){0};
    for (unsigned p = 0; p < SL_PARTS && r == 0; p++)
        r = sl_state_shard_fresh(&parts->part[p], ret);
    return r < 0 ? r : sl_group_entries_sort(stage, ret->entry, ret->count);
}

/* Keys that exist and have no note on disk get one. */
static int note_cells(struct sl_state_map *parts, const struct sl_cell_list *fresh, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; parts->due && i < fresh->count && r == 0; i++) {
        const struct sl_state_entry *cell = fresh->entry[i].state.pointer;
        if (cell->exists && !cell->noted)
            r = sl_note_queue_add(&parts->due->notes, cell->seen_ms, &cell->key, err);
    }
    return r;
}

int sl_state_map_make_room(struct sl_state_map *parts, struct sl_stage *stage)
{
    return parts->runs && sl_state_map_is_too_much(parts, stage, 0) ? sl_state_map_store(parts, stage) : 0;
}

int sl_state_map_store(struct sl_state_map *parts, struct sl_stage *stage)
{
    struct sl_cell_list fresh SL_CLEANUP(sl_cell_list_done) = {0};
    sl_assert(!parts->changed.count);
    int r = list_fresh(parts, stage, &fresh);
    if (r == 0 && fresh.count)
        r = write_run(parts, stage, &fresh);
    if (r == 0)
        r = note_cells(parts, &fresh, stage->err);
    if (r == 0) /* also within a batch: what finds a key looks at the filters of all runs */
        r = sl_state_runs_merge(parts->runs, false, stage->err);
    if (r < 0)
        return r;
    for (unsigned p = 0; p < SL_PARTS; p++)
        sl_state_shard_forget(&parts->part[p]);
    sl_heap_trim();
    return 0;
}

/* ---- both as one ---- */

struct reading {
    const struct sl_state_map *parts;
    const struct sl_cell_list *cells; /* in the order of keys */
    size_t at;
    int64_t batch_ms;
    struct sl_state_reader *reader;
    const struct sl_stored_cell *stored; /* the reader's; NULL: none left */
    bool stored_is_read;                 /* it was given, or is the same key as what was */
    struct sl_stored_cell cell;
};

/* A key in memory decides before the runs. NULL at the end. */
static const struct sl_stored_cell *read_next(struct reading *reading)
{
    const struct sl_cell_list *cells = reading->cells;
    if (reading->stored_is_read)
        reading->stored = sl_state_reader_next(reading->reader);
    const struct sl_state_entry *entry =
        reading->at < cells->count ? cells->entry[reading->at].state.pointer : NULL;
    int order = !entry ? 1 : !reading->stored ? -1 : sl_field_compare(&entry->key, &reading->stored->key);
    reading->stored_is_read = order >= 0;
    if (order > 0 && !reading->stored)
        return NULL;
    if (order > 0)
        reading->cell = *reading->stored;
    else
        reading->cell = stored_of(entry, reading->batch_ms);
    reading->at += order <= 0;
    return &reading->cell;
}

static int read_all(struct reading *reading, struct sl_stage *stage, size_t from, bool changed,
                    sl_state_map_visit *visit, void *arg)
{
    const struct sl_stored_cell *cell;
    const struct sl_state_runs *runs = reading->parts->runs;
    int r = runs ? sl_state_reader_open(runs, from, runs->count - from, &reading->reader) : 0;
    if (r < 0)
        return r;
    reading->stored = reading->reader ? sl_state_reader_next(reading->reader) : NULL;
    while (r == 0 && (cell = read_next(reading))) {
        r = reading->reader ? sl_state_reader_failure(reading->reader, stage->err) : 0;
        if (r == 0 && (changed ? cell->changed_ms == reading->batch_ms : cell->exists))
            r = visit(arg, cell);
    }
    if (r == 0 && reading->reader)
        r = sl_state_reader_failure(reading->reader, stage->err);
    sl_state_reader_close(reading->reader);
    return r;
}

int sl_state_map_each(const struct sl_state_map *parts, struct sl_stage *stage, sl_state_map_visit *visit,
                      void *arg)
{
    struct sl_cell_list fresh SL_CLEANUP(sl_cell_list_done) = {0};
    struct reading reading = {.parts = parts, .cells = &fresh, .batch_ms = stage->batch_ms};
    int r = list_fresh(parts, stage, &fresh);
    return r < 0 ? r : read_all(&reading, stage, 0, false, visit, arg);
}

/* The runs that were made in this batch are the last ones. */
static size_t first_changed_run(const struct sl_state_map *parts, int64_t batch_ms)
{
    size_t from = parts->runs ? parts->runs->count : 0;
    while (from && parts->runs->run[from - 1].changed_ms == batch_ms)
        from--;
    return from;
}

int sl_state_map_each_changed(const struct sl_state_map *parts, struct sl_stage *stage,
                              sl_state_map_visit *visit, void *arg)
{
    struct reading reading = {.parts = parts, .cells = &parts->changed, .batch_ms = stage->batch_ms};
    return read_all(&reading, stage, first_changed_run(parts, stage->batch_ms), true, visit, arg);
}

bool sl_state_map_has_changed(const struct sl_state_map *parts, struct sl_stage *stage)
{
    return parts->changed.count ||
           (parts->runs && first_changed_run(parts, stage->batch_ms) < parts->runs->count);
}

/* ---- counting ---- */

struct counting {
    struct sl_state_map *parts;
    struct sl_stage *stage;
};

static int count_cell(void *arg, const struct sl_stored_cell *cell)
{
    const struct counting *counting = arg;
    struct sl_state_map *parts = counting->parts;
    parts->part[sl_state_map_number(sl_field_hash(&cell->key, parts->runs->seed))].living++;
    return parts->due ? sl_note_queue_add(&parts->due->notes, cell->seen_ms, &cell->key, counting->stage->err)
                      : 0;
}

int sl_state_map_count_living(struct sl_state_map *parts, struct sl_stage *stage)
{
    struct counting counting = {parts, stage};
    for (unsigned p = 0; p < SL_PARTS; p++)
        parts->part[p].living = 0;
    int r = sl_state_map_each(parts, stage, count_cell, &counting);
    for (unsigned p = 0; p < SL_PARTS; p++)
        sl_state_shard_noted(&parts->part[p]);
    return r;
}
