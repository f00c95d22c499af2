/* A job with other panes than those it had: what is kept is cut anew, in memory or on disk, and the next batch saves all of it,
 * and removes what there was. */
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/contract/services.h"
#include "ops/event/event_reduce.h"
#include "ops/event/pane_sort.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"

/* The pane that holds all of an old one; false: none does. */
static bool find_pane(const struct sl_stage *stage, const struct sl_field *old_key, int64_t *ret)
{
    const struct sl_event_windows *windows = &((const struct sl_event_reduce *)stage->state)->windows;
    int64_t old = sl_pane_of(old_key), length = ((const struct sl_event_memory *)stage->memory)->pane;
    *ret = sl_pane_start(windows, old);
    return old + length <= *ret + windows->pane;
}

static void say_dropped(const struct sl_stage *stage, uint64_t dropped)
{
    if (dropped)
        sl_log(
            stage->services->log, SL_LOG_WARNING,
            "%s:%d: %s: the windows are cut otherwise than before: %llu groups that lie in two pieces of them now "
            "are forgotten",
            stage->node->site.file, stage->node->site.line, stage->node->op->name,
            (unsigned long long)dropped);
}

/* ---- in memory ---- */

/* Entries of the only run with the panes that the job has now; those that lie in two of them are dropped. */
static int cut_anew(struct sl_stage *stage, const struct sl_sorted_groups *from, struct sl_sorted_groups *to,
                    uint64_t *ret_dropped)
{
    const struct sl_event_reduce *reduce = stage->state;
    *ret_dropped = 0;
    for (size_t i = 0; i < from->count; i++) {
        struct sl_group_entry *entry = &to->entry[to->count];
        struct sl_field key = sl_key_of_pane(&from->entry[i].key), copy;
        int64_t pane;
        if (!find_pane(stage, &from->entry[i].key, &pane)) {
            ++*ret_dropped;
            continue;
        }
        if (!sl_field_copy(&to->memory->arena, &key, &copy) ||
            !sl_pane_key(&to->memory->arena, pane, &copy, &entry->key) ||
            sl_entry_copy_state(reduce->reducer, &stage->tasks[0], &to->memory->arena, &from->entry[i],
                                entry) < 0)
            return SL_ENOMEM;
        to->count++;
    }
    return sl_group_entries_sort(stage, to->entry, to->count);
}

/* Equal keys follow one another, the older pane first. */
static int combine_equal(struct sl_stage *stage, struct sl_sorted_groups *groups)
{
    const struct sl_reducer *reducer = ((const struct sl_event_reduce *)stage->state)->reducer;
    size_t count = 0;
    for (size_t i = 0; i < groups->count; i++) {
        struct sl_group_entry *last = count ? &groups->entry[count - 1] : NULL;
        if (!last || !sl_field_equals(&last->key, &groups->entry[i].key)) {
            groups->entry[count++] = groups->entry[i];
            continue;
        }
        int r = sl_entry_combine(reducer, &stage->tasks[0], &groups->memory->arena, last, &groups->entry[i]);
        if (r < 0)
            return r;
    }
    groups->count = count;
    return 0;
}

int sl_event_panes_cut(struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_sorted_groups *one = NULL, *cut = NULL;
    uint64_t dropped = 0;
    int r = sl_pane_runs_merge_all(&memory->panes, stage, reduce->reducer);
    if (r < 0 || !memory->panes.runs)
        return r;
    one = memory->panes.run[0];
    cut = sl_sorted_groups_new(one->count);
    r = cut ? cut_anew(stage, one, cut, &dropped) : SL_ENOMEM;
    r = r < 0 ? r : combine_equal(stage, cut);
    if (r < 0) {
        sl_sorted_groups_unref(cut);
        return r;
    }
    say_dropped(stage, dropped);
    memory->replaced = sl_sorted_groups_ref(one);
    sl_pane_runs_done(&memory->panes);
    return sl_pane_runs_put(&memory->panes, cut);
}

