#include "ops/state/state_shard.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

void sl_cell_list_done(struct sl_cell_list *found)
{
    free(found->entry);
    *found = (struct sl_cell_list){0};
}

int sl_cell_list_add(struct sl_cell_list *found, struct sl_state_entry *cell)
{
    struct sl_group_entry *entry = sl_array_grow(found->entry, found->count, &found->capacity, sizeof *entry);
    if (!entry)
        return SL_ENOMEM;
    found->entry = entry;
    found->entry[found->count++] = (struct sl_group_entry){cell->key, {.pointer = cell}};
    return 0;
}

void sl_state_shard_done(struct sl_state_shard *cells)
{
    sl_table_done(&cells->table);
    free(cells->cell);
    free(cells->seen);
    free(cells->dirty);
    sl_memory_unref(cells->memory);
    *cells = (struct sl_state_shard){0};
}

static bool prepare(struct sl_state_shard *cells)
{
    if (!cells->memory) {
        sl_table_init(&cells->table, 1);
        cells->memory = sl_memory_new();
    }
    if (!cells->memory || sl_table_reserve(&cells->table, 1) < 0)
        return false;
    struct sl_state_entry *cell = sl_array_grow(cells->cell, cells->count, &cells->capacity, sizeof *cell);
    if (!cell)
        return false;
    cells->cell = cell;
    return true;
}

/* A key without a state shows itself as it is seen now: after a restart nothing would be known of it either.
 * Strings have one representation. */
static bool show_key(struct sl_state_shard *cells, struct sl_state_entry *cell, const struct sl_field *key)
{
    if (cell->exists || key->tag == SL_STR || sl_field_looks_same(&cell->key, key))
        return true;
    if (!sl_field_copy(&cells->memory->arena, key, &cell->key))
        return false;
    cell->key.flags = 0;
    return true;
}

struct sl_state_entry *sl_state_shard_find(struct sl_state_shard *cells, const struct sl_field *key,
                                           uint32_t hash)
{
    if (!prepare(cells))
        return NULL;
    struct sl_group *group = sl_table_slot(&cells->table, hash, key);
    if (group->key.flags & SL_GROUP_TAKEN) {
        struct sl_state_entry *known = &cells->cell[group->state.integer];
        return show_key(cells, known, key) ? known : NULL;
    }
    if (sl_table_take(&cells->table, group, hash, key, 0) < 0)
        return NULL;
    group->state.integer = (int64_t)cells->count;
    struct sl_state_entry *cell = &cells->cell[cells->count++];
    *cell = (struct sl_state_entry){.key = group->key, .seen_ms = INT64_MIN, .hash = hash};
    cell->key.flags = 0;
    return cell;
}

struct sl_state_entry *sl_state_shard_look(const struct sl_state_shard *cells, const struct sl_field *key,
                                           uint32_t hash)
{
    if (!cells->count)
        return NULL;
    const struct sl_group *group = sl_table_slot(&cells->table, hash, key);
    return group->key.flags & SL_GROUP_TAKEN ? &cells->cell[group->state.integer] : NULL;
}

static int mark_dirty(struct sl_state_shard *cells, struct sl_state_entry *cell)
{
    cell->fresh = true;
    if (cell->dirty)
        return 0;
    size_t *dirty = sl_array_grow(cells->dirty, cells->dirty_count, &cells->dirty_capacity, sizeof *dirty);
    if (!dirty)
        return SL_ENOMEM;
    cells->dirty = dirty;
    cell->dirty = true;
    cells->dirty[cells->dirty_count++] = (size_t)(cell - cells->cell);
    return 0;
}

int sl_state_shard_put(struct sl_state_shard *cells, struct sl_state_entry *cell,
                       const struct sl_field *value)
{
    if (!sl_field_copy(&cells->memory->arena, value, &cell->value))
        return SL_ENOMEM;
    cells->living += !cell->exists;
    cell->exists = true;
    return mark_dirty(cells, cell);
}

