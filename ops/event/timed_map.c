#include "ops/event/timed_map.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"

#include <stdlib.h>

void sl_timed_map_done(struct sl_timed_map *timed)
{
    sl_state_map_done(&timed->map);
    for (unsigned p = 0; p < SL_PARTS; p++)
        free(timed->heap[p].note);
}

/* ---- the heap: the earliest first ---- */

static int push_note(struct sl_due_heap *heap, int64_t due_ms, size_t cell)
{
    struct sl_due *note = sl_array_grow(heap->note, heap->count, &heap->capacity, sizeof *note);
    if (!note)
        return SL_ENOMEM;
    heap->note = note;
    size_t at = heap->count++;
    for (; at && note[(at - 1) / 2].due_ms > due_ms; at = (at - 1) / 2)
        note[at] = note[(at - 1) / 2];
    note[at] = (struct sl_due){due_ms, cell};
    return 0;
}

static void pop_note(struct sl_due_heap *heap)
{
    struct sl_due *note = heap->note, last = note[--heap->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < heap->count) {
        if (child + 1 < heap->count && note[child + 1].due_ms < note[child].due_ms)
            child++;
        if (note[child].due_ms >= last.due_ms)
            break;
        note[at] = note[child];
        at = child;
    }
    note[at] = last;
}

static bool is_true(const struct sl_state_shard *part, const struct sl_due *note)
{
    const struct sl_state_entry *cell = &part->cell[note->cell];
    return cell->exists && cell->seen_ms == note->due_ms;
}

static void drop_untrue(const struct sl_state_shard *part, struct sl_due_heap *heap)
{
    while (heap->count && !is_true(part, heap->note))
        pop_note(heap);
}

int sl_timed_map_bound(struct sl_timed_map *timed, struct sl_stage *stage)
{
    return sl_state_map_bound(&timed->map, stage, true);
}

int sl_timed_map_put(struct sl_timed_map *timed, unsigned part, struct sl_state_entry *cell,
                     const struct sl_field *value, int64_t due_ms)
{
    struct sl_state_shard *cells = &timed->map.part[part];
    bool is_noted = cell->exists && (cell->seen_ms == due_ms || (cell->noted && cell->seen_ms < due_ms));
    cell->noted = cell->noted && is_noted;
    cell->seen_ms = due_ms;
    if (sl_state_shard_put(cells, cell, value) < 0)
        return SL_ENOMEM;
    return is_noted ? 0 : push_note(&timed->heap[part], due_ms, (size_t)(cell - cells->cell));
}

/* The part's next cell that is due before `until`, without its note; NULL: none. Valid until the next find. */
static struct sl_state_entry *take_due(struct sl_timed_map *timed, unsigned part, int64_t until)
{
    struct sl_state_shard *cells = &timed->map.part[part];
    struct sl_due_heap *heap = &timed->heap[part];
    drop_untrue(cells, heap);
    if (!heap->count || heap->note->due_ms >= until)
        return NULL;
    struct sl_state_entry *cell = &cells->cell[heap->note->cell];
    pop_note(heap);
    return cell;
}

int64_t sl_timed_map_next_due(struct sl_timed_map *timed)
{
    int64_t next = INT64_MAX;
    for (unsigned p = 0; p < SL_PARTS; p++) {
        drop_untrue(&timed->map.part[p], &timed->heap[p]);
        if (timed->heap[p].count && timed->heap[p].note->due_ms < next)
            next = timed->heap[p].note->due_ms;
    }
    return next;
}

/* Cells have other numbers after a tidy, or were never noted. */
static int note_part(struct sl_timed_map *timed, unsigned part)
{
    const struct sl_state_shard *cells = &timed->map.part[part];
    int r = 0;
    timed->heap[part].count = 0;
    for (size_t i = 0; r == 0 && i < cells->count; i++)
        if (cells->cell[i].exists)
            r = push_note(&timed->heap[part], cells->cell[i].seen_ms, i);
    return r;
}

/* ---- beyond memoryLimit ---- */

static size_t bytes_of_heaps(const struct sl_timed_map *timed)
{
    size_t bytes = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        bytes += timed->heap[p].capacity * sizeof *timed->heap[p].note;
    return bytes;
}

int sl_timed_map_make_room(struct sl_timed_map *timed, struct sl_stage *stage)
{
    if (!timed->map.runs || !sl_state_map_is_too_much(&timed->map, stage, bytes_of_heaps(timed)))
        return 0;
    int r = sl_state_map_store(&timed->map, stage);
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++) {
        free(timed->heap[p].note);
        timed->heap[p] = (struct sl_due_heap){0};
    }
    return r;
}