/* ---- on disk ---- */

/* The row under its new key, and the old key as one that is removed. */
static int cut_row(struct sl_stage *stage, struct sl_pane_sort *sort, const struct sl_pane_row *row,
                   uint64_t *dropped)
{
    struct sl_field own = sl_key_of_pane(&row->key), key;
    struct sl_pane_row old = {.key = row->key};
    int64_t pane;
    int r = sl_pane_sort_add(sort, &row->key, &old);
    if (r < 0 || !find_pane(stage, &row->key, &pane)) {
        ++*dropped;
        return r;
    }
    sl_arena_reset(stage->tasks[0].scratch);
    return sl_pane_key(stage->tasks[0].scratch, pane, &own, &key) ? sl_pane_sort_add(sort, &key, row)
                                                                  : SL_ENOMEM;
}

static int cut_rows(struct sl_stage *stage, struct sl_pane_sort *sort, uint64_t *ret_dropped)
{
    const struct sl_event_memory *memory = stage->memory;
    struct sl_pane_reader reader;
    struct sl_pane_row row;
    *ret_dropped = 0;
    int r = sl_pane_reader_open(&reader, &memory->store, INT64_MIN, INT64_MAX, stage->batch_ms);
    while (r == 0 && (r = sl_pane_reader_next(&reader, &row, stage->err)) > 0)
        r = cut_row(stage, sort, &row, ret_dropped);
    sl_pane_reader_close(&reader);
    return r;
}

/* As the row (key, state, whether it has failed, whether it exists). */
static int write_group(void *arg, struct sl_task *task, const struct sl_pane_group *group,
                       struct sl_spill_file *file)
{
    enum { FIELDS = 4 };
    struct sl_stage *stage = arg;
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_field row[FIELDS] = {group->entry.key, sl_nil(), sl_boolean(sl_entry_has_failed(&group->entry)),
                                   sl_boolean(group->exists)};
    row[0].flags &= SL_FIELD_ROW;
    int r = group->exists ? sl_entry_encode(reduce->reducer, task, &group->entry, &row[1]) : 0;
    return r < 0 ? r : stage->services->spill->ops->row(file, row, FIELDS, task->err);
}

static int write_rows(struct sl_pane_writer *writer, const struct sl_dataset *rows, struct sl_error *err)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field field[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, field, &width)) {
        const struct sl_pane_row row = {field[0], field[1], field[2].boolean, field[3].boolean, false};
        r = sl_pane_writer_add(writer, &row, err);
    }
    return r == 0 && writer->rows < rows->count ? sl_state_runs_cannot_be_read(err) : r;
}

/* These rows are all that there is, and none of them is saved. */
static int replace(struct sl_stage *stage, const struct sl_dataset *rows)
{
    struct sl_pane_store *store = &((struct sl_event_memory *)stage->memory)->store;
    struct sl_pane_writer writer;
    sl_pane_store_done(store);
    int r = sl_pane_writer_begin(&writer, store, rows->count, INT64_MIN, stage->err);
    r = r < 0 ? r : write_rows(&writer, rows, stage->err);
    r = r < 0 ? r : sl_pane_writer_end(&writer, stage->err);
    sl_pane_writer_give_up(&writer);
    return r;
}

int sl_event_panes_cut_stored(struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_pane_sort sort;
    struct sl_dataset *rows = NULL;
    uint64_t dropped;
    int r = sl_pane_sort_init(&sort, stage);
    r = r < 0 ? r : cut_rows(stage, &sort, &dropped);
    r = r < 0 ? r : sl_pane_sort_merge(&sort, reduce->reducer, write_group, stage, &rows);
    r = r < 0 ? r : replace(stage, rows);
    if (r == 0)
        say_dropped(stage, dropped);
    sl_dataset_unref(rows);
    sl_pane_sort_done(&sort);
    return r;
}
