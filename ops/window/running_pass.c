#include "ops/window/running_pass.h"

#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"

#include <stdlib.h>

static struct sl_window_memory *memory_of(const struct sl_stage *stage)
{
    return stage->memory;
}

static const struct sl_reducer *reducer_of(const struct sl_stage *stage)
{
    return ((const struct sl_reduced_window *)stage->state)->by_key.aggregate.reducer;
}

/* ---- what is saved ---- */

/* What sl_incremental_save gives is in a file until the operator is saved. */
static int begin_changes(struct sl_state_writer *keeper, const struct sl_section *section)
{
    return 0;
}

static int write_change(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width)
{
    struct sl_running_changes *changes = (struct sl_running_changes *)keeper;
    return changes->spill->ops->row(changes->file, fields, width, changes->err);
}

static const struct sl_state_writer_ops changes_ops = {.begin = begin_changes, .row = write_change};

void sl_running_drop_changes(struct sl_stage *stage)
{
    sl_dataset_unref(memory_of(stage)->stored.changes);
    memory_of(stage)->stored.changes = NULL;
}

/* What was written to the file. */
static int end_file(const struct sl_spill *spill, struct sl_spill_file *file, struct sl_dataset **ret,
                    struct sl_error *err)
{
    struct sl_stored *stored;
    int r = spill->ops->end(file, &stored, err);
    if (r < 0)
        return r;
    struct sl_rows *rows = sl_rows_stored(stored);
    *ret = rows ? sl_dataset_of(rows) : NULL;
    return *ret ? 0 : SL_ENOMEM;
}

static int keep_changes(struct sl_stage *stage, struct sl_running_changes *changes)
{
    sl_running_drop_changes(stage);
    return end_file(changes->spill, changes->file, &memory_of(stage)->stored.changes, changes->err);
}

/* ---- a pass ---- */

/* Rows of the table that were removed are passed over. */
static void next_row(struct sl_running_pass *pass)
{
    const struct sl_stored_cell *cell;
    while ((cell = sl_state_reader_next(pass->reader)) && !cell->exists)
        ;
    pass->has_row = cell;
    if (cell)
        sl_running_row_of_cell(cell, pass->row);
}

int sl_slices_list_open(struct sl_slices_list *list, struct sl_sorted_groups *const *groups, size_t count)
{
    list->slices = calloc(count + 1, sizeof *list->slices);
    for (size_t i = 0; list->slices && i < count; i++)
        sl_group_slices_open(&list->slices[list->count++], groups[i]);
    return list->slices ? 0 : SL_ENOMEM;
}

static void list_close(struct sl_slices_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sl_group_slices_close(&list->slices[i]);
    free(list->slices);
}

static uint64_t rows_of(const struct sl_running_table *table)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < table->runs.count; i++)
        rows += table->runs.run[i].rows->count;
    return rows;
}

static int open_whole(struct sl_running_pass *pass, uint64_t entering)
{
    struct sl_stage *stage = pass->stage;
    struct sl_running_table *table = memory_of(stage)->stored.table;
    pass->next = sl_running_table_new(stage, pass->spill);
    if (!pass->next || sl_state_reader_open(&table->runs, 0, table->runs.count, &pass->reader) < 0)
        return SL_ENOMEM;
    pass->next->shown = table->shown;
    next_row(pass);
    return sl_running_writer_open(&pass->writer, pass->next, rows_of(table) + entering, stage->err);
}

static uint64_t count_groups(const struct sl_slices_list *list)
{
    uint64_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += list->slices[i].groups->count;
    return count;
}

static int open_some(struct sl_running_pass *pass, uint64_t entering)
{
    int r = 0;
    pass->sought.slices = calloc(pass->leaving.count + 1, sizeof *pass->sought.slices);
    for (size_t i = 0; pass->sought.slices && i < pass->leaving.count; i++)
        sl_group_slices_open(&pass->sought.slices[pass->sought.count++], pass->leaving.slices[i].groups);
    r = pass->sought.slices ? 0 : SL_ENOMEM;
    return r < 0 ? r
                 : sl_running_writer_open(&pass->writer, memory_of(pass->stage)->stored.table,
                                          entering + count_groups(&pass->leaving), pass->stage->err);
}

