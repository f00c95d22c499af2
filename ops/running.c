#include "ops/running.h"

#include "core/error.h"
#include "core/keeper.h"

#include <math.h>
#include <stdlib.h>

void sl_running_done(struct sl_running *running)
{
    free(running->live);
    free(running->gone_key);
    sl_memory_unref(running->memory);
    *running = (struct sl_running){0};
}

/* One pass over what is kept and a run, both in the order of keys; what stays goes to `to`. */
struct pass {
    struct sl_running *running;
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    struct sl_live *to;
    size_t count;
};

static struct sl_task *task_of(const struct pass *pass)
{
    struct sl_task *task = &pass->stage->tasks[0];
    sl_arena_reset(task->scratch);
    task->err = pass->stage->err;
    return task;
}

/* A group error marks the group; anything else that is negative ends the batch. */
static int settle(const struct pass *pass, struct sl_live *live, int r)
{
    if (r != SL_EREJECT && r != SL_EGROUP)
        return r;
    struct sl_field none = sl_nil();
    live->failed = true;
    return sl_task_reject_group(&pass->stage->tasks[0], pass->stage->node->number, &live->entry.key, &none);
}

static int copy_state(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                      const union sl_state *from, union sl_state *ret)
{
    *ret = *from;
    return reducer->ops->copy ? reducer->ops->copy(reducer, task, keep, from, ret) : 0;
}