bool sl_timed_map_has_due_on_disk(const struct sl_timed_map *timed, int64_t until)
{
    return sl_state_map_is_stored(&timed->map) && sl_state_map_has_due(&timed->map, until);
}

/* ---- what is due ---- */

/* A key that is due, whose cell is found again: cells move while others are brought. */
struct due_key {
    const struct sl_field *key;
    uint64_t hash;
};

struct due_part {
    struct due_key *due;
    size_t count, capacity;
};

struct visiting {
    struct sl_timed_map *timed;
    const struct sl_timed_map_work *work;
    int64_t until;
    struct due_part part[SL_PARTS]; /* of what is taken from disk */
};

static int visit_in_memory(void *arg, size_t number, struct sl_task *task)
{
    struct visiting *visiting = arg;
    struct sl_state_entry *cell;
    int r = 0;
    while (r == 0 && (cell = take_due(visiting->timed, (unsigned)number, visiting->until))) {
        sl_arena_reset(task->scratch);
        r = visiting->work->visit(visiting->work->arg, task, (unsigned)number, cell);
    }
    return r;
}

static int visit_found(void *arg, size_t number, struct sl_task *task)
{
    struct visiting *visiting = arg;
    const struct sl_state_shard *cells = &visiting->timed->map.part[number];
    const struct due_part *part = &visiting->part[number];
    int r = 0;
    for (size_t i = 0; r == 0 && i < part->count; i++) {
        struct sl_state_entry *cell =
            sl_state_shard_look(cells, part->due[i].key, (uint32_t)part->due[i].hash);
        sl_assert(cell && cell->exists);
        sl_arena_reset(task->scratch);
        r = visiting->work->visit(visiting->work->arg, task, (unsigned)number, cell);
    }
    return r;
}

static int deal_key(struct visiting *visiting, const struct sl_stage *stage, const struct sl_field *key)
{
    uint64_t hash = sl_field_hash(key, stage->tasks[0].seed);
    struct due_part *part = &visiting->part[sl_state_map_number(hash)];
    struct due_key *due = sl_array_grow(part->due, part->count, &part->capacity, sizeof *due);
    if (!due)
        return SL_ENOMEM;
    part->due = due;
    part->due[part->count++] = (struct due_key){key, hash};
    return 0;
}

static int deal_found(struct visiting *visiting, const struct sl_stage *stage,
                      const struct sl_cell_list *found)
{
    int r = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        visiting->part[p].count = 0;
    for (size_t i = 0; r == 0 && i < found->count; i++)
        r = deal_key(visiting, stage, &found->entry[i].key);
    return r;
}

/* Cells of the heaps become due like the keys on disk. */
static int note_due_cells(struct visiting *visiting, struct sl_error *err)
{
    struct sl_timed_map *timed = visiting->timed;
    struct sl_state_entry *cell;
    int r = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        while (r == 0 && (cell = take_due(timed, p, visiting->until)))
            r = sl_note_queue_add(&timed->map.due->keys, 0, &cell->key, err);
    return r;
}

/* The next of those that are due, as many as may be in memory. 1; 0: there were none; or a failure. */
static int visit_next(struct visiting *visiting, struct sl_stage *stage)
{
    struct sl_cell_list found SL_CLEANUP(sl_cell_list_done) = {0};
    int r = note_due_cells(visiting, stage->err);
    r = r < 0 ? r : sl_timed_map_make_room(visiting->timed, stage);
    r = r < 0 ? r : sl_state_map_take_due(&visiting->timed->map, stage, visiting->until, &found);
    r = r < 0 ? r : deal_found(visiting, stage, &found);
    r = r < 0 ? r : sl_stage_run(stage, SL_PARTS, visit_found, visiting);
    if (r == 0 && visiting->work->pause)
        r = visiting->work->pause(visiting->work->arg);
    return r < 0 ? r : found.count > 0;
}

int sl_timed_map_visit_due(struct sl_timed_map *timed, struct sl_stage *stage, int64_t until,
                           const struct sl_timed_map_work *work)
{
    struct visiting visiting = {.timed = timed, .work = work, .until = until};
    int r = 0;
    if (!sl_state_map_is_stored(&timed->map)) {
        r = sl_stage_run(stage, SL_PARTS, visit_in_memory, &visiting);
        return r == 0 && work->pause ? work->pause(work->arg) : r;
    }
    while ((r = visit_next(&visiting, stage)) > 0)
        ;
    for (unsigned p = 0; p < SL_PARTS; p++)
        free(visiting.part[p].due);
    return r;
}

