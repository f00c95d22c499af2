#include "ops/cells.h"

#include "core/error.h"
#include "ops/groups.h"

#include <stdlib.h>
#include <string.h>

void sl_cells_done(struct sl_cells *cells)
{
    sl_table_done(&cells->table);
    free(cells->cell);
    free(cells->seen);
    free(cells->dirty);
    sl_memory_unref(cells->memory);
    *cells = (struct sl_cells){0};
}

static bool grow(void **array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return true;
    size_t bigger = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(*array, bigger * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = bigger;
    return true;
}

static bool prepare(struct sl_cells *cells)
{
    if (!cells->memory) {
        sl_table_init(&cells->table, 1);
        cells->memory = sl_memory_new();
    }
    return cells->memory && sl_table_reserve(&cells->table, 1) == 0 &&
           grow((void **)&cells->cell, &cells->capacity, cells->count, sizeof *cells->cell);
}

/* A key without a state shows itself as it is seen now: after a restart nothing would be known of it either.
 * Strings have one representation. */
static bool show_key(struct sl_cells *cells, struct sl_cell *cell, const struct sl_field *key)
{
    if (cell->exists || key->tag == SL_STR)
        return true;
    if (!sl_field_copy(&cells->memory->arena, key, &cell->key))
        return false;
    cell->key.flags = 0;
    return true;
}

struct sl_cell *sl_cells_find(struct sl_cells *cells, const struct sl_field *key, uint64_t seed)
{
    uint32_t hash = (uint32_t)sl_field_hash(key, seed);
    if (!prepare(cells))
        return NULL;
    struct sl_group *group = sl_table_slot(&cells->table, hash, key);
    if (group->key.flags & SL_GROUP_TAKEN) {
        struct sl_cell *known = &cells->cell[group->state.integer];
        return show_key(cells, known, key) ? known : NULL;
    }
    if (sl_table_take(&cells->table, group, hash, key, 0) < 0)
        return NULL;
    group->state.integer = (int64_t)cells->count;
    struct sl_cell *cell = &cells->cell[cells->count++];
    *cell = (struct sl_cell){.key = group->key, .seen_ms = INT64_MIN};
    cell->key.flags = 0;
    return cell;
}

static int mark_dirty(struct sl_cells *cells, struct sl_cell *cell)
{
    if (cell->dirty)
        return 0;
    if (!grow((void **)&cells->dirty, &cells->dirty_capacity, cells->dirty_count, sizeof *cells->dirty))
        return SL_ENOMEM;
    cell->dirty = true;
    cells->dirty[cells->dirty_count++] = (size_t)(cell - cells->cell);
    return 0;
}

int sl_cells_put(struct sl_cells *cells, struct sl_cell *cell, const struct sl_field *value)
{
    if (!sl_field_copy(&cells->memory->arena, value, &cell->value))
        return SL_ENOMEM;
    cells->living += !cell->exists;
    cell->exists = true;
    return mark_dirty(cells, cell);
}

int sl_cells_remove(struct sl_cells *cells, struct sl_cell *cell)
{
    cells->living -= cell->exists;
    cell->exists = false;
    cell->value = sl_nil();
    return mark_dirty(cells, cell);
}

/* ---- time-outs ---- */

int sl_cells_touch(struct sl_cells *cells, struct sl_cell *cell, int64_t t, bool note)
{
    bool again = cell->seen_ms == t;
    cell->seen_ms = t;
    if (!note || again)
        return 0;
    if (cell->exists && mark_dirty(cells, cell) < 0)
        return SL_ENOMEM;
    if (cells->seen_first && cells->seen_count == cells->seen_capacity) {
        cells->seen_count -= cells->seen_first;
        memmove(cells->seen, cells->seen + cells->seen_first, cells->seen_count * sizeof *cells->seen);
        cells->seen_first = 0;
    }
    if (!grow((void **)&cells->seen, &cells->seen_capacity, cells->seen_count, sizeof *cells->seen))
        return SL_ENOMEM;
    cells->seen[cells->seen_count++] = (struct sl_seen){t, (size_t)(cell - cells->cell)};
    return 0;
}

static bool is_idle(const struct sl_cells *cells, const struct sl_seen *seen)
{
    const struct sl_cell *cell = &cells->cell[seen->cell];
    return cell->exists && cell->seen_ms == seen->t;
}

bool sl_cells_has_idle(const struct sl_cells *cells, int64_t t)
{
    for (size_t i = cells->seen_first; i < cells->seen_count && cells->seen[i].t < t; i++)
        if (is_idle(cells, &cells->seen[i]))
            return true;
    return false;
}

static int compare_seen(const void *a, const void *b)
{
    const struct sl_seen *x = a, *y = b;
    return (x->t > y->t) - (x->t < y->t);
}

int sl_cells_note_all(struct sl_cells *cells)
{
    cells->seen_first = cells->seen_count = 0;
    for (size_t i = 0; i < cells->count; i++) {
        if (!cells->cell[i].exists)
            continue;
        if (!grow((void **)&cells->seen, &cells->seen_capacity, cells->seen_count, sizeof *cells->seen))
            return SL_ENOMEM;
        cells->seen[cells->seen_count++] = (struct sl_seen){cells->cell[i].seen_ms, i};
    }
    if (cells->seen_count)
        qsort(cells->seen, cells->seen_count, sizeof *cells->seen, compare_seen);
    return 0;
}

/* Brings these indices into the order of their keys. */
static int sort_cells(const struct sl_cells *cells, struct sl_stage *stage, size_t *index, size_t count)
{
    struct sl_entry *entry = malloc((count + 1) * sizeof *entry);
    if (!entry)
        return SL_ENOMEM;
    for (size_t i = 0; i < count; i++)
        entry[i] = (struct sl_entry){cells->cell[index[i]].key, {.integer = (int64_t)index[i]}};
    int r = sl_entries_sort(stage, entry, count);
    for (size_t i = 0; r == 0 && i < count; i++)
        index[i] = (size_t)entry[i].state.integer;
    free(entry);
    return r;
}

int sl_cells_take_idle(struct sl_cells *cells, struct sl_stage *stage, int64_t t, size_t **ret,
                       size_t *ret_count)
{
    size_t end = cells->seen_first, count = 0;
    while (end < cells->seen_count && cells->seen[end].t < t)
        end++;
    size_t *idle = malloc((end - cells->seen_first + 1) * sizeof *idle);
    if (!idle)
        return SL_ENOMEM;
    for (; cells->seen_first < end; cells->seen_first++)
        if (is_idle(cells, &cells->seen[cells->seen_first]))
            idle[count++] = cells->seen[cells->seen_first].cell;
    if (sort_cells(cells, stage, idle, count) < 0) {
        free(idle);
        return SL_ENOMEM;
    }
    *ret = idle;
    *ret_count = count;
    return 0;
}

/* ---- what is to be saved ---- */

int sl_cells_sort_dirty(struct sl_cells *cells, struct sl_stage *stage)
{
    return cells->dirty_count ? sort_cells(cells, stage, cells->dirty, cells->dirty_count) : 0;
}

void sl_cells_saved(struct sl_cells *cells)
{
    for (size_t i = 0; i < cells->dirty_count; i++)
        cells->cell[cells->dirty[i]].dirty = false;
    cells->dirty_count = 0;
}

/* ---- compaction ---- */

enum { GARBAGE_MIN = 1 << 20, DEAD_MIN = 4096 };

static size_t bytes_of(const struct sl_cells *cells)
{
    return cells->memory ? cells->memory->arena.bytes + cells->table.arena.bytes : 0;
}

void sl_cells_settle(struct sl_cells *cells)
{
    sl_cells_saved(cells);
    cells->settled = bytes_of(cells);
}

static bool is_wasteful(const struct sl_cells *cells)
{
    if (!cells->memory)
        return false;
    return bytes_of(cells) > 2 * cells->settled + GARBAGE_MIN || cells->count > 2 * cells->living + DEAD_MIN;
}

static int move_living(struct sl_cells *from, struct sl_cells *to, uint64_t seed)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct sl_cell *cell = &from->cell[i];
        if (!cell->exists)
            continue;
        struct sl_cell *moved = sl_cells_find(to, &cell->key, seed);
        if (!moved || sl_cells_put(to, moved, &cell->value) < 0)
            return SL_ENOMEM;
        moved->seen_ms = cell->seen_ms;
        moved->dirty = false;
    }
    return 0;
}

