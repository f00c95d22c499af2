#include "ops/window/running_rows.h"

#include "core/base/error.h"
#include "ops/key/failed_group.h"
#include "ops/window/incremental_internal.h"
#include "ops/window/running_table.h"

#include <stdlib.h>

/* ---- reading ---- */

static void read_flags(struct sl_live *live, int64_t flags)
{
    live->exists = flags & SL_RUNNING_EXISTS;
    live->failed = flags & SL_RUNNING_FAILED;
    live->reported = flags & SL_RUNNING_REPORTED;
    live->mixed = flags & SL_RUNNING_MIXED;
    live->unfinished = flags & SL_RUNNING_UNFINISHED;
}

/* What is noted: as if it had been touched. */
static int read_notes(struct sl_incremental *running, struct sl_live *live, int64_t flags)
{
    bool tracks = running->tracks;
    running->tracks = flags & SL_RUNNING_UNSAVED;
    int r = flags & (SL_RUNNING_UNSHOWN | SL_RUNNING_UNSAVED) ? sl_incremental_touch(running, live) : 0;
    running->tracks = tracks;
    return r;
}

static int read_state(struct sl_incremental *running, struct sl_stage *stage,
                      const struct sl_reducer *reducer, struct sl_live *live, const struct sl_field *state)
{
    struct sl_group_entry entry = {.key = sl_nil()};
    if (!live->exists || (live->failed && live->reported))
        return 0;
    sl_arena_reset(stage->tasks[0].scratch);
    int r = sl_entry_decode(reducer, &stage->tasks[0], &running->memory->arena, state, live->failed, &entry);
    live->entry.state = entry.state;
    return r;
}

static int append_shown(struct sl_rows *rows, const struct sl_field *shown)
{
    struct sl_field pair[2];
    if (!sl_field_copy(&rows->arena, &shown->items[0], &pair[0]) ||
        !sl_field_copy(&rows->arena, &shown->items[1], &pair[1]))
        return SL_ENOMEM;
    return sl_rows_append_row(rows, pair, 2);
}

int sl_running_row_load(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_field row[SL_RUNNING_FIELDS],
                        struct sl_rows *shown)
{
    struct sl_live *live = sl_incremental_place(running, stage, &row[SL_RUNNING_KEY]);
    if (!live || sl_incremental_form(running, live, &row[SL_RUNNING_KEY]) < 0)
        return SL_ENOMEM;
    read_flags(live, row[SL_RUNNING_FLAGS].integer);
    live->batches = (uint32_t)row[SL_RUNNING_BATCHES].integer;
    live->shown = sl_running_row_is_shown(row);
    running->living += live->exists;
    running->shown += live->shown;
    running->mixed = running->mixed || live->mixed;
    int r = read_notes(running, live, row[SL_RUNNING_FLAGS].integer);
    r = r < 0 ? r : read_state(running, stage, reducer, live, &row[SL_RUNNING_STATE]);
    return r < 0 || !live->shown ? r : append_shown(shown, &row[SL_RUNNING_SHOWN]);
}

int sl_running_rows_filled(struct sl_incremental *running, struct sl_stage *stage, struct sl_rows *shown)
{
    if (shown->count)
        return sl_sorted_rows_add(&running->rows, stage->pool, shown, running->shown);
    sl_rows_unref(shown);
    return 0;
}

bool sl_running_row_of_saved(const struct sl_field *saved, uint32_t width,
                             struct sl_field row[SL_RUNNING_FIELDS])
{
    row[SL_RUNNING_KEY] = saved[0];
    row[SL_RUNNING_STATE] = row[SL_RUNNING_SHOWN] = sl_nil();
    row[SL_RUNNING_BATCHES] = row[SL_RUNNING_FLAGS] = sl_integer(0);
    if (width != 4)
        return width == 1;
    if (saved[2].tag != SL_INT || saved[3].tag != SL_BOOL)
        return false;
    bool is_failed = saved[3].boolean, is_reported = is_failed && saved[1].tag == SL_NIL;
    row[SL_RUNNING_STATE] = saved[1];
    row[SL_RUNNING_BATCHES] = saved[2];
    row[SL_RUNNING_FLAGS] =
        sl_integer(SL_RUNNING_EXISTS | SL_RUNNING_UNSHOWN | (is_failed ? SL_RUNNING_FAILED : 0) |
                   (is_reported ? SL_RUNNING_REPORTED : 0));
    return true;
}

