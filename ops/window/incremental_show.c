/* What a running window shows: the keys that changed become the next revision. */
#include "ops/window/incremental_internal.h"

#include "core/base/error.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>

int sl_incremental_sort(const struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_noted *noted, struct sl_group_entry **ret)
{
    struct sl_group_entry *entry = malloc((noted->count + 1) * sizeof *entry);
    if (!entry)
        return SL_ENOMEM;
    for (size_t i = 0; i < noted->count; i++) {
        size_t index = noted->index[i];
        entry[i] = (struct sl_group_entry){running->live[index].entry.key, {.integer = (int64_t)index}};
    }
    int r = sl_group_entries_sort(stage, entry, noted->count);
    if (r < 0) {
        free(entry);
        return r;
    }
    *ret = entry;
    return 0;
}

/* What is known of a failed one is given out once. */
static void add_group(struct sl_sorted_groups *groups, struct sl_live *live)
{
    if (!live->exists || (live->failed && live->reported))
        return;
    struct sl_group_entry *entry = &groups->entry[groups->count++];
    *entry = live->entry;
    entry->key.flags |= live->failed ? SL_GROUP_FAILED : 0;
    live->reported = live->failed;
}

int sl_incremental_groups(struct sl_incremental *running, struct sl_stage *stage, bool changed,
                          struct sl_sorted_groups **ret)
{
    struct sl_sorted_groups *groups = sl_sorted_groups_new(changed ? running->unshown.count : running->count);
    if (!groups)
        return SL_ENOMEM;
    if (running->memory)
        groups->memory->base[0] = sl_memory_ref(running->memory);
    for (size_t i = 0; changed && i < running->unshown.count; i++)
        add_group(groups, &running->live[running->unshown.index[i]]);
    for (size_t i = 0; !changed && i < running->count; i++)
        add_group(groups, &running->live[i]);
    int r = sl_group_entries_sort(stage, groups->entry, groups->count);
    if (r < 0) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    *ret = groups;
    return 0;
}

void sl_incremental_note_failed(struct sl_incremental *running, const struct sl_stage *stage,
                                const struct sl_sorted_groups *groups, const struct sl_dataset *rows)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    if (groups->count == rows->count)
        return;
    sl_cursor_init(&cursor, rows);
    bool has_row = sl_cursor_next(&cursor, row, &width);
    for (size_t i = 0; i < groups->count; i++) {
        struct sl_live *live;
        if (has_row && sl_field_equals(&row[0], &groups->entry[i].key))
            has_row = sl_cursor_next(&cursor, row, &width);
        else if ((live = sl_incremental_find(running, stage, &groups->entry[i].key)))
            live->unfinished = true;
    }
}

struct revising {
    struct sl_incremental *running;
    struct sl_cursor cursor; /* over the finished rows */
    struct sl_field row[SL_WIDTH_MAX];
    bool has_row;
    struct sl_rows *changes;
};

static void next_row(struct revising *revising)
{
    uint32_t width;
    revising->has_row = sl_cursor_next(&revising->cursor, revising->row, &width);
}

/* One changed key: shown with its row, or not at all. */
static int revise_key(struct revising *revising, struct sl_live *live)
{
    struct sl_incremental *running = revising->running;
    bool was_shown = live->shown;
    struct sl_field key = live->entry.key;
    key.flags = 0;
    live->shown = revising->has_row && sl_field_equals(&revising->row[0], &key);
    bool again = live->exists && (live->unfinished || live->failed);
    live->unshown = live->unfinished = false;
    running->shown = running->shown + live->shown - was_shown;
    int r = 0;
    if (live->shown)
        r = sl_rows_append_copy(revising->changes, revising->row, 2);
    else if (was_shown)
        r = sl_rows_append_copy(revising->changes, &key, 1);
    if (live->shown)
        next_row(revising);
    else if (r == 0 && again)
        r = sl_incremental_touch(running, live);
    return r;
}

int sl_incremental_revise(struct sl_incremental *running, struct sl_stage *stage,
                          const struct sl_dataset *rows, struct sl_dataset **ret)
{
    struct revising revising = {.running = running, .changes = sl_rows_new()};
    size_t count = running->unshown.count;
    struct sl_group_entry *entry = NULL;
    int r = revising.changes ? sl_incremental_sort(running, stage, &running->unshown, &entry) : SL_ENOMEM;
    running->unshown.count = 0;
    sl_cursor_init(&revising.cursor, rows);
    next_row(&revising);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = revise_key(&revising, &running->live[entry[i].state.integer]);
    free(entry);
    if (r < 0) {
        sl_rows_unref(revising.changes);
        return r;
    }
    r = sl_sorted_rows_add(&running->rows, stage->pool, revising.changes, running->shown);
    if (r == 0)
        *ret = sl_dataset_ref(running->rows.newest);
    return r;
}
