#include "ops/event/timed_map.h"

#include "core/base/array.h"
#include "core/base/error.h"

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

int sl_timed_map_put(struct sl_timed_map *timed, unsigned part, struct sl_state_entry *cell,
                     const struct sl_field *value, int64_t due_ms)
{
    struct sl_state_shard *cells = &timed->map.part[part];
    bool is_noted = cell->exists && cell->seen_ms == due_ms;
    cell->seen_ms = due_ms;
    if (sl_state_shard_put(cells, cell, value) < 0)
        return SL_ENOMEM;
    return is_noted ? 0 : push_note(&timed->heap[part], due_ms, (size_t)(cell - cells->cell));
}

struct sl_state_entry *sl_timed_map_take_due(struct sl_timed_map *timed, unsigned part, int64_t until)
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

static int tidy(struct sl_timed_map *timed)
{
    int r = 0;
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++) {
        if (!sl_state_shard_is_wasteful(&timed->map.part[p]))
            continue;
        r = sl_state_shard_tidy(&timed->map.part[p]);
        r = r < 0 ? r : note_part(timed, p);
    }
    return r;
}

/* ---- on disk ---- */

static int write_cells(struct sl_timed_map *timed, struct sl_stage *stage, struct sl_state_writer *keeper,
                       uint32_t part)
{
    const struct sl_found *changed = &timed->map.changed;
    struct sl_section section = {SL_SECTION_KEYED, part, stage->batch_ms, INT64_MAX};
    int r = keeper->ops->begin(keeper, &section);
    for (size_t i = 0; r == 0 && i < changed->count; i++) {
        const struct sl_state_entry *cell = changed->entry[i].state.pointer;
        struct sl_field row[3] = {cell->key, cell->value, sl_integer(cell->seen_ms)};
        r = keeper->ops->row(keeper, row, cell->exists ? 3 : 1);
    }
    return r;
}

int sl_timed_map_save(struct sl_timed_map *timed, struct sl_stage *stage, struct sl_state_writer *keeper,
                      uint32_t part)
{
    int r = sl_state_map_sort_changed(&timed->map, stage);
    if (r == 0 && timed->map.changed.count)
        r = write_cells(timed, stage, keeper, part);
    sl_state_map_saved(&timed->map);
    return r < 0 ? r : tidy(timed);
}

int sl_timed_map_forget_changes(struct sl_timed_map *timed, struct sl_stage *stage)
{
    sl_state_map_saved(&timed->map);
    return tidy(timed);
}

static int load_cell(struct sl_timed_map *timed, const struct sl_field *row, uint32_t width, uint64_t hash)
{
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
    return sl_state_shard_put(cells, cell, &row[1]);
}

int sl_timed_map_load(struct sl_timed_map *timed, struct sl_stage *stage, const struct sl_dataset *rows)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = load_cell(timed, row, width, sl_field_hash(&row[0], stage->tasks[0].seed));
    return r == SL_EDAMAGED
               ? sl_error_set(stage->err, SL_EDAMAGED, "the state of %s is damaged", stage->node->op->name)
               : r;
}

int sl_timed_map_loaded(struct sl_timed_map *timed)
{
    int r = 0;
    sl_state_map_settle(&timed->map);
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++)
        r = note_part(timed, p);
    return r;
}