/* ---- writing ---- */

static int64_t flags_of(const struct sl_live *live)
{
    return (live->exists ? SL_RUNNING_EXISTS : 0) | (live->failed ? SL_RUNNING_FAILED : 0) |
           (live->reported ? SL_RUNNING_REPORTED : 0) | (live->mixed ? SL_RUNNING_MIXED : 0) |
           (live->unfinished ? SL_RUNNING_UNFINISHED : 0) | (live->unshown ? SL_RUNNING_UNSHOWN : 0) |
           (live->unsaved ? SL_RUNNING_UNSAVED : 0);
}

struct writing {
    struct sl_incremental *running;
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    struct sl_running_writer *writer;
    struct sl_cursor cursor; /* over what is shown */
    struct sl_field row[SL_WIDTH_MAX];
    bool has_row;
};

static void next_row(struct writing *writing)
{
    uint32_t width;
    writing->has_row = sl_cursor_next(&writing->cursor, writing->row, &width);
}

static int write_live(struct writing *writing, const struct sl_live *live)
{
    struct sl_task *task = &writing->stage->tasks[0];
    struct sl_field row[SL_RUNNING_FIELDS] = {live->entry.key, sl_nil(), sl_integer(live->batches),
                                              sl_integer(flags_of(live)), sl_nil()};
    struct sl_group_entry entry = live->entry;
    bool is_shown = writing->has_row && sl_field_equals(&writing->row[0], &live->entry.key);
    entry.key.flags &= (uint8_t)~SL_GROUP_FAILED;
    entry.key.flags |= live->failed ? SL_GROUP_FAILED : 0;
    row[SL_RUNNING_KEY].flags &= SL_FIELD_ROW;
    sl_arena_reset(task->scratch);
    int r = live->exists && !(live->failed && live->reported)
                ? sl_entry_encode(writing->reducer, task, &entry, &row[SL_RUNNING_STATE])
                : 0;
    if (is_shown)
        row[SL_RUNNING_SHOWN] = sl_list(writing->row, 2);
    if (r == 0)
        r = sl_running_writer_add(writing->writer, row, writing->stage->err);
    if (is_shown)
        next_row(writing);
    return r;
}

/* All keys, in order: entry.state.integer is the index. */
static int sort_all(struct sl_incremental *running, struct sl_stage *stage, struct sl_group_entry **ret)
{
    struct sl_noted all = {.index = malloc((running->count + 1) * sizeof *all.index),
                           .count = running->count};
    for (size_t i = 0; all.index && i < running->count; i++)
        all.index[i] = i;
    int r = all.index ? sl_incremental_sort(running, stage, &all, ret) : SL_ENOMEM;
    free(all.index);
    return r;
}

static int write_all(struct writing *writing)
{
    struct sl_incremental *running = writing->running;
    struct sl_group_entry *entry = NULL;
    int r = sort_all(running, writing->stage, &entry);
    next_row(writing);
    for (size_t i = 0; r == 0 && i < running->count; i++)
        r = write_live(writing, &running->live[entry[i].state.integer]);
    free(entry);
    return r;
}

int sl_running_rows_write(struct sl_incremental *running, struct sl_stage *stage,
                          const struct sl_reducer *reducer, struct sl_running_writer *writer)
{
    struct writing writing = {running, stage, reducer, writer, {0}, {{0}}, false};
    struct sl_rows *rows = NULL;
    int r = running->rows.runs ? sl_sorted_rows_rows(&running->rows, &rows) : 0;
    if (r == 0 && !rows)
        rows = sl_rows_new();
    struct sl_dataset *shown = rows ? sl_dataset_of(rows) : NULL;
    if (!shown)
        return SL_ENOMEM;
    sl_cursor_init(&writing.cursor, shown);
    stage->tasks[0].err = stage->err;
    r = write_all(&writing);
    sl_dataset_unref(shown);
    return r;
}
