#include "ops/running.h"

#include "core/error.h"

#include <stdlib.h>

void sl_running_done(struct sl_running *running)
{
    free(running->live);
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

static int add_new(struct pass *pass, const struct sl_entry *entry)
{
    struct sl_arena *keep = &pass->running->memory->arena;
    struct sl_live *live = &pass->to[pass->count];
    *live = (struct sl_live){.batches = 1};
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

static int leave_known(struct pass *pass, const struct sl_live *known, const struct sl_entry *entry,
                       bool forget)
{
    struct sl_live *live = &pass->to[pass->count];
    *live = *known;
    if (live->batches)
        live->batches--;
    if (!live->batches && forget)
        return 0;
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
    if (running->memory->arena.bytes < 2 * running->settled + GARBAGE_MIN)
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
