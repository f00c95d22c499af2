#include "ops/window/window_reduce_running.h"

#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"
#include "core/contract/state_writer.h"
#include "ops/window/group_slices.h"
#include "ops/window/running_rows.h"

#include <stdlib.h>

static struct sl_window_memory *memory_of(const struct sl_stage *stage)
{
    return stage->memory;
}

static const struct sl_reducer *reducer_of(const struct sl_stage *stage)
{
    return ((const struct sl_reduced_window *)stage->state)->by_key.aggregate.reducer;
}

/* ---- files ---- */

static void replace(struct sl_dataset **place, struct sl_dataset *with)
{
    sl_dataset_unref(*place);
    *place = with;
}

/* What sl_incremental_save gives goes to a file, until the operator is saved. */
struct changes_writer {
    struct sl_state_writer base;
    struct sl_spill *spill;
    struct sl_spill_file *file;
    struct sl_error *err;
};

static int begin_changes(struct sl_state_writer *keeper, const struct sl_section *section)
{
    return 0;
}

static int write_change(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width)
{
    struct changes_writer *changes = (struct changes_writer *)keeper;
    return changes->spill->ops->row(changes->file, fields, width, changes->err);
}

static const struct sl_state_writer_ops changes_ops = {.begin = begin_changes, .row = write_change};

/* ---- a pass ---- */

struct slices_list {
    struct sl_group_slices *slices;
    size_t count;
};

struct pass {
    struct sl_stage *stage;
    struct sl_spill *spill;
    struct sl_cursor cursor; /* over the table */
    struct sl_arena block;
    struct sl_field row[SL_WIDTH_MAX];
    bool has_row;
    struct slices_list leaving, counted; /* counted: batches of the window, after a load */
    struct sl_group_slices entering, before;
    struct sl_partials_level older; /* what the window holds beside the batch that enters */
    bool emits, counts, forgets;
    struct sl_spill_file *table, *result;
    struct changes_writer changes;
};

static void next_row(struct pass *pass)
{
    uint32_t width;
    pass->has_row = sl_cursor_next(&pass->cursor, pass->row, &width);
}

static int list_open(struct slices_list *list, struct sl_sorted_groups *const *groups, size_t count)
{
    list->slices = calloc(count + 1, sizeof *list->slices);
    for (size_t i = 0; list->slices && i < count; i++)
        sl_group_slices_open(&list->slices[list->count++], groups[i]);
    return list->slices ? 0 : SL_ENOMEM;
}

static void list_close(struct slices_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sl_group_slices_close(&list->slices[i]);
    free(list->slices);
}

static int pass_open(struct pass *pass)
{
    const struct sl_window_memory *memory = memory_of(pass->stage);
    struct sl_error *err = pass->stage->err;
    pass->spill = memory->store.spill;
    pass->changes = (struct changes_writer){{&changes_ops}, pass->spill, NULL, err};
    sl_cursor_pass(&pass->cursor, memory->stored.table, &pass->block);
    next_row(pass);
    int r = pass->spill->ops->open(pass->spill, &pass->table, err);
    r = r < 0 ? r : pass->spill->ops->open(pass->spill, &pass->changes.file, err);
    return r < 0 || !pass->emits ? r : pass->spill->ops->open(pass->spill, &pass->result, err);
}

