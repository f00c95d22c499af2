#include "ops/event/pane_sort.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>

/* On disk: key, state, and whether it has failed, exists, and has changed. */
enum { ROW_FIELDS = 5 };

int sl_pane_sort_init(struct sl_pane_sort *sort, struct sl_stage *stage)
{
    *sort = (struct sl_pane_sort){.stage = stage};
    return sl_spilled_runs_init(&sort->runs, stage);
}

static void forget_entries(struct sl_pane_sort *sort)
{
    free(sort->entry);
    sl_arena_done(&sort->arena);
    sort->entry = NULL;
    sort->count = sort->capacity = 0;
}

void sl_pane_sort_done(struct sl_pane_sort *sort)
{
    forget_entries(sort);
    sl_spilled_runs_done(&sort->runs);
}

/* ---- adding ---- */

static int write_run(struct sl_pane_sort *sort)
{
    struct sl_task *task = &sort->stage->tasks[0];
    const struct sl_position position = {0};
    struct sl_spill_file *file;
    task->err = sort->stage->err;
    int r = sl_group_entries_sort(sort->stage, sort->entry, sort->count);
    r = r < 0 ? r : sl_spilled_runs_file(&sort->runs, task, &file);
    for (size_t i = 0; r == 0 && i < sort->count; i++) {
        const struct sl_pane_row *row = sort->entry[i].state.pointer;
        const struct sl_field fields[ROW_FIELDS] = {sort->entry[i].key, row->state,
                                                    sl_boolean(row->has_failed), sl_boolean(row->exists),
                                                    sl_boolean(row->changed)};
        r = sort->runs.spill->ops->row(file, fields, ROW_FIELDS, task->err);
    }
    r = r < 0 ? r : sl_spilled_runs_end(&sort->runs, task, &position, sort->number++);
    forget_entries(sort);
    sl_heap_trim();
    return r;
}

static bool is_too_much(const struct sl_pane_sort *sort)
{
    enum { SORT_BYTES = 64 }; /* what sorting takes for an entry */
    size_t bytes = sort->arena.bytes + sort->count * (sizeof *sort->entry + SORT_BYTES);
    return bytes > sl_spilled_runs_bytes(&sort->runs);
}

int sl_pane_sort_add(struct sl_pane_sort *sort, const struct sl_field *key, const struct sl_pane_row *row)
{
    struct sl_group_entry *entry = sl_array_grow(sort->entry, sort->count, &sort->capacity, sizeof *entry);
    struct sl_pane_row *copy = sl_arena_alloc(&sort->arena, sizeof *copy);
    if (!entry || !copy)
        return SL_ENOMEM;
    sort->entry = entry;
    entry += sort->count;
    *copy = *row;
    if (!sl_field_copy(&sort->arena, key, &entry->key) ||
        !sl_field_copy(&sort->arena, &row->state, &copy->state))
        return SL_ENOMEM;
    entry->state.pointer = copy;
    sort->count++;
    return is_too_much(sort) ? write_run(sort) : 0;
}

/* ---- merging ---- */

struct merging {
    const struct sl_reducer *reducer;
    sl_pane_sort_write *write;
    void *arg;
};

/* Of one range of keys. */
struct gathering {
    const struct merging *merging;
    struct sl_task *task;
    struct sl_spill_file *file;
    struct sl_arena keep;
    struct sl_pane_group group;
    bool any;
};

static void begin_key(void *arg)
{
    struct gathering *gathering = arg;
    gathering->any = false;
    gathering->group = (struct sl_pane_group){.entry.key = sl_nil()};
    sl_arena_reset(&gathering->keep);
    sl_arena_reset(gathering->task->scratch);
}

static const struct sl_field *key_of(const void *arg)
{
    const struct gathering *gathering = arg;
    return gathering->any ? &gathering->group.entry.key : NULL;
}

static int add_state(struct gathering *gathering, const struct sl_field *row)
{
    const struct sl_reducer *reducer = gathering->merging->reducer;
    struct sl_group_entry *whole = &gathering->group.entry, next = {.key = sl_nil()};
    bool is_first = !gathering->group.exists;
    int r = sl_entry_decode(reducer, gathering->task, &gathering->keep, &row[1], row[2].boolean,
                            is_first ? whole : &next);
    gathering->group.exists = true;
    return r < 0 || is_first ? r : sl_entry_combine(reducer, gathering->task, &gathering->keep, whole, &next);
}

static int add_row(void *arg, const struct sl_field *row)
{
    struct gathering *gathering = arg;
    struct sl_pane_group *group = &gathering->group;
    bool exists = row[3].boolean;
    if (!gathering->any && !sl_field_copy(&gathering->keep, &row[0], &group->entry.key))
        return SL_ENOMEM;
    gathering->any = true;
    group->changed = group->changed || row[4].boolean;
    return exists ? add_state(gathering, row) : 0;
}

static int end_key(void *arg)
{
    struct gathering *gathering = arg;
    const struct merging *merging = gathering->merging;
    return gathering->any ? merging->write(merging->arg, gathering->task, &gathering->group, gathering->file)
                          : 0;
}

static int merge_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    static const struct sl_gatherer gatherer = {begin_key, key_of, add_row, end_key};
    struct gathering gathering = {.merging = arg, .task = task, .file = file};
    int r = sl_merge_gather(merge, task, &gatherer, &gathering);
    sl_arena_done(&gathering.keep);
    return r;
}

int sl_pane_sort_merge(struct sl_pane_sort *sort, const struct sl_reducer *reducer, sl_pane_sort_write *write,
                       void *arg, struct sl_dataset **ret)
{
    struct merging merging = {reducer, write, arg};
    int r = sort->count || !sort->runs.count ? write_run(sort) : 0;
    return r < 0 ? r : sl_spilled_runs_merge(&sort->runs, false, merge_range, &merging, ret);
}
