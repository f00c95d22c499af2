#include "ops/window/incremental.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "ops/key/failed_group.h"
#include "ops/window/group_slices.h"
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

static struct sl_live *find(const struct sl_incremental *running, uint32_t hash, const struct sl_field *key)
{
    struct sl_group *group = running->count ? sl_table_slot(&running->table, hash, key) : NULL;
    return group && group->key.flags & SL_GROUP_TAKEN ? &running->live[group->state.integer] : NULL;
}

static struct sl_live *place(struct sl_incremental *running, uint32_t hash, const struct sl_field *key)
{
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

static uint32_t hash_of(const struct sl_stage *stage, const struct sl_field *key)
{
    return (uint32_t)sl_field_hash(key, stage->tasks[0].seed);
}

struct sl_live *sl_incremental_find(struct sl_incremental *running, const struct sl_stage *stage,
                                    const struct sl_field *key)
{
    return find(running, hash_of(stage, key), key);
}

struct sl_live *sl_incremental_place(struct sl_incremental *running, const struct sl_stage *stage,
                                     const struct sl_field *key)
{
    return place(running, hash_of(stage, key), key);
}

/* ---- many at a time ---- */

/* Groups of a batch whose hashes were made, so that what they lead to can be fetched ahead: keys are in no order of slots. */
enum { GROUPS_AT_ONCE = 64 };

struct hashed {
    size_t from, end;
    uint32_t hash[GROUPS_AT_ONCE];
};

SL_FETCH fetch_slots(const struct sl_incremental *running, const struct hashed *next)
{
    for (size_t k = next->from; k < next->end; k++)
        sl_table_prefetch(&running->table, next->hash[k - next->from]);
}

/* What the slots lead to. */
SL_FETCH fetch_live(const struct sl_incremental *running, const struct hashed *next)
{
    for (size_t k = next->from; k < next->end; k++) {
        const struct sl_group *group = sl_table_first_slot(&running->table, next->hash[k - next->from]);
        __builtin_prefetch(group->key.str);
        __builtin_prefetch(&running->live[group->state.integer], 1);
    }
}

/* The groups that follow those of *next, which is all zero at first. False: there are none. */
static bool hash_next(const struct sl_incremental *running, const struct sl_stage *stage,
                      const struct sl_sorted_groups *groups, struct hashed *next)
{
    size_t left = groups->count - next->end;
    next->from = next->end;
    next->end += left < GROUPS_AT_ONCE ? left : GROUPS_AT_ONCE;
    for (size_t k = next->from; k < next->end; k++)
        next->hash[k - next->from] = hash_of(stage, &groups->entry[k].key);
    if (running->count) {
        fetch_slots(running, next);
        fetch_live(running, next);
    }
    return next->from < next->end;
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

/* The group as an entry that says whether it has failed. */
static struct sl_group_entry entry_of(const struct sl_live *live)
{
    struct sl_group_entry entry = live->entry;
    entry.key.flags |= live->failed ? SL_GROUP_FAILED : 0;
    return entry;
}

static void take_state(struct sl_live *live, const struct sl_group_entry *entry)
{
    live->entry.state = entry->state;
    live->failed = sl_entry_has_failed(entry);
    live->reported = false;
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
    live->mixed = false;
    live->batches = 1;
    running->living++;
    struct sl_group_entry copy = {.key = sl_nil()};
    if (sl_incremental_form(running, live, &entry->key) < 0)
        return SL_ENOMEM;
    int r = sl_entry_copy_state(reducer, task_of(stage), &running->memory->arena, entry, &copy);
    take_state(live, &copy);
    return r;
}

static int enter_known(struct sl_incremental *running, struct sl_stage *stage,
                       const struct sl_reducer *reducer, struct sl_live *live,
                       const struct sl_group_entry *entry)
{
    live->batches++;
    live->mixed = live->mixed || !sl_field_looks_same(&live->entry.key, &entry->key);
    running->mixed = running->mixed || live->mixed;
    if (live->failed && live->reported)
        return 0;
    struct sl_group_entry whole = entry_of(live);
    int r = sl_entry_combine(reducer, task_of(stage), &running->memory->arena, &whole, entry);
    take_state(live, &whole);
    return r;
}

static int enter(struct sl_incremental *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                 uint32_t hash, const struct sl_group_entry *entry)
{
    struct sl_live *live = place(running, hash, &entry->key);
    int r = live ? sl_incremental_touch(running, live) : SL_ENOMEM;
    if (r < 0)
        return r;
    return live->exists ? enter_known(running, stage, reducer, live, entry)
                        : enter_new(running, stage, reducer, live, entry);
}

int sl_incremental_enter(struct sl_incremental *running, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_sorted_groups *groups)
{
    struct hashed next = {0};
    int r = 0;
    while (r == 0 && hash_next(running, stage, groups, &next))
        for (size_t k = next.from; r == 0 && k < next.end; k++)
            r = enter(running, stage, reducer, next.hash[k - next.from], &groups->entry[k]);
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
    if (live->failed && !live->reported)
        sl_failed_group_add(&live->entry.state, -sl_entry_records(reducer, entry));
    if (live->failed || sl_entry_has_failed(entry))
        return 0;
    struct sl_group_entry whole = entry_of(live);
    int64_t records = sl_entry_records(reducer, &whole);
    int r =
        reducer->ops->inverse(reducer, task_of(stage), &running->memory->arena, &whole.state, &entry->state);
    if (r == SL_EREJECT || r == SL_EGROUP)
        r = sl_entry_fail(&whole, &stage->tasks[0], &running->memory->arena, NULL, records);
    take_state(live, &whole);
    return r;
}

int sl_incremental_leave(struct sl_incremental *running, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_sorted_groups *groups, bool forget)
{
    struct hashed next = {0};
    int r = 0;
    while (r == 0 && hash_next(running, stage, groups, &next))
        for (size_t k = next.from; r == 0 && k < next.end; k++) {
            struct sl_live *live = find(running, next.hash[k - next.from], &groups->entry[k].key);
            if (!live || !live->exists)
                continue;
            r = sl_incremental_touch(running, live);
            if (r == 0)
                r = leave_known(running, stage, reducer, live, &groups->entry[k], forget);
        }
    return r;
}

/* ---- what failed ---- */

/* The group as the batches make it; *ret_any: whether one of them has it. */
static int reduce_anew(struct sl_incremental *running, struct sl_stage *stage,
                       const struct sl_reducer *reducer, struct sl_group_entry *whole,
                       const struct sl_partials_level *batches, bool *ret_any)
{
    struct sl_arena *keep = &running->memory->arena;
    int r = 0;
    *ret_any = false;
    for (size_t i = 0; r == 0 && i < batches->count; i++) {
        const struct sl_sorted_groups *groups = batches->block[i].groups;
        struct sl_group_entry one = {.key = sl_nil()};
        r = groups ? sl_group_slices_find(groups, stage, reducer, &whole->key, keep, &one) : 0;
        if (r <= 0)
            continue;
        r = *ret_any ? sl_entry_combine(reducer, task_of(stage), keep, whole, &one)
                     : sl_entry_copy_state(reducer, task_of(stage), keep, &one, whole);
        *ret_any = true;
    }
    return r;
}

static int mend(struct sl_incremental *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                struct sl_live *live, const struct sl_partials_level *batches)
{
    struct sl_group_entry whole = {.key = live->entry.key};
    bool any;
    int r = reduce_anew(running, stage, reducer, &whole, batches, &any);
    if (r == 0)
        r = sl_incremental_touch(running, live);
    if (r == 0 && any)
        take_state(live, &whole);
    live->exists = any;
    running->living -= !any;
    return r;
}

int sl_incremental_mend(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_partials_level *batches)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < running->unshown.count; i++) {
        struct sl_live *live = &running->live[running->unshown.index[i]];
        if (live->exists && live->failed && live->reported)
            r = mend(running, stage, reducer, live, batches);
    }
    return r;
}

