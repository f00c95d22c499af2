#include "ops/window/running_table.h"

#include "core/base/error.h"
#include "core/contract/services.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_FIELDS = SL_RUNNING_FIELDS - 1 }; /* those after the key are the value of a cell */

struct sl_running_table *sl_running_table_new(struct sl_stage *stage, struct sl_spill *spill)
{
    struct sl_running_table *table = calloc(1, sizeof *table);
    if (table) {
        table->runs.spill = spill;
        table->runs.seed = stage->tasks[0].seed;
    }
    return table;
}

void sl_running_table_free(struct sl_running_table *table)
{
    if (table)
        sl_state_runs_done(&table->runs);
    free(table);
}

/* ---- reading ---- */

void sl_running_row_of_cell(const struct sl_stored_cell *cell, struct sl_field row[SL_RUNNING_FIELDS])
{
    sl_assert(cell->value.tag == SL_LIST && cell->value.len == VALUE_FIELDS);
    row[0] = cell->key;
    memcpy(row + 1, cell->value.items, VALUE_FIELDS * sizeof *row);
}

int sl_running_table_find(const struct sl_running_table *table, struct sl_state_finder *finder,
                          struct sl_stage *stage, const struct sl_field *key,
                          struct sl_field row[SL_RUNNING_FIELDS])
{
    struct sl_stored_cell cell;
    int r = sl_state_finder_find(finder, &table->runs, key, sl_field_hash(key, table->runs.seed), &cell,
                                 stage->err);
    if (r <= 0 || !cell.exists)
        return r < 0 ? r : 0;
    sl_running_row_of_cell(&cell, row);
    return 1;
}

/* ---- what it shows ---- */

struct shown_rows {
    struct sl_lazy_rows recipe; /* first */
    struct sl_state_runs runs;  /* as the table had them, to be read in order only */
};

static int write_shown(const struct shown_rows *shown, struct sl_spill_file *file, struct sl_error *err)
{
    const struct sl_spill_ops *ops = shown->runs.spill->ops;
    struct sl_field row[SL_RUNNING_FIELDS];
    const struct sl_stored_cell *cell;
    struct sl_state_reader *reader = NULL;
    int r = sl_state_reader_open(&shown->runs, 0, shown->runs.count, &reader) < 0 ? sl_error_nomem(err) : 0;
    while (r == 0 && (cell = sl_state_reader_next(reader))) {
        if (!cell->exists)
            continue;
        sl_running_row_of_cell(cell, row);
        if (sl_running_row_is_shown(row))
            r = ops->row(file, sl_running_row_shown(row), 2, err);
    }
    r = r < 0 ? r : sl_state_reader_failure(reader, err);
    sl_state_reader_close(reader);
    return r;
}

static int make_shown(const struct shown_rows *shown, struct sl_rows **ret, struct sl_error *err)
{
    const struct sl_spill_ops *ops = shown->runs.spill->ops;
    struct sl_spill_file *file = NULL;
    struct sl_stored *stored;
    int r = ops->open(shown->runs.spill, &file, err);
    r = r < 0 ? r : write_shown(shown, file, err);
    r = r < 0 ? r : ops->end(file, &stored, err);
    ops->close(file);
    if (r < 0)
        return r;
    *ret = sl_rows_stored(stored);
    return *ret ? 0 : sl_error_nomem(err);
}

/* What fails is noted, as where rows are read: the caller cannot say what it was. */
static int shown_make(const struct sl_lazy_rows *recipe, struct sl_pool *pool, struct sl_rows **ret)
{
    const struct shown_rows *shown = (const struct shown_rows *)recipe;
    struct sl_error err = {0};
    int r = make_shown(shown, ret, &err);
    if (r == 0)
        return 0;
    shown->runs.spill->ops->note(shown->runs.spill, &err);
    return SL_ENOMEM;
}

static void shown_done(struct sl_lazy_rows *recipe)
{
    struct shown_rows *shown = (struct shown_rows *)recipe;
    sl_state_runs_done(&shown->runs);
    free(shown);
}

struct sl_dataset *sl_running_table_show(const struct sl_running_table *table)
{
    struct shown_rows *shown = calloc(1, sizeof *shown);
    if (!shown)
        return NULL;
    shown->recipe = (struct sl_lazy_rows){shown_make, shown_done};
    sl_state_runs_share(&table->runs, &shown->runs);
    return sl_dataset_defer(table->shown, &shown->recipe);
}

/* ---- writing ---- */

int sl_running_writer_open(struct sl_running_writer *writer, struct sl_running_table *table, uint64_t keys,
                           struct sl_error *err)
{
    *writer = (struct sl_running_writer){.table = table, .is_first = !table->runs.count};
    return sl_state_run_begin(&table->runs, keys, &writer->run, err);
}

void sl_running_writer_done(struct sl_running_writer *writer)
{
    sl_state_run_give_up(writer->run);
    writer->run = NULL;
}

void sl_running_writer_replaces(struct sl_running_writer *writer,
                                const struct sl_field row[SL_RUNNING_FIELDS])
{
    writer->shown -= sl_running_row_is_shown(row);
}

int sl_running_writer_add(struct sl_running_writer *writer, const struct sl_field row[SL_RUNNING_FIELDS],
                          struct sl_error *err)
{
    struct sl_field value[VALUE_FIELDS];
    struct sl_stored_cell cell = {.key = row[0], .changed_ms = INT64_MIN};
    cell.exists = sl_running_row_exists(row) || sl_running_row_is_shown(row);
    if (!cell.exists && writer->is_first)
        return 0;
    memcpy(value, row + 1, sizeof value);
    cell.value = cell.exists ? sl_list(value, VALUE_FIELDS) : sl_nil();
    writer->shown += sl_running_row_is_shown(row);
    writer->is_pending = writer->is_pending || sl_running_row_is_pending(row);
    writer->any = true;
    return sl_state_run_add(writer->run, &cell, err);
}

int sl_running_writer_end(struct sl_running_writer *writer, struct sl_error *err)
{
    struct sl_running_table *table = writer->table;
    struct sl_state_run_writer *run = writer->run;
    int r = 0;
    writer->run = NULL;
    if (writer->any)
        r = sl_state_run_end(run, err);
    else
        sl_state_run_give_up(run);
    r = r < 0 ? r : sl_state_runs_merge(&table->runs, true, err);
    if (r < 0)
        return r;
    table->shown = (uint64_t)((int64_t)table->shown + writer->shown);
    table->is_pending = writer->is_pending;
    return 0;
}
