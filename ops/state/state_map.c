#include "ops/state/state_map.h"

#include "core/base/error.h"

#include <stdlib.h>

void sl_state_map_done(struct sl_state_map *parts)
{
    for (unsigned p = 0; p < SL_PARTS; p++)
        sl_state_shard_done(&parts->part[p]);
    sl_cell_list_done(&parts->changed);
    if (parts->runs)
        sl_state_runs_done(parts->runs);
    free(parts->runs);
    sl_state_due_free(parts->due);
}

size_t sl_state_map_living(const struct sl_state_map *parts)
{
    size_t living = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        living += parts->part[p].living;
    return living;
}

size_t sl_state_map_bytes(const struct sl_state_map *parts)
{
    size_t bytes = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        bytes += parts->part[p].memory ? parts->part[p].memory->arena.bytes : 0;
    return bytes;
}

/* ---- time-outs ---- */

int sl_state_map_note_all(struct sl_state_map *parts)
{
    int r = 0;
    for (unsigned p = 0; p < SL_PARTS && r == 0; p++)
        r = sl_state_shard_note_all(&parts->part[p]);
    return r;
}

bool sl_state_map_has_idle(const struct sl_state_map *parts, int64_t t)
{
    bool has_idle = false;
    for (unsigned p = 0; p < SL_PARTS && !has_idle; p++)
        has_idle = sl_state_shard_has_idle(&parts->part[p], t);
    return has_idle || (sl_state_map_is_stored(parts) && sl_state_map_has_due(parts, t));
}

int sl_state_map_take_idle(struct sl_state_map *parts, struct sl_stage *stage, int64_t t,
                           struct sl_cell_list *ret)
{
    int r = 0;
    *ret = (struct sl_cell_list){0};
    if (sl_state_map_is_stored(parts))
        return sl_state_map_take_due(parts, stage, t, ret);
    for (unsigned p = 0; p < SL_PARTS && r == 0; p++)
        r = sl_state_shard_take_idle(&parts->part[p], t, ret);
    return r < 0 ? r : sl_group_entries_sort(stage, ret->entry, ret->count);
}

/* ---- what changed ---- */

int sl_state_map_sort_changed(struct sl_state_map *parts, struct sl_stage *stage)
{
    int r = 0;
    parts->changed.count = 0;
    for (unsigned p = 0; p < SL_PARTS && r == 0; p++)
        r = sl_state_shard_dirty(&parts->part[p], &parts->changed);
    return r < 0 ? r : sl_group_entries_sort(stage, parts->changed.entry, parts->changed.count);
}

void sl_state_map_saved(struct sl_state_map *parts)
{
    for (unsigned p = 0; p < SL_PARTS; p++)
        sl_state_shard_saved(&parts->part[p]);
    parts->changed.count = 0;
}

/* ---- compaction ---- */

void sl_state_map_settle(struct sl_state_map *parts)
{
    for (unsigned p = 0; p < SL_PARTS; p++)
        sl_state_shard_settle(&parts->part[p]);
}

static int tidy_part(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct sl_state_shard **wasteful = arg;
    return sl_state_shard_tidy(wasteful[index]);
}

int sl_state_map_tidy(struct sl_state_map *parts, struct sl_stage *stage)
{
    struct sl_state_shard *wasteful[SL_PARTS];
    size_t count = 0;
    if (parts->runs) {
        int r = sl_state_map_make_room(parts, stage);
        if (r < 0 || parts->runs->count)
            return r < 0 ? r : sl_state_runs_merge(parts->runs, true, stage->err);
    }
    for (unsigned p = 0; p < SL_PARTS; p++)
        if (sl_state_shard_is_wasteful(&parts->part[p]))
            wasteful[count++] = &parts->part[p];
    return count ? sl_pool_run(stage->pool, count, tidy_part, wasteful, stage->err) : 0;
}

/* ---- showing ---- */

static int append_cell(struct sl_rows *rows, const struct sl_state_entry *cell)
{
    struct sl_field row[2];
    if (!sl_field_copy(&rows->arena, &cell->key, &row[0]) ||
        (cell->exists && !sl_field_copy(&rows->arena, &cell->value, &row[1])))
        return SL_ENOMEM;
    return sl_rows_append_row(rows, row, cell->exists ? 2 : 1);
}

static int found_as_rows(const struct sl_cell_list *found, struct sl_rows **ret)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? 0 : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < found->count; i++)
        r = append_cell(rows, found->entry[i].state.pointer);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    *ret = rows;
    return 0;
}

int sl_state_map_rows(const struct sl_state_map *parts, struct sl_stage *stage, struct sl_rows **ret)
{
    struct sl_cell_list living SL_CLEANUP(sl_cell_list_done) = {0};
    int r = 0;
    for (unsigned p = 0; p < SL_PARTS && r == 0; p++)
        r = sl_state_shard_living(&parts->part[p], &living);
    if (r == 0)
        r = sl_group_entries_sort(stage, living.entry, living.count);
    return r < 0 ? r : found_as_rows(&living, ret);
}

int sl_state_map_changes(const struct sl_state_map *parts, struct sl_rows **ret)
{
    return found_as_rows(&parts->changed, ret);
}
