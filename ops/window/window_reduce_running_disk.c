/* A running result with a user's inverse on its way from memory to disk and back, to the checkpoint and from there
 * (ops/window/window_reduce_running.h). */
#include "ops/window/window_reduce_running.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"
#include "core/contract/state_writer.h"
#include "ops/key/spilled_runs.h"
#include "ops/window/running_table.h"

#include <stdlib.h>

static struct sl_window_memory *memory_of(const struct sl_stage *stage)
{
    return stage->memory;
}

static const struct sl_reducer *reducer_of(const struct sl_stage *stage)
{
    return ((const struct sl_reduced_window *)stage->state)->by_key.aggregate.reducer;
}

bool sl_window_running_is_stored(const struct sl_stage *stage)
{
    return memory_of(stage)->stored.table != NULL;
}

void sl_window_stored_done(struct sl_window_stored *stored)
{
    sl_running_table_free(stored->table);
    sl_dataset_unref(stored->changes);
    for (size_t i = 0; i < stored->runs; i++)
        stored->spill->ops->free(stored->run[i]);
    free(stored->run);
    *stored = (struct sl_window_stored){0};
}

/* ---- to disk, and what is saved ---- */

/* All that is in memory becomes the table. */
static int store(struct sl_stage *stage)
{
    struct sl_window_memory *memory = memory_of(stage);
    struct sl_running_table *table = sl_running_table_new(stage, memory->store.spill);
    struct sl_running_writer writer = {0};
    int r = table ? sl_running_writer_open(&writer, table, memory->running.count, stage->err) : SL_ENOMEM;
    r = r < 0 ? r : sl_running_rows_write(&memory->running, stage, reducer_of(stage), &writer);
    r = r < 0 ? r : sl_running_writer_end(&writer, stage->err);
    sl_running_writer_done(&writer);
    if (r < 0) {
        sl_running_table_free(table);
        return r;
    }
    memory->stored.table = table;
    sl_incremental_done(&memory->running);
    sl_heap_trim();
    return 0;
}

/* Whether what a batch brings, or what there is, is too much. Batches that become one with others may do so on disk. */
static bool is_too_much(struct sl_stage *stage)
{
    const struct sl_reduced_window *window = stage->state;
    const struct sl_window_memory *memory = memory_of(stage);
    int64_t number = sl_window_batch_number(stage->node, stage->batch_ms);
    return sl_aggregate_is_large(&window->by_key.aggregate) ||
           sl_window_partials_batch(&memory->blocks, number) ||
           sl_window_bytes(stage) > sl_group_store_bytes_max(&memory->store);
}

static bool may_be_stored(const struct sl_stage *stage)
{
    const struct sl_window_memory *memory = memory_of(stage);
    return memory->store.spill && sl_window_keeps_running(stage) && !memory->stored.table;
}

int sl_window_running_make_room(struct sl_stage *stage)
{
    return may_be_stored(stage) && is_too_much(stage) ? store(stage) : 0;
}

int sl_window_running_follow(struct sl_stage *stage)
{
    const struct sl_partials_level *batches = &memory_of(stage)->blocks.level[0];
    bool any = false;
    for (size_t i = 0; i < batches->count; i++)
        any = any || (batches->block[i].groups && batches->block[i].groups->rows);
    return any && may_be_stored(stage) ? store(stage) : 0;
}

int sl_window_running_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_dataset *changes = memory_of(stage)->stored.changes;
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    if (!changes || !changes->count)
        return 0;
    int r = keeper->ops->begin(keeper, &section);
    sl_cursor_pass(&cursor, changes, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = keeper->ops->row(keeper, row, width);
    return r;
}

/* ---- loading: each section is a run on disk, and the newest row of a key counts ---- */

static int load_rows(struct sl_stage *stage, const struct sl_dataset *rows, struct sl_spill_file *file)
{
    const struct sl_spill *spill = memory_of(stage)->store.spill;
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field saved[SL_WIDTH_MAX], row[SL_RUNNING_FIELDS];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, saved, &width))
        r = sl_running_row_of_saved(saved, width, row)
                ? spill->ops->row(file, row, SL_RUNNING_FIELDS, stage->err)
                : sl_error_set(stage->err, SL_EDAMAGED, "the running results of a window are damaged");
    return r;
}

int sl_window_running_load(struct sl_stage *stage, const struct sl_dataset *rows)
{
    struct sl_window_stored *stored = &memory_of(stage)->stored;
    struct sl_spill *spill = stored->spill = memory_of(stage)->store.spill;
    struct sl_stored **grown = sl_array_grow(stored->run, stored->runs, &stored->capacity, sizeof *grown);
    struct sl_spill_file *file = NULL;
    if (!grown)
        return SL_ENOMEM;
    stored->run = grown;
    int r = spill->ops->open(spill, &file, stage->err);
    r = r < 0 ? r : load_rows(stage, rows, file);
    r = r < 0 ? r : spill->ops->end(file, &stored->run[stored->runs], stage->err);
    stored->runs += r == 0;
    spill->ops->close(file);
    return r;
}

