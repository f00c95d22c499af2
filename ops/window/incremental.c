#include "ops/window/incremental.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "ops/window/incremental_internal.h"

#include <stdlib.h>

void sl_incremental_done(struct sl_incremental *running)
{
    sl_table_done(&running->table);
    free(running->live);
    sl_memory_unref(running->memory);
    free(running->unshown.index);
    free(running->unsaved.index);
    sl_sorted_rows_done(&running->rows);
    *running = (struct sl_incremental){0};
}

/* ---- finding ---- */

static bool prepare(struct sl_incremental *running)
{
    if (!running->memory) {
        sl_table_init(&running->table, SL_TABLE_SPREAD);
        running->memory = sl_memory_new();
    }
    if (!running->memory || sl_table_reserve(&running->table, 1) < 0)
        return false;
    struct sl_live *live = sl_array_grow(running->live, running->count, &running->capacity, sizeof *live);
    if (!live)
        return false;
    running->live = live;
    return true;
}

static struct sl_field plain_key(const struct sl_group *group)
{
    struct sl_field key = group->key;
    key.flags &= SL_FIELD_ROW;
    return key;
}

struct sl_live *sl_incremental_find(struct sl_incremental *running, const struct sl_stage *stage,
                                    const struct sl_field *key)
{
    uint32_t hash = (uint32_t)sl_field_hash(key, stage->tasks[0].seed);
    struct sl_group *group = running->count ? sl_table_slot(&running->table, hash, key) : NULL;
    return group && group->key.flags & SL_GROUP_TAKEN ? &running->live[group->state.integer] : NULL;
}

struct sl_live *sl_incremental_place(struct sl_incremental *running, const struct sl_stage *stage,
                                     const struct sl_field *key)
{
    uint32_t hash = (uint32_t)sl_field_hash(key, stage->tasks[0].seed);
    if (!prepare(running))
        return NULL;
    struct sl_group *group = sl_table_slot(&running->table, hash, key);
    if (group->key.flags & SL_GROUP_TAKEN)
        return &running->live[group->state.integer];
    if (sl_table_take(&running->table, group, hash, key, 0) < 0)
        return NULL;
    group->state.integer = (int64_t)running->count;
    struct sl_live *live = &running->live[running->count++];
    *live = (struct sl_live){.entry.key = plain_key(group)};
    return live;
}

/* ---- noting ---- */