int sl_state_shard_remove(struct sl_state_shard *cells, struct sl_state_entry *cell)
{
    cells->living -= cell->exists;
    cell->exists = false;
    cell->value = sl_nil();
    return mark_dirty(cells, cell);
}

int sl_state_shard_bring(struct sl_state_shard *cells, struct sl_state_entry *cell,
                         const struct sl_field *key, const struct sl_field *value, int64_t seen_ms)
{
    if (!show_key(cells, cell, key) || !sl_field_copy(&cells->memory->arena, value, &cell->value))
        return SL_ENOMEM;
    cell->exists = cell->noted = true;
    cell->seen_ms = seen_ms;
    return 0;
}

void sl_state_shard_forget(struct sl_state_shard *cells)
{
    size_t living = cells->living;
    sl_state_shard_done(cells);
    cells->living = living;
}

/* ---- time-outs ---- */

static int note_seen(struct sl_state_shard *cells, size_t cell, int64_t t)
{
    struct sl_seen_note *seen =
        sl_array_grow(cells->seen, cells->seen_count, &cells->seen_capacity, sizeof *seen);
    if (!seen)
        return SL_ENOMEM;
    cells->seen = seen;
    cells->seen[cells->seen_count++] = (struct sl_seen_note){t, cell};
    return 0;
}

int sl_state_shard_touch(struct sl_state_shard *cells, struct sl_state_entry *cell, int64_t t, bool note)
{
    bool again = cell->seen_ms == t;
    cell->seen_ms = t;
    if (!note || again)
        return 0;
    if (cell->exists && mark_dirty(cells, cell) < 0)
        return SL_ENOMEM;
    if (cell->noted)
        return 0;
    if (cells->seen_first && cells->seen_count == cells->seen_capacity) {
        cells->seen_count -= cells->seen_first;
        memmove(cells->seen, cells->seen + cells->seen_first, cells->seen_count * sizeof *cells->seen);
        cells->seen_first = 0;
    }
    return note_seen(cells, (size_t)(cell - cells->cell), t);
}

static bool is_idle(const struct sl_state_shard *cells, const struct sl_seen_note *seen)
{
    const struct sl_state_entry *cell = &cells->cell[seen->cell];
    return cell->exists && cell->seen_ms == seen->t;
}

bool sl_state_shard_has_idle(const struct sl_state_shard *cells, int64_t t)
{
    for (size_t i = cells->seen_first; i < cells->seen_count && cells->seen[i].t < t; i++)
        if (is_idle(cells, &cells->seen[i]))
            return true;
    return false;
}

static int compare_seen(const void *a, const void *b)
{
    const struct sl_seen_note *x = a, *y = b;
    return (x->t > y->t) - (x->t < y->t);
}

int sl_state_shard_note_all(struct sl_state_shard *cells)
{
    cells->seen_first = cells->seen_count = 0;
    for (size_t i = 0; i < cells->count; i++)
        if (cells->cell[i].exists && note_seen(cells, i, cells->cell[i].seen_ms) < 0)
            return SL_ENOMEM;
    if (cells->seen_count)
        qsort(cells->seen, cells->seen_count, sizeof *cells->seen, compare_seen);
    return 0;
}

void sl_state_shard_noted(struct sl_state_shard *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        cells->cell[i].noted = cells->cell[i].exists;
}

int sl_state_shard_take_idle(struct sl_state_shard *cells, int64_t t, struct sl_cell_list *found)
{
    int r = 0;
    while (r == 0 && cells->seen_first < cells->seen_count && cells->seen[cells->seen_first].t < t) {
        const struct sl_seen_note *seen = &cells->seen[cells->seen_first++];
        if (is_idle(cells, seen))
            r = sl_cell_list_add(found, &cells->cell[seen->cell]);
    }
    return r;
}

/* ---- what there is, what is to be saved ---- */