/* ---- compaction ---- */

enum { GARBAGE_MIN = 1 << 20, GONE_MIN = 4096 };

static size_t bytes_of(const struct sl_incremental *running)
{
    return running->memory->arena.bytes + running->table.arena.bytes;
}

size_t sl_incremental_bytes(const struct sl_incremental *running)
{
    size_t bytes = running->memory ? bytes_of(running) + sl_table_bytes(&running->table, 0) : 0;
    for (size_t i = 0; i < running->rows.runs; i++)
        bytes += running->rows.run[i]->arena.bytes;
    return bytes + running->capacity * sizeof *running->live +
           (running->unshown.capacity + running->unsaved.capacity) * sizeof(size_t);
}

static bool is_wasteful(const struct sl_incremental *running)
{
    if (!running->memory)
        return false;
    return bytes_of(running) > 2 * running->settled + GARBAGE_MIN ||
           running->count > 2 * (running->living + running->unshown.count) + GONE_MIN;
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
    size_t index = (size_t)(live - to->live);
    if ((live->unshown && note(&to->unshown, index) < 0) || (live->unsaved && note(&to->unsaved, index) < 0))
        return SL_ENOMEM;
    if (!from->exists || (from->failed && from->reported))
        return 0;
    const struct sl_group_entry old = entry_of(from);
    struct sl_group_entry copy = {.key = sl_nil()};
    int r = sl_entry_copy_state(reducer, task_of(stage), &to->memory->arena, &old, &copy);
    live->entry.state = copy.state;
    return r;
}