static int pass_open(struct sl_running_pass *pass)
{
    const struct sl_running_table *table = memory_of(pass->stage)->stored.table;
    uint64_t entering = pass->entering.groups ? pass->entering.groups->count : 0;
    pass->is_whole = pass->counts || table->is_pending;
    pass->changes = (struct sl_running_changes){{&changes_ops}, pass->spill, NULL, pass->stage->err};
    int r = (pass->is_whole ? open_whole : open_some)(pass, entering);
    r = r < 0 ? r : pass->spill->ops->open(pass->spill, &pass->changes.file, pass->stage->err);
    return r < 0 || !pass->emits ? r : pass->spill->ops->open(pass->spill, &pass->revised, pass->stage->err);
}

void sl_running_pass_close(struct sl_running_pass *pass)
{
    list_close(&pass->leaving);
    list_close(&pass->counted);
    list_close(&pass->sought);
    sl_group_slices_close(&pass->entering);
    sl_group_slices_close(&pass->before);
    sl_running_writer_done(&pass->writer);
    sl_running_table_free(pass->next);
    sl_state_reader_close(pass->reader);
    sl_state_finder_done(&pass->finder);
    pass->spill->ops->close(pass->changes.file);
    pass->spill->ops->close(pass->revised);
    free(pass->older.block);
}

/* ---- some keys ---- */

enum { KEY_BYTES = 200 }; /* what a key takes beside what is counted */

struct part {
    struct sl_incremental running;
    struct sl_sorted_groups *entering;
    size_t capacity;
    struct sl_rows *shown;
    struct sl_arena keep;         /* of until */
    const struct sl_field *until; /* the first key of the next part; NULL: there is none */
    struct sl_field until_key;
};

static void part_done(struct part *part)
{
    sl_incremental_done(&part->running);
    sl_sorted_groups_unref(part->entering);
    sl_rows_unref(part->shown);
    sl_arena_done(&part->keep);
}

static bool is_full(const struct sl_running_pass *pass, const struct part *part)
{
    enum { PARTS = 4 };
    size_t bytes = sl_incremental_bytes(&part->running) + part->entering->memory->arena.bytes +
                   part->shown->arena.bytes + (part->running.count + part->entering->count) * KEY_BYTES;
    bool any = part->running.count || part->entering->count;
    return any && bytes > memory_of(pass->stage)->store.share / PARTS;
}

static int load_row(struct sl_running_pass *pass, struct part *part,
                    const struct sl_field row[SL_RUNNING_FIELDS])
{
    sl_running_writer_replaces(&pass->writer, row);
    return sl_running_row_load(&part->running, pass->stage, reducer_of(pass->stage), row, part->shown);
}

static int take_entering(struct sl_running_pass *pass, struct part *part)
{
    return sl_group_slices_take(&pass->entering, pass->stage, reducer_of(pass->stage), part->entering,
                                &part->capacity);
}

static int end_before(struct part *part, const struct sl_field *key)
{
    part->until = &part->until_key;
    return sl_field_copy(&part->keep, key, &part->until_key) ? 0 : SL_ENOMEM;
}

/* Keys of the table and of the batch that enters, side by side, until they are enough. */
static int fill_whole(struct sl_running_pass *pass, struct part *part)
{
    int r = 0;
    while (r == 0) {
        const struct sl_field *stored = pass->has_row ? &pass->row[0] : NULL,
                              *enters = sl_group_slices_key(&pass->entering);
        int order = !stored ? 1 : !enters ? -1 : sl_field_compare(stored, enters);
        if (!stored && !enters)
            break;
        if (is_full(pass, part))
            return end_before(part, order <= 0 ? stored : enters);
        if (order >= 0)
            r = take_entering(pass, part);
        if (r < 0 || order > 0)
            continue;
        r = load_row(pass, part, pass->row);
        next_row(pass);
    }
    return r < 0 ? r : sl_state_reader_failure(pass->reader, pass->stage->err);
}