static int note(struct sl_noted *noted, size_t index)
{
    size_t *grown = sl_array_grow(noted->index, noted->count, &noted->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    noted->index = grown;
    noted->index[noted->count++] = index;
    return 0;
}

int sl_incremental_touch(struct sl_incremental *running, struct sl_live *live)
{
    size_t index = (size_t)(live - running->live);
    int r = live->unshown ? 0 : note(&running->unshown, index);
    live->unshown = true;
    if (r < 0 || !running->tracks || live->unsaved)
        return r;
    live->unsaved = true;
    return note(&running->unsaved, index);
}

/* ---- entering and leaving ---- */

static struct sl_task *task_of(struct sl_stage *stage)
{
    struct sl_task *task = &stage->tasks[0];
    sl_arena_reset(task->scratch);
    task->err = stage->err;
    return task;
}

/* A group error marks the group; anything else that is negative ends the batch. */
static int settle(struct sl_stage *stage, struct sl_live *live, int64_t records, int r)
{
    if (r != SL_EREJECT && r != SL_EGROUP)
        return r;
    live->failed = true;
    return sl_task_reject_group(&stage->tasks[0], stage->node->number, &live->entry.key, NULL, records);
}

int sl_incremental_form(struct sl_incremental *running, struct sl_live *live, const struct sl_field *key)
{
    if (sl_field_looks_same(&live->entry.key, key))
        return 0;
    return sl_field_copy(&running->memory->arena, key, &live->entry.key) ? 0 : SL_ENOMEM;
}

static int enter_new(struct sl_incremental *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     struct sl_live *live, const struct sl_group_entry *entry)
{
    live->exists = true;
    live->failed = live->mixed = false;
    live->batches = 1;
    running->living++;
    if (sl_incremental_form(running, live, &entry->key) < 0)
        return SL_ENOMEM;
    return sl_reducer_copy(reducer, task_of(stage), &running->memory->arena, &entry->state,
                           &live->entry.state);
}

static int enter_known(struct sl_incremental *running, struct sl_stage *stage,
                       const struct sl_reducer *reducer, struct sl_live *live,
                       const struct sl_group_entry *entry)
{
    live->batches++;
    live->mixed = live->mixed || !sl_field_looks_same(&live->entry.key, &entry->key);
    running->mixed = running->mixed || live->mixed;
    if (live->failed)
        return 0;
    int64_t records =
        sl_reducer_records(reducer, &live->entry.state) + sl_reducer_records(reducer, &entry->state);
    return settle(stage, live, records,
                  reducer->ops->combine(reducer, task_of(stage), &running->memory->arena, &live->entry.state,
                                        &entry->state));
}

int sl_incremental_enter(struct sl_incremental *running, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_sorted_groups *groups)
{
    int r = 0;
    for (size_t k = 0; r == 0 && k < groups->count; k++) {
        struct sl_live *live = sl_incremental_place(running, stage, &groups->entry[k].key);
        r = live ? sl_incremental_touch(running, live) : SL_ENOMEM;
        if (r == 0)
            r = (live->exists ? enter_known : enter_new)(running, stage, reducer, live, &groups->entry[k]);
    }
    return r;
}

void sl_incremental_united(struct sl_incremental *running, const struct sl_stage *stage,
                           const struct sl_sorted_groups *before, const struct sl_sorted_groups *groups)
{
    for (size_t k = 0; k < groups->count; k++) {
        const struct sl_field *key = &groups->entry[k].key;
        size_t at = sl_sorted_groups_first(before, key);
        bool is_in_both = at < before->count && sl_field_equals(&before->entry[at].key, key);
        struct sl_live *live = is_in_both ? sl_incremental_find(running, stage, key) : NULL;
        if (live && live->batches > 1)
            live->batches--;
    }
}

static int leave_known(struct sl_incremental *running, struct sl_stage *stage,
                       const struct sl_reducer *reducer, struct sl_live *live,
                       const struct sl_group_entry *entry, bool forget)
{
    if (live->batches)
        live->batches--;
    if (!live->batches && forget) {
        live->exists = false;
        running->living--;
        return 0;
    }
    if (live->failed)
        return 0;
    return settle(stage, live, sl_reducer_records(reducer, &live->entry.state),
                  reducer->ops->inverse(reducer, task_of(stage), &running->memory->arena, &live->entry.state,
                                        &entry->state));
}

int sl_incremental_leave(struct sl_incremental *running, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_sorted_groups *groups, bool forget)
{
    int r = 0;
    for (size_t k = 0; r == 0 && k < groups->count; k++) {
        struct sl_live *live = sl_incremental_find(running, stage, &groups->entry[k].key);
        if (!live || !live->exists)
            continue;
        r = sl_incremental_touch(running, live);
        if (r == 0)
            r = leave_known(running, stage, reducer, live, &groups->entry[k], forget);
    }
    return r;
}

/* ---- compaction ---- */

enum { GARBAGE_MIN = 1 << 20, GONE_MIN = 4096 };

static size_t bytes_of(const struct sl_incremental *running)
{
    return running->memory->arena.bytes + running->table.arena.bytes;
}

static bool is_wasteful(const struct sl_incremental *running)
{
    if (!running->memory || running->unshown.count || running->unsaved.count)
        return false;
    return bytes_of(running) > 2 * running->settled + GARBAGE_MIN ||
           running->count > 2 * running->living + GONE_MIN;
}

static int move_live(const struct sl_live *from, struct sl_incremental *to, struct sl_stage *stage,
                     const struct sl_reducer *reducer)
{
    struct sl_live *live = sl_incremental_place(to, stage, &from->entry.key);
    if (!live)
        return SL_ENOMEM;
    struct sl_field key = live->entry.key;
    *live = *from;
    live->entry.key = key;
    if (from->failed)
        return 0;
    return sl_reducer_copy(reducer, task_of(stage), &to->memory->arena, &from->entry.state,
                           &live->entry.state);
}

/* Keys that went and states that were replaced leave their bytes behind: once these are as many as those of
 * the living, the living move. */
int sl_incremental_tidy(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer)
{
    struct sl_incremental moved = {
        .living = running->living, .mixed = running->mixed, .tracks = running->tracks};
    int r = 0;
    if (!is_wasteful(running))
        return 0;
    for (size_t i = 0; r == 0 && i < running->count; i++)
        if (running->live[i].exists)
            r = move_live(&running->live[i], &moved, stage, reducer);
    if (r < 0) {
        sl_incremental_done(&moved);
        return r;
    }
    moved.rows = running->rows;
    moved.shown = running->shown;
    running->rows = (struct sl_sorted_rows){0};
    sl_incremental_done(running);
    *running = moved;
    if (running->memory)
        running->settled = bytes_of(running);
    return 0;
}

/* ---- which representation of a key is shown ---- */

/* The key as the oldest batch has it; NULL where none has it. */
static const struct sl_field *first_key(const struct sl_partials_level *batches, const struct sl_field *key)
{
    for (size_t i = 0; i < batches->count; i++) {
        const struct sl_sorted_groups *groups = batches->block[i].groups;
        size_t at = groups ? sl_sorted_groups_first(groups, key) : 0;
        if (groups && at < groups->count && sl_field_equals(&groups->entry[at].key, key))
            return &groups->entry[at].key;
    }
    return NULL;
}

int sl_incremental_show_first(struct sl_incremental *running, const struct sl_partials_level *batches)
{
    for (size_t i = 0; running->mixed && i < running->count; i++) {
        struct sl_live *live = &running->live[i];
        const struct sl_field *first =
            live->exists && live->mixed ? first_key(batches, &live->entry.key) : NULL;
        if (!first || sl_field_looks_same(first, &live->entry.key))
            continue;
        if (sl_incremental_form(running, live, first) < 0 || sl_incremental_touch(running, live) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

/* ---- after a load ---- */

void sl_incremental_uncount(struct sl_incremental *running)
{
    for (size_t i = 0; i < running->count; i++)
        running->live[i].batches = 0;
}

void sl_incremental_count(struct sl_incremental *running, const struct sl_stage *stage,
                          const struct sl_sorted_groups *groups)
{
    for (size_t k = 0; k < groups->count; k++) {
        const struct sl_field *key = &groups->entry[k].key;
        struct sl_live *live = sl_incremental_find(running, stage, key);
        if (!live || !live->exists)
            continue;
        live->batches++;
        if (!sl_field_looks_same(&live->entry.key, key))
            running->mixed = live->mixed = true;
    }
}

int sl_incremental_forget(struct sl_incremental *running)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < running->count; i++) {
        struct sl_live *live = &running->live[i];
        if (!live->exists || live->batches)
            continue;
        r = sl_incremental_touch(running, live);
        live->exists = false;
        running->living--;
    }
    return r;
}