struct newest {
    struct sl_arena keep;
    struct sl_field row[SL_RUNNING_FIELDS];
    bool any;
};

static int write_newest(const struct sl_spill *spill, const struct newest *newest, struct sl_task *task,
                        struct sl_spill_file *file)
{
    return newest->any && sl_running_row_exists(newest->row)
               ? spill->ops->row(file, newest->row, SL_RUNNING_FIELDS, task->err)
               : 0;
}

static int keep_row(struct newest *newest, const struct sl_field *row)
{
    sl_arena_reset(&newest->keep);
    newest->any = true;
    for (int i = 0; i < SL_RUNNING_FIELDS; i++)
        if (!sl_field_copy(&newest->keep, &row[i], &newest->row[i]))
            return SL_ENOMEM;
    return 0;
}

static int write_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    const struct sl_spill *spill = arg;
    struct newest newest = {.any = false};
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    int r;
    while ((r = sl_merge_next(merge, row, &width, task->err)) > 0) {
        bool is_next = newest.any && !sl_field_equals(&newest.row[0], &row[0]);
        r = is_next ? write_newest(spill, &newest, task, file) : 0;
        r = r < 0 ? r : keep_row(&newest, row);
        if (r < 0)
            break;
    }
    r = r < 0 ? r : write_newest(spill, &newest, task, file);
    sl_arena_done(&newest.keep);
    return r;
}

static int merge_runs(struct sl_stage *stage, struct sl_dataset **ret)
{
    enum { RUNS_MAX = 16 };
    struct sl_window_stored *stored = &memory_of(stage)->stored;
    int r = sl_merge_fewer(stage, stored->spill, stored->run, &stored->runs, RUNS_MAX, false);
    return r < 0 ? r
                 : sl_stored_runs_merge(stage, stored->spill, stored->run, stored->runs, false, NULL,
                                        write_range, stored->spill, ret);
}

/* False in *ret_fits: it does not, and nothing is in memory. */
static int bring(struct sl_stage *stage, const struct sl_dataset *table, bool *ret_fits)
{
    struct sl_window_memory *memory = memory_of(stage);
    struct sl_rows *shown = sl_rows_new();
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = shown ? 0 : SL_ENOMEM;
    *ret_fits = true;
    sl_cursor_pass(&cursor, table, &block);
    while (r == 0 && *ret_fits && sl_cursor_next(&cursor, row, &width)) {
        r = sl_running_row_load(&memory->running, stage, reducer_of(stage), row, shown);
        *ret_fits = sl_window_bytes(stage) <= sl_group_store_bytes_max(&memory->store) / 2;
    }
    sl_rows_unref(shown);
    if (!*ret_fits)
        sl_incremental_done(&memory->running);
    return r;
}

/* Rows of a table that does not fit. */
static int make_table(struct sl_stage *stage, const struct sl_dataset *rows, struct sl_running_table *table)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_running_writer writer;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = sl_running_writer_open(&writer, table, rows->count, stage->err);
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = sl_running_writer_add(&writer, row, stage->err);
    r = r < 0 ? r : sl_running_writer_end(&writer, stage->err);
    sl_running_writer_done(&writer);
    return r;
}

/* What was loaded becomes the table. */
static int keep_table(struct sl_stage *stage, const struct sl_dataset *rows)
{
    struct sl_window_memory *memory = memory_of(stage);
    struct sl_running_table *table = sl_running_table_new(stage, memory->store.spill);
    int r = table ? make_table(stage, rows, table) : SL_ENOMEM;
    if (r == 0)
        memory->stored.table = table;
    else
        sl_running_table_free(table);
    return r;
}

int sl_window_running_gather(struct sl_stage *stage)
{
    struct sl_window_memory *memory = memory_of(stage);
    struct sl_dataset *table = NULL;
    bool fits = true;
    for (size_t i = 0; i < memory->kept.count; i++)
        fits = fits && !memory->kept.batch[i].groups->rows;
    if (!sl_window_keeps_running(stage) || (fits && !memory->stored.runs))
        return 0;
    int r = memory->stored.runs ? merge_runs(stage, &table) : (table = sl_dataset_new(1)) ? 0 : SL_ENOMEM;
    if (r == 0 && fits)
        r = bring(stage, table, &fits);
    sl_window_stored_done(&memory->stored);
    if (r == 0 && !fits)
        r = keep_table(stage, table);
    sl_dataset_unref(table);
    return r;
}