/* The first key of the batches that enter or leave; NULL: there is none left. */
static const struct sl_field *first_key(const struct sl_running_pass *pass)
{
    const struct sl_field *first = sl_group_slices_key(&pass->entering);
    for (size_t i = 0; i < pass->sought.count; i++) {
        const struct sl_field *key = sl_group_slices_key(&pass->sought.slices[i]);
        if (key && (!first || sl_field_compare(key, first) < 0))
            first = key;
    }
    return first;
}

static bool is_next(const struct sl_group_slices *slices, const struct sl_field *key)
{
    const struct sl_field *next = sl_group_slices_key(slices);
    return next && sl_field_equals(next, key);
}

/* The key is copied: what has it moves on. */
static int fill_key(struct sl_running_pass *pass, struct part *part, const struct sl_field *first)
{
    struct sl_arena keep SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field key, row[SL_RUNNING_FIELDS];
    if (!sl_field_copy(&keep, first, &key))
        return SL_ENOMEM;
    int r =
        sl_running_table_find(memory_of(pass->stage)->stored.table, &pass->finder, pass->stage, &key, row);
    r = r > 0 ? load_row(pass, part, row) : r;
    if (r == 0 && is_next(&pass->entering, &key))
        r = take_entering(pass, part);
    for (size_t i = 0; r == 0 && i < pass->sought.count; i++)
        if (is_next(&pass->sought.slices[i], &key))
            sl_group_slices_skip(&pass->sought.slices[i]);
    return r;
}

/* Keys of the batches that enter or leave, until they are enough. */
static int fill_some(struct sl_running_pass *pass, struct part *part)
{
    const struct sl_field *key;
    int r = 0;
    while (r == 0 && (key = first_key(pass))) {
        if (is_full(pass, part))
            return end_before(part, key);
        r = fill_key(pass, part, key);
    }
    return r;
}

static int part_open(struct sl_running_pass *pass, struct part *part)
{
    *part = (struct part){.entering = sl_sorted_groups_new(0), .shown = sl_rows_new()};
    int r = part->entering && part->shown ? (pass->is_whole ? fill_whole : fill_some)(pass, part) : SL_ENOMEM;
    if (r < 0)
        return r;
    struct sl_rows *shown = part->shown;
    part->shown = NULL;
    part->running.tracks = pass->stage->services->durable;
    return sl_running_rows_filled(&part->running, pass->stage, shown);
}

/* ---- what happens to them ---- */

static int slice(struct sl_running_pass *pass, struct part *part, struct sl_group_slices *of,
                 struct sl_sorted_groups **ret)
{
    return sl_group_slices_until(of, pass->stage, reducer_of(pass->stage), part->until, ret);
}

static int leave(struct sl_running_pass *pass, struct part *part)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < pass->leaving.count; i++) {
        struct sl_sorted_groups *groups;
        r = slice(pass, part, &pass->leaving.slices[i], &groups);
        if (r < 0)
            return r;
        r = sl_incremental_leave(&part->running, pass->stage, reducer_of(pass->stage), groups, pass->forgets);
        sl_sorted_groups_unref(groups);
    }
    return r;
}

static int count(struct sl_running_pass *pass, struct part *part)
{
    const struct sl_reduced_window *window = pass->stage->state;
    int r = 0;
    sl_incremental_uncount(&part->running);
    for (size_t i = 0; r == 0 && i < pass->counted.count; i++) {
        struct sl_sorted_groups *groups;
        r = slice(pass, part, &pass->counted.slices[i], &groups);
        if (r < 0)
            return r;
        sl_incremental_count(&part->running, pass->stage, groups);
        sl_sorted_groups_unref(groups);
    }
    return r == 0 && window->forgets ? sl_incremental_forget(&part->running) : r;
}

static int enter(struct sl_running_pass *pass, struct part *part)
{
    struct sl_sorted_groups *before = NULL;
    int r = pass->before.groups ? slice(pass, part, &pass->before, &before) : 0;
    r = r < 0 ? r
              : sl_incremental_enter(&part->running, pass->stage, reducer_of(pass->stage), part->entering);
    if (r == 0 && before)
        sl_incremental_united(&part->running, pass->stage, before, part->entering);
    sl_sorted_groups_unref(before);
    return r;
}