/* Keys that were removed and states that were replaced still take their bytes: once these are as many as those of the
 * living, the living move, and what is still to be shown or saved. */
int sl_incremental_tidy(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer)
{
    struct sl_incremental moved = {
        .living = running->living, .mixed = running->mixed, .tracks = running->tracks};
    int r = 0;
    if (!is_wasteful(running))
        return 0;
    for (size_t i = 0; r == 0 && i < running->count; i++)
        if (running->live[i].exists || running->live[i].unshown || running->live[i].unsaved)
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

/* The key as the oldest batch has it: 1; 0: none has it; or a failure. */
static int first_key(struct sl_incremental *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_partials_level *batches, const struct sl_field *key,
                     struct sl_field *ret)
{
    struct sl_group_entry entry = {.key = sl_nil()};
    int r = 0;
    for (size_t i = 0; r == 0 && i < batches->count; i++)
        if (batches->block[i].groups)
            r = sl_group_slices_find(batches->block[i].groups, stage, reducer, key, &running->memory->arena,
                                     &entry);
    *ret = entry.key;
    return r;
}

static int show_first(struct sl_incremental *running, struct sl_stage *stage,
                      const struct sl_reducer *reducer, struct sl_live *live,
                      const struct sl_partials_level *batches)
{
    struct sl_field first;
    int r = first_key(running, stage, reducer, batches, &live->entry.key, &first);
    if (r <= 0 || sl_field_looks_same(&first, &live->entry.key))
        return r < 0 ? r : 0;
    r = sl_incremental_form(running, live, &first);
    return r < 0 ? r : sl_incremental_touch(running, live);
}

int sl_incremental_show_first(struct sl_incremental *running, struct sl_stage *stage,
                              const struct sl_reducer *reducer, const struct sl_partials_level *batches)
{
    int r = 0;
    for (size_t i = 0; r == 0 && running->mixed && i < running->count; i++)
        if (running->live[i].exists && running->live[i].mixed)
            r = show_first(running, stage, reducer, &running->live[i], batches);
    return r;
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