int sl_state_shard_living(const struct sl_state_shard *cells, struct sl_cell_list *found)
{
    int r = 0;
    for (size_t i = 0; i < cells->count && r == 0; i++)
        if (cells->cell[i].exists)
            r = sl_cell_list_add(found, &cells->cell[i]);
    return r;
}

int sl_state_shard_dirty(const struct sl_state_shard *cells, struct sl_cell_list *found)
{
    int r = 0;
    for (size_t i = 0; i < cells->dirty_count && r == 0; i++)
        r = sl_cell_list_add(found, &cells->cell[cells->dirty[i]]);
    return r;
}

int sl_state_shard_fresh(const struct sl_state_shard *cells, struct sl_cell_list *found)
{
    int r = 0;
    for (size_t i = 0; i < cells->count && r == 0; i++)
        if (cells->cell[i].fresh)
            r = sl_cell_list_add(found, &cells->cell[i]);
    return r;
}

void sl_state_shard_saved(struct sl_state_shard *cells)
{
    for (size_t i = 0; i < cells->dirty_count; i++)
        cells->cell[cells->dirty[i]].dirty = false;
    cells->dirty_count = 0;
}

/* ---- compaction ---- */

enum { GARBAGE_MIN = 16 << 10, DEAD_MIN = 64 }; /* of one part of many */

static size_t bytes_of(const struct sl_state_shard *cells)
{
    return cells->memory ? cells->memory->arena.bytes + cells->table.arena.bytes : 0;
}

size_t sl_state_shard_bytes(const struct sl_state_shard *cells)
{
    size_t table = cells->memory ? sl_table_bytes(&cells->table, 0) + cells->memory->arena.bytes : 0;
    return table + cells->capacity * sizeof *cells->cell + cells->dirty_capacity * sizeof *cells->dirty +
           cells->seen_capacity * sizeof *cells->seen;
}

void sl_state_shard_settle(struct sl_state_shard *cells)
{
    sl_state_shard_saved(cells);
    cells->settled = bytes_of(cells);
}

bool sl_state_shard_is_wasteful(const struct sl_state_shard *cells)
{
    if (!cells->memory)
        return false;
    return bytes_of(cells) > 2 * cells->settled + GARBAGE_MIN || cells->count > 2 * cells->living + DEAD_MIN;
}

static int move_living(struct sl_state_shard *from, struct sl_state_shard *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct sl_state_entry *cell = &from->cell[i];
        if (!cell->exists)
            continue;
        struct sl_state_entry *moved = sl_state_shard_find(to, &cell->key, cell->hash);
        if (!moved || sl_state_shard_put(to, moved, &cell->value) < 0)
            return SL_ENOMEM;
        moved->seen_ms = cell->seen_ms;
        moved->dirty = false;
    }
    return 0;
}

/* Notes name cells by index: they follow the cells to their new places. */
static int move_seen(struct sl_state_shard *from, struct sl_state_shard *to)
{
    for (size_t i = from->seen_first; i < from->seen_count; i++) {
        const struct sl_seen_note *seen = &from->seen[i];
        const struct sl_state_entry *cell = &from->cell[seen->cell];
        if (!is_idle(from, seen))
            continue;
        struct sl_state_entry *moved = sl_state_shard_find(to, &cell->key, cell->hash);
        if (!moved || note_seen(to, (size_t)(moved - to->cell), seen->t) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

int sl_state_shard_tidy(struct sl_state_shard *cells)
{
    struct sl_state_shard moved = {0};
    sl_assert(!cells->dirty_count);
    int r = move_living(cells, &moved);
    free(moved.dirty);
    moved.dirty = NULL;
    moved.dirty_count = moved.dirty_capacity = 0;
    if (r == 0)
        r = move_seen(cells, &moved);
    if (r < 0) {
        sl_state_shard_done(&moved);
        return r;
    }
    sl_state_shard_done(cells);
    *cells = moved;
    cells->settled = bytes_of(cells);
    return 0;
}