static void pass_close(struct pass *pass)
{
    list_close(&pass->leaving);
    list_close(&pass->counted);
    sl_group_slices_close(&pass->entering);
    sl_group_slices_close(&pass->before);
    pass->spill->ops->close(pass->table);
    pass->spill->ops->close(pass->result);
    pass->spill->ops->close(pass->changes.file);
    sl_arena_done(&pass->block);
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

static bool is_full(const struct pass *pass, const struct part *part)
{
    enum { PARTS = 4 };
    size_t bytes = sl_incremental_bytes(&part->running) + part->entering->memory->arena.bytes +
                   part->shown->arena.bytes + (part->running.count + part->entering->count) * KEY_BYTES;
    bool any = part->running.count || part->entering->count;
    return any && bytes > memory_of(pass->stage)->store.share / PARTS;
}

static int load_row(struct pass *pass, struct part *part)
{
    int r = sl_running_row_load(&part->running, pass->stage, reducer_of(pass->stage), pass->row, part->shown);
    next_row(pass);
    return r;
}

/* Keys of the table and of the batch that enters, side by side, until they are enough. */
static int fill(struct pass *pass, struct part *part)
{
    int r = 0;
    while (r == 0) {
        const struct sl_field *stored = pass->has_row ? &pass->row[0] : NULL,
                              *enters = sl_group_slices_key(&pass->entering);
        int order = !stored ? 1 : !enters ? -1 : sl_field_compare(stored, enters);
        if (!stored && !enters)
            break;
        if (is_full(pass, part)) {
            part->until = &part->until_key;
            return sl_field_copy(&part->keep, order <= 0 ? stored : enters, &part->until_key) ? 0 : SL_ENOMEM;
        }
        if (order >= 0)
            r = sl_group_slices_take(&pass->entering, pass->stage, reducer_of(pass->stage), part->entering,
                                     &part->capacity);
        if (r == 0 && order <= 0)
            r = load_row(pass, part);
    }
    return r;
}

static int part_open(struct pass *pass, struct part *part)
{
    *part = (struct part){.entering = sl_sorted_groups_new(0), .shown = sl_rows_new()};
    int r = part->entering && part->shown ? fill(pass, part) : SL_ENOMEM;
    if (r < 0)
        return r;
    struct sl_rows *shown = part->shown;
    part->shown = NULL;
    part->running.tracks = pass->stage->services->durable;
    return sl_running_rows_filled(&part->running, pass->stage, shown);
}

/* ---- what happens to them ---- */

static int slice(struct pass *pass, struct part *part, struct sl_group_slices *of,
                 struct sl_sorted_groups **ret)
{
    return sl_group_slices_until(of, pass->stage, reducer_of(pass->stage), part->until, ret);
}

static int leave(struct pass *pass, struct part *part)
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

static int count(struct pass *pass, struct part *part)
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

static int enter(struct pass *pass, struct part *part)
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

/* The groups that changed as rows, which become the next revision. */
static int revise(struct pass *pass, struct part *part, struct sl_sorted_groups *groups)
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
    sl_dataset_unref(rows);
    sl_dataset_unref(revision);
    return r;
}

static int show(struct pass *pass, struct part *part)
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

static int change(struct pass *pass, struct part *part)
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

static int do_part(struct pass *pass, bool *more)
{
    struct part part;
    int r = part_open(pass, &part);
    r = r < 0 ? r : change(pass, &part);
    r = r < 0 ? r
              : sl_running_rows_write(&part.running, pass->stage, reducer_of(pass->stage), pass->spill,
                                      pass->table, pass->result);
    *more = part.until != NULL;
    part_done(&part);
    sl_heap_trim();
    return r;
}

static int do_pass(struct pass *pass, struct sl_dataset **ret)
{
    struct sl_window_stored *stored = &memory_of(pass->stage)->stored;
    struct sl_dataset *table = NULL, *changes = NULL;
    struct sl_error *err = pass->stage->err;
    bool more = true;
    int r = pass_open(pass);
    while (r == 0 && more)
        r = do_part(pass, &more);
    r = r < 0 ? r : sl_running_file_end(pass->spill, &pass->table, &table, err);
    r = r < 0 ? r : sl_running_file_end(pass->spill, &pass->changes.file, &changes, err);
    r = r < 0 || !pass->emits ? r : sl_running_file_end(pass->spill, &pass->result, ret, err);
    if (r == 0) {
        replace(&stored->table, table);
        replace(&stored->changes, changes);
        return 0;
    }
    sl_dataset_unref(table);
    sl_dataset_unref(changes);
    return r;
}

/* ---- a batch ---- */

/* Batches before `first`, which leave. */
static int list_leaving(struct pass *pass, int64_t first)
{
    const struct sl_partials_level *batches = &memory_of(pass->stage)->blocks.level[0];
    struct sl_sorted_groups **groups = calloc(batches->count + 1, sizeof *groups);
    size_t count = 0;
    for (size_t i = 0; groups && i < batches->count && batches->first + (int64_t)i < first; i++)
        if (batches->block[i].groups)
            groups[count++] = batches->block[i].groups;
    int r = groups ? list_open(&pass->leaving, groups, count) : SL_ENOMEM;
    free(groups);
    return r;
}