/* Of keys that are equal: whether they are the same to the eye. 1 and 1.0 are not. */
static bool look_alike(const struct sl_field *a, const struct sl_field *b)
{
    if (a->tag != b->tag)
        return false;
    if (a->tag == SL_FLOAT)
        return !signbit(a->number) == !signbit(b->number);
    for (uint32_t i = 0; a->tag == SL_LIST && i < a->len; i++)
        if (!look_alike(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static int add_new(struct pass *pass, const struct sl_entry *entry)
{
    struct sl_arena *keep = &pass->running->memory->arena;
    struct sl_live *live = &pass->to[pass->count];
    *live = (struct sl_live){.batches = 1, .changed = true};
    if (!sl_field_copy(keep, &entry->key, &live->entry.key))
        return SL_ENOMEM;
    int r = copy_state(pass->reducer, task_of(pass), keep, &entry->state, &live->entry.state);
    if (r == 0)
        pass->count++;
    return r;
}

static int enter_known(struct pass *pass, const struct sl_live *known, const struct sl_entry *entry)
{
    struct sl_live *live = &pass->to[pass->count++];
    *live = *known;
    live->batches++;
    live->mixed = live->mixed || !look_alike(&live->entry.key, &entry->key);
    pass->running->mixed = pass->running->mixed || live->mixed;
    live->changed = true;
    if (live->failed)
        return 0;
    return settle(pass, live,
                  pass->reducer->ops->combine(pass->reducer, task_of(pass), &pass->running->memory->arena,
                                              &live->entry.state, &entry->state));
}

static int begin_pass(struct pass *pass, size_t count)
{
    if (!pass->running->memory)
        pass->running->memory = sl_memory_new();
    pass->to = malloc((count ? count : 1) * sizeof *pass->to);
    return pass->running->memory && pass->to ? 0 : SL_ENOMEM;
}

static int end_pass(struct pass *pass, int r)
{
    if (r < 0) {
        free(pass->to);
        return r;
    }
    free(pass->running->live);
    pass->running->live = pass->to;
    pass->running->count = pass->count;
    return 0;
}

int sl_running_enter(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_groups *groups)
{
    struct pass pass = {running, stage, reducer, NULL, 0};
    size_t i = 0, k = 0;
    int r = begin_pass(&pass, running->count + groups->count);
    while (r == 0 && k < groups->count) {
        int order =
            i < running->count ? sl_field_compare(&running->live[i].entry.key, &groups->entry[k].key) : 1;
        if (order < 0)
            pass.to[pass.count++] = running->live[i++];
        else if (order == 0)
            r = enter_known(&pass, &running->live[i++], &groups->entry[k++]);
        else
            r = add_new(&pass, &groups->entry[k++]);
    }
    while (r == 0 && i < running->count)
        pass.to[pass.count++] = running->live[i++];
    return end_pass(&pass, r);
}

static int note_gone(struct sl_running *running, const struct sl_field *key)
{
    if (!running->tracks)
        return 0;
    if (running->gone == running->gone_capacity) {
        size_t capacity = running->gone_capacity ? running->gone_capacity * 2 : 64;
        struct sl_field *grown = realloc(running->gone_key, capacity * sizeof *grown);
        if (!grown)
            return SL_ENOMEM;
        running->gone_key = grown;
        running->gone_capacity = capacity;
    }
    running->gone_key[running->gone++] = *key;
    return 0;
}

static int leave_known(struct pass *pass, const struct sl_live *known, const struct sl_entry *entry,
                       bool forget)
{
    struct sl_live *live = &pass->to[pass->count];
    *live = *known;
    if (live->batches)
        live->batches--;
    live->changed = true;
    if (!live->batches && forget)
        return note_gone(pass->running, &live->entry.key);
    pass->count++;
    if (live->failed)
        return 0;
    return settle(pass, live,
                  pass->reducer->ops->inverse(pass->reducer, task_of(pass), &pass->running->memory->arena,
                                              &live->entry.state, &entry->state));
}

enum { GARBAGE_MIN = 1 << 20 };

/* Keys that went and states that were replaced leave their bytes behind: once these are as many as those of
 * the living, the living move. */
static int compact(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer)
{
    if (running->gone || running->memory->arena.bytes < 2 * running->settled + GARBAGE_MIN)
        return 0;
    struct sl_memory *memory = sl_memory_new();
    int r = memory ? 0 : SL_ENOMEM;
    for (size_t i = 0; i < running->count && r == 0; i++) {
        struct sl_entry *entry = &running->live[i].entry, moved = *entry;
        if (!sl_field_copy(&memory->arena, &entry->key, &moved.key))
            r = SL_ENOMEM;
        if (r == 0 && !running->live[i].failed)
            r = copy_state(reducer, &stage->tasks[0], &memory->arena, &entry->state, &moved.state);
        *entry = moved;
    }
    if (r < 0) {
        sl_memory_unref(memory); /* the run ends: what was moved is not looked at again */
        return r;
    }
    sl_memory_unref(running->memory);
    running->memory = memory;
    running->settled = memory->arena.bytes;
    return 0;
}

int sl_running_leave(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_groups *groups, bool forget)
{
    struct pass pass = {running, stage, reducer, NULL, 0};
    size_t k = 0;
    int r = begin_pass(&pass, running->count);
    for (size_t i = 0; r == 0 && i < running->count; i++) {
        const struct sl_live *live = &running->live[i];
        int order = -1; /* the run may be at its end */
        while (k < groups->count && (order = sl_field_compare(&live->entry.key, &groups->entry[k].key)) > 0)
            k++;
        if (order == 0)
            r = leave_known(&pass, live, &groups->entry[k++], forget);
        else
            pass.to[pass.count++] = *live;
    }
    r = end_pass(&pass, r);
    return r == 0 ? compact(running, stage, reducer) : r;
}

/* ---- which representation of a key is shown ---- */

static int compare_entries(const void *key, const void *entry)
{
    return sl_field_compare(key, &((const struct sl_entry *)entry)->key);
}

/* The key as the oldest batch has it; NULL where none has it. */
static const struct sl_field *first_key(const struct sl_block_level *batches, const struct sl_field *key)
{
    for (size_t i = 0; i < batches->count; i++) {
        const struct sl_groups *groups = batches->block[i].groups;
        const struct sl_entry *found =
            groups ? bsearch(key, groups->entry, groups->count, sizeof *groups->entry, compare_entries)
                   : NULL;
        if (found)
            return &found->key;
    }
    return NULL;
}

int sl_running_show_first(struct sl_running *running, const struct sl_block_level *batches)
{
    for (size_t i = 0; running->mixed && i < running->count; i++) {
        struct sl_live *live = &running->live[i];
        const struct sl_field *first = live->mixed ? first_key(batches, &live->entry.key) : NULL;
        if (!first || look_alike(first, &live->entry.key))
            continue;
        if (!sl_field_copy(&running->memory->arena, first, &live->entry.key))
            return SL_ENOMEM;
        live->changed = true;
    }
    return 0;
}

void sl_running_mark(struct sl_running *running, const struct sl_groups *groups)
{
    size_t i = 0;
    for (size_t k = 0; k < groups->count; k++) {
        const struct sl_field *key = &groups->entry[k].key;
        while (i < running->count && sl_field_compare(&running->live[i].entry.key, key) < 0)
            i++;
        if (i < running->count && sl_field_equals(&running->live[i].entry.key, key) &&
            !look_alike(&running->live[i].entry.key, key))
            running->mixed = running->live[i].mixed = true;
    }
}

int sl_running_groups(const struct sl_running *running, struct sl_groups **ret)
{
    struct sl_groups *groups = sl_groups_new(running->count);
    if (!groups)
        return SL_ENOMEM;
    if (running->memory)
        groups->memory->base[0] = sl_memory_ref(running->memory);
    for (size_t i = 0; i < running->count; i++)
        if (!running->live[i].failed)
            groups->entry[groups->count++] = running->live[i].entry;
    *ret = groups;
    return 0;
}

/* ---- on disk ---- */

static int compare_keys(const void *a, const void *b)
{
    return sl_field_compare(a, b);
}

struct save {
    struct sl_running *running;
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    struct sl_keeper *keeper;
};

static int save_live(const struct save *save, struct sl_live *live)
{
    struct sl_task *task = &save->stage->tasks[0];
    struct sl_field row[4] = {live->entry.key, sl_nil(), sl_integer(live->batches), sl_boolean(live->failed)};
    if (!live->changed)
        return 0;
    live->changed = false;
    sl_arena_reset(task->scratch);
    int r = live->failed ? 0 : save->reducer->ops->encode(save->reducer, task, &live->entry.state, &row[1]);
    return r < 0 ? r : save->keeper->ops->row(save->keeper, row, 4);
}

/* Live and forgotten keys, both sorted; a key that came back is live. */
static int save_rows(const struct save *save)
{
    struct sl_running *running = save->running;
    size_t g = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < running->count; i++) {
        int order = -1;
        while (r == 0 && g < running->gone &&
               (order = sl_field_compare(&running->gone_key[g], &running->live[i].entry.key)) < 0)
            r = save->keeper->ops->row(save->keeper, &running->gone_key[g++], 1);
        while (g < running->gone && order == 0 &&
               sl_field_equals(&running->gone_key[g], &running->live[i].entry.key))
            g++;
        if (r == 0)
            r = save_live(save, &running->live[i]);
    }
    for (; r == 0 && g < running->gone; g++)
        r = save->keeper->ops->row(save->keeper, &running->gone_key[g], 1);
    running->gone = 0;
    return r;
}

int sl_running_save(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                    struct sl_keeper *keeper)
{
    struct save save = {running, stage, reducer, keeper};
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    bool any = running->gone > 0;
    for (size_t i = 0; !any && i < running->count; i++)
        any = running->live[i].changed;
    if (!any)
        return 0;
    if (running->gone)
        qsort(running->gone_key, running->gone, sizeof *running->gone_key, compare_keys);
    int r = keeper->ops->begin(keeper, &section);
    return r < 0 ? r : save_rows(&save);
}

static int load_live(struct pass *pass, const struct sl_field *row)
{
    struct sl_arena *keep = &pass->running->memory->arena;
    struct sl_live *live = &pass->to[pass->count++];
    *live = (struct sl_live){.batches = (uint32_t)row[2].integer, .failed = row[3].boolean};
    if (!sl_field_copy(keep, &row[0], &live->entry.key))
        return SL_ENOMEM;
    if (live->failed)
        return 0;
    return pass->reducer->ops->decode(pass->reducer, task_of(pass), keep, &row[1], &live->entry.state);
}

/* One pass over what was loaded and a newer section. */
static int load_pass(struct pass *pass, const struct sl_dataset *rows)
{
    struct sl_running *running = pass->running;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    size_t i = 0;
    int r = 0;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        while (i < running->count && sl_field_compare(&running->live[i].entry.key, &row[0]) < 0)
            pass->to[pass->count++] = running->live[i++];
        if (i < running->count && sl_field_equals(&running->live[i].entry.key, &row[0]))
            i++;
        if (width == 4)
            r = load_live(pass, row);
        else if (width != 1)
            r = sl_error_set(pass->stage->err, SL_EDAMAGED, "the running results of a window are damaged");
    }
    while (r == 0 && i < running->count)
        pass->to[pass->count++] = running->live[i++];
    return r;
}

int sl_running_load(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                    const struct sl_dataset *rows)
{
    struct pass pass = {running, stage, reducer, NULL, 0};
    int r = begin_pass(&pass, running->count + rows->count);
    return end_pass(&pass, r < 0 ? r : load_pass(&pass, rows));
}