/* ---- on disk ---- */

static int tidy(struct sl_timed_map *timed, struct sl_stage *stage)
{
    int r = sl_timed_map_make_room(timed, stage);
    if (r == 0 && sl_state_map_is_stored(&timed->map))
        return sl_state_runs_merge(timed->map.runs, true, stage->err);
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++) {
        if (!sl_state_shard_is_wasteful(&timed->map.part[p]))
            continue;
        r = sl_state_shard_tidy(&timed->map.part[p]);
        r = r < 0 ? r : note_part(timed, p);
    }
    return r;
}

static int save_cell(void *arg, const struct sl_stored_cell *cell)
{
    struct sl_state_writer *keeper = arg;
    struct sl_field row[3] = {cell->key, cell->value, sl_integer(cell->seen_ms)};
    return keeper->ops->row(keeper, row, cell->exists ? 3 : 1);
}

static int save_changed(struct sl_timed_map *timed, struct sl_stage *stage, struct sl_state_writer *keeper,
                        uint32_t part)
{
    struct sl_section section = {SL_SECTION_KEYED, part, stage->batch_ms, INT64_MAX};
    int r = sl_state_map_sort_changed(&timed->map, stage);
    if (r < 0 || !sl_state_map_has_changed(&timed->map, stage))
        return r;
    r = keeper->ops->begin(keeper, &section);
    return r < 0 ? r : sl_state_map_each_changed(&timed->map, stage, save_cell, keeper);
}

int sl_timed_map_save(struct sl_timed_map *timed, struct sl_stage *stage, struct sl_state_writer *keeper,
                      uint32_t part)
{
    int r = save_changed(timed, stage, keeper, part);
    sl_state_map_saved(&timed->map);
    return r < 0 ? r : tidy(timed, stage);
}

int sl_timed_map_forget_changes(struct sl_timed_map *timed, struct sl_stage *stage)
{
    sl_state_map_saved(&timed->map);
    return tidy(timed, stage);
}

/* What is on disk of the key is not looked for: the newest row says all of it. */
static int load_cell(struct sl_timed_map *timed, const struct sl_stage *stage, const struct sl_field *row,
                     uint32_t width, sl_timed_map_due_of *due_of)
{
    uint64_t hash = sl_field_hash(&row[0], stage->tasks[0].seed);
    struct sl_state_shard *cells = sl_timed_map_part(timed, hash);
    struct sl_state_entry *cell = sl_state_shard_find(cells, &row[0], (uint32_t)hash);
    if (!cell)
        return SL_ENOMEM;
    if (cell->exists || width == 1) {
        int r = sl_state_shard_remove(cells, cell);
        if (r < 0 || width == 1)
            return r;
        cell = sl_state_shard_find(cells, &row[0], (uint32_t)hash);
    }
    if (!cell)
        return SL_ENOMEM;
    if (width != 3 || row[2].tag != SL_INT)
        return SL_EDAMAGED;
    cell->seen_ms = row[2].integer;
    int r = due_of(stage, &row[1], &cell->seen_ms);
    return r < 0 ? r : sl_state_shard_put(cells, cell, &row[1]);
}

int sl_timed_map_load(struct sl_timed_map *timed, struct sl_stage *stage, const struct sl_dataset *rows,
                      sl_timed_map_due_of *due_of, const char *what)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = sl_state_map_bound(&timed->map, stage, false);
    sl_cursor_pass(&cursor, rows, &block);
    for (uint64_t n = 0; r == 0 && sl_cursor_next(&cursor, row, &width); n++) {
        r = load_cell(timed, stage, row, width, due_of);
        if (r < 0 || n % SL_CHUNK_ROWS)
            continue;
        sl_state_map_saved(&timed->map);
        r = sl_timed_map_make_room(timed, stage);
    }
    return r == SL_EDAMAGED ? sl_error_set(stage->err, SL_EDAMAGED, "the %s that %s kept are damaged", what,
                                           stage->node->op->name)
                            : r;
}

int sl_timed_map_loaded(struct sl_timed_map *timed, struct sl_stage *stage)
{
    int r = 0;
    sl_state_map_settle(&timed->map);
    if (sl_state_map_is_stored(&timed->map)) {
        r = tidy(timed, stage);
        r = r < 0 ? r : sl_timed_map_bound(timed, stage);
        return r < 0 ? r : sl_state_map_count_living(&timed->map, stage);
    }
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++)
        r = note_part(timed, p);
    return r;
}