/* Notes name cells by index: they follow the cells to their new places. */
static int move_seen(struct sl_cells *from, struct sl_cells *to, uint64_t seed)
{
    for (size_t i = from->seen_first; i < from->seen_count; i++) {
        struct sl_seen *seen = &from->seen[i];
        if (!is_idle(from, seen))
            continue;
        struct sl_cell *moved = sl_cells_find(to, &from->cell[seen->cell].key, seed);
        if (!moved || !grow((void **)&to->seen, &to->seen_capacity, to->seen_count, sizeof *to->seen))
            return SL_ENOMEM;
        to->seen[to->seen_count++] = (struct sl_seen){seen->t, (size_t)(moved - to->cell)};
    }
    return 0;
}

int sl_cells_tidy(struct sl_cells *cells, uint64_t seed)
{
    struct sl_cells moved = {0};
    if (cells->dirty_count || !is_wasteful(cells))
        return 0;
    int r = move_living(cells, &moved, seed);
    moved.dirty_count = 0;
    if (r == 0)
        r = move_seen(cells, &moved, seed);
    if (r < 0) {
        sl_cells_done(&moved);
        return r;
    }
    sl_cells_done(cells);
    *cells = moved;
    cells->settled = bytes_of(cells);
    return 0;
}

/* ---- showing ---- */

static int append_cell(struct sl_rows *rows, const struct sl_cell *cell)
{
    struct sl_field row[2];
    if (!sl_field_copy(&rows->arena, &cell->key, &row[0]) ||
        (cell->exists && !sl_field_copy(&rows->arena, &cell->value, &row[1])))
        return SL_ENOMEM;
    return sl_rows_append_row(rows, row, cell->exists ? 2 : 1);
}

/* The cells with these indices, in their order. */
static int cells_as_rows(const struct sl_cells *cells, const size_t *index, size_t count,
                         struct sl_rows **ret)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? 0 : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = append_cell(rows, &cells->cell[index[i]]);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    *ret = rows;
    return 0;
}

int sl_cells_rows(const struct sl_cells *cells, struct sl_stage *stage, struct sl_rows **ret)
{
    size_t *living = malloc((cells->living + 1) * sizeof *living), count = 0;
    if (!living)
        return SL_ENOMEM;
    for (size_t i = 0; i < cells->count; i++)
        if (cells->cell[i].exists)
            living[count++] = i;
    int r = sort_cells(cells, stage, living, count);
    if (r == 0)
        r = cells_as_rows(cells, living, count, ret);
    free(living);
    return r;
}

int sl_cells_changes(const struct sl_cells *cells, struct sl_rows **ret)
{
    return cells_as_rows(cells, cells->dirty, cells->dirty_count, ret);
}
