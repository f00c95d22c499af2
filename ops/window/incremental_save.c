/* A running window on disk: the groups that changed. */
#include "ops/window/incremental_internal.h"

#include "core/base/error.h"
#include "core/contract/state_writer.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>

static int save_live(struct sl_stage *stage, const struct sl_reducer *reducer, struct sl_live *live,
                     struct sl_state_writer *keeper)
{
    struct sl_task *task = &stage->tasks[0];
    struct sl_field row[4] = {live->entry.key, sl_nil(), sl_integer(live->batches), sl_boolean(live->failed)};
    live->unsaved = false;
    if (!live->exists)
        return keeper->ops->row(keeper, row, 1);
    sl_arena_reset(task->scratch);
    struct sl_group_entry entry = live->entry;
    entry.key.flags |= live->failed ? SL_GROUP_FAILED : 0;
    int r = live->failed && live->reported ? 0 : sl_entry_encode(reducer, task, &entry, &row[1]);
    return r < 0 ? r : keeper->ops->row(keeper, row, 4);
}

int sl_incremental_save(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, struct sl_state_writer *keeper)
{
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    struct sl_group_entry *entry;
    if (!running->unsaved.count)
        return 0;
    int r = sl_incremental_sort(running, stage, &running->unsaved, &entry);
    if (r < 0)
        return r;
    r = keeper->ops->begin(keeper, &section);
    for (size_t i = 0; r == 0 && i < running->unsaved.count; i++)
        r = save_live(stage, reducer, &running->live[entry[i].state.integer], keeper);
    running->unsaved.count = 0;
    free(entry);
    return r;
}

static int load_live(struct sl_incremental *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_field *row)
{
    struct sl_live *live = sl_incremental_place(running, stage, &row[0]);
    if (!live || sl_incremental_form(running, live, &row[0]) < 0 || sl_incremental_touch(running, live) < 0)
        return SL_ENOMEM;
    running->living += !live->exists;
    live->exists = true;
    live->batches = (uint32_t)row[2].integer;
    live->failed = row[3].boolean;
    live->reported = live->failed && row[1].tag == SL_NIL;
    if (live->reported)
        return 0;
    struct sl_group_entry entry = {.key = sl_nil()};
    sl_arena_reset(stage->tasks[0].scratch);
    int r =
        sl_entry_decode(reducer, &stage->tasks[0], &running->memory->arena, &row[1], live->failed, &entry);
    live->entry.state = entry.state;
    return r;
}

static void load_gone(struct sl_incremental *running, struct sl_stage *stage, const struct sl_field *key)
{
    struct sl_live *live = sl_incremental_find(running, stage, key);
    if (!live || !live->exists)
        return;
    live->exists = false;
    running->living--;
}

int sl_incremental_load(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_dataset *rows)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        if (width == 4)
            r = load_live(running, stage, reducer, row);
        else if (width == 1)
            load_gone(running, stage, &row[0]);
        else
            r = sl_error_set(stage->err, SL_EDAMAGED, "the running results of a window are damaged");
    }
    return r;
}