static int write_revised(struct sl_running_pass *pass, const struct sl_dataset *rows)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = pass->spill->ops->row(pass->revised, row, width, pass->stage->err);
    return r;
}

/* The groups that changed as rows, which become the next revision. */
static int revise(struct sl_running_pass *pass, struct part *part, struct sl_sorted_groups *groups)
{
    struct sl_stage *stage = pass->stage;
    const struct sl_reduced_window *window = stage->state;
    struct sl_dataset *rows = NULL, *revision = NULL;
    stage->brought = memory_of(stage)->arrived;
    int r = sl_sorted_groups_finish(stage, reducer_of(stage), groups, window->by_key.shape, &rows);
    if (r == 0)
        sl_incremental_note_failed(&part->running, stage, groups, rows);
    if (r == 0 && window->filter)
        r = sl_window_filter(stage, window->filter, &rows);
    r = r < 0 ? r : sl_incremental_revise(&part->running, stage, rows, &revision);
    r = r < 0 ? r : write_revised(pass, revision->revision.changes);
    sl_dataset_unref(rows);
    sl_dataset_unref(revision);
    return r;
}

static int show(struct sl_running_pass *pass, struct part *part)
{
    struct sl_stage *stage = pass->stage;
    struct sl_sorted_groups *groups;
    int r = sl_incremental_mend(&part->running, stage, reducer_of(stage), &memory_of(stage)->blocks.level[0]);
    r = r < 0 ? r : sl_incremental_groups(&part->running, stage, true, &groups);
    if (r < 0)
        return r;
    r = revise(pass, part, groups);
    sl_sorted_groups_unref(groups);
    return r;
}

static int change(struct sl_running_pass *pass, struct part *part)
{
    struct sl_stage *stage = pass->stage;
    int r = leave(pass, part);
    if (pass->counts)
        return r < 0 ? r : count(pass, part);
    r = r < 0 ? r : sl_incremental_show_first(&part->running, stage, reducer_of(stage), &pass->older);
    r = r < 0 ? r : enter(pass, part);
    r = r < 0 || !pass->emits ? r : show(pass, part);
    return r < 0 ? r : sl_incremental_save(&part->running, stage, reducer_of(stage), &pass->changes.base);
}

static int do_part(struct sl_running_pass *pass, bool *more)
{
    struct part part;
    int r = part_open(pass, &part);
    r = r < 0 ? r : change(pass, &part);
    r = r < 0 ? r : sl_running_rows_write(&part.running, pass->stage, reducer_of(pass->stage), &pass->writer);
    *more = part.until != NULL;
    part_done(&part);
    sl_heap_trim();
    return r;
}

static void replace_table(struct sl_running_pass *pass)
{
    struct sl_window_stored *stored = &memory_of(pass->stage)->stored;
    if (!pass->next)
        return;
    sl_running_table_free(stored->table);
    stored->table = pass->next;
    pass->next = NULL;
}

static int show_revision(struct sl_running_pass *pass, struct sl_dataset **ret)
{
    struct sl_window_stored *stored = &memory_of(pass->stage)->stored;
    struct sl_dataset *revised = NULL;
    int r = end_file(pass->spill, pass->revised, &revised, pass->stage->err);
    if (r < 0)
        return r;
    *ret = sl_running_table_show(stored->table);
    if (*ret)
        sl_dataset_revise(*ret, stored, ++stored->revisions, revised);
    sl_dataset_unref(revised);
    return *ret ? 0 : SL_ENOMEM;
}

int sl_running_pass_run(struct sl_running_pass *pass, struct sl_dataset **ret)
{
    bool more = true;
    int r = pass_open(pass);
    while (r == 0 && more)
        r = do_part(pass, &more);
    r = r < 0 ? r : sl_running_writer_end(&pass->writer, pass->stage->err);
    r = r < 0 ? r : keep_changes(pass->stage, &pass->changes);
    if (r < 0)
        return r;
    replace_table(pass);
    return pass->emits ? show_revision(pass, ret) : 0;
}