/* The batches as they are before one joins them. */
static int copy_older(struct pass *pass)
{
    const struct sl_partials_level *batches = &memory_of(pass->stage)->blocks.level[0];
    pass->older = *batches;
    pass->older.block = calloc(batches->count + 1, sizeof *batches->block);
    for (size_t i = 0; pass->older.block && i < batches->count; i++)
        pass->older.block[i] = batches->block[i];
    return pass->older.block ? 0 : SL_ENOMEM;
}

/* Slices are opened once the batch is one of the window's: groups that are united with others move to disk where they are
 * too large. */
static int add_groups(struct pass *pass, struct sl_sorted_groups *before, struct sl_sorted_groups *groups)
{
    struct sl_stage *stage = pass->stage;
    int64_t number = sl_window_batch_number(stage->node, stage->batch_ms);
    int r = sl_window_partials_add(&memory_of(stage)->blocks, stage, reducer_of(stage), number,
                                   sl_sorted_groups_ref(groups));
    if (r == 0 && before)
        sl_group_slices_open(&pass->before, before);
    if (r == 0)
        sl_group_slices_open(&pass->entering, groups);
    return r;
}

/* Takes the groups over. */
static int add_batch(struct pass *pass, struct sl_sorted_groups *groups)
{
    struct sl_stage *stage = pass->stage;
    struct sl_window_memory *memory = memory_of(stage);
    int64_t number = sl_window_batch_number(stage->node, stage->batch_ms);
    struct sl_sorted_groups *before =
        (struct sl_sorted_groups *)sl_window_partials_batch(&memory->blocks, number);
    sl_sorted_groups_unref(memory->arrived);
    memory->arrived = groups;
    memory->arrived_ms = stage->batch_ms;
    if (!groups->count)
        return 0;
    memory->began = true;
    before = before ? sl_sorted_groups_ref(before) : NULL;
    int r = add_groups(pass, before, groups);
    sl_sorted_groups_unref(before);
    return r;
}

static bool will_emit(struct sl_stage *stage)
{
    struct sl_window_memory *memory = memory_of(stage);
    if (!stage->emits)
        return false;
    bool holds =
        memory->blocks.any && memory->blocks.last >= sl_window_first_number(stage->node, stage->batch_ms);
    stage->said = stage->has_input || holds || memory->shown;
    memory->shown = holds;
    return stage->said;
}

static int do_batch(struct pass *pass, struct sl_sorted_groups *groups, struct sl_dataset **ret)
{
    struct sl_stage *stage = pass->stage;
    int64_t first = sl_window_first_number(stage->node, stage->batch_ms);
    int r = list_leaving(pass, first);
    sl_window_partials_forget(&memory_of(stage)->blocks, first);
    r = r < 0 ? r : copy_older(pass);
    if (r < 0) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    r = add_batch(pass, groups);
    pass->emits = r == 0 && will_emit(stage);
    replace(&memory_of(stage)->stored.changes, NULL);
    if (r < 0 || (!pass->leaving.count && !groups->count && !pass->emits))
        return r;
    return do_pass(pass, ret);
}

int sl_window_running_pass(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_reduced_window *window = stage->state;
    struct pass pass = {.stage = stage, .forgets = window->forgets, .spill = memory_of(stage)->store.spill};
    struct sl_sorted_groups *groups;
    int r = sl_window_batch_groups(stage, &groups);
    if (r < 0)
        return r;
    r = do_batch(&pass, groups, ret);
    pass_close(&pass);
    if (r == 0 && pass.emits)
        r = sl_cut_partitions(stage, window->by_key.partitions_param, ret);
    return r < 0 ? r : sl_window_make_room(stage);
}

/* ---- after a load ---- */

int sl_window_running_count(struct sl_stage *stage, struct sl_sorted_groups *const *leaving, size_t count)
{
    const struct sl_partials_level *batches = &memory_of(stage)->blocks.level[0];
    struct pass pass = {.stage = stage, .counts = true, .spill = memory_of(stage)->store.spill};
    struct sl_sorted_groups **held = calloc(batches->count + 1, sizeof *held);
    size_t holds = 0;
    for (size_t i = 0; held && i < batches->count; i++)
        if (batches->block[i].groups)
            held[holds++] = batches->block[i].groups;
    int r = held ? list_open(&pass.leaving, leaving, count) : SL_ENOMEM;
    r = r < 0 ? r : list_open(&pass.counted, held, holds);
    r = r < 0 ? r : do_pass(&pass, NULL);
    pass_close(&pass);
    free(held);
    return r;
}
