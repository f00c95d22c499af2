#include "ops/event/pane_store.h"

#include "core/base/array.h"
#include "core/base/bisect.h"
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists of panes ---- */

static size_t find(const struct sl_pane_list *list, int64_t start)
{
    return SL_BISECT(i, 0, list->count, list->start[i] < start);
}

int sl_pane_list_add(struct sl_pane_list *list, int64_t start)
{
    size_t at = find(list, start);
    if (at < list->count && list->start[at] == start)
        return 0;
    int64_t *grown = sl_array_grow(list->start, list->count, &list->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    list->start = grown;
    memmove(grown + at + 1, grown + at, (list->count++ - at) * sizeof *grown);
    grown[at] = start;
    return 0;
}

int64_t sl_pane_list_next(const struct sl_pane_list *list, int64_t from)
{
    size_t at = find(list, from);
    return at < list->count ? list->start[at] : INT64_MAX;
}

void sl_pane_list_done(struct sl_pane_list *list)
{
    free(list->start);
    *list = (struct sl_pane_list){0};
}

/* ---- the store ---- */

static bool is_closed(const void *arg, const struct sl_field *key)
{
    const struct sl_pane_store *store = arg;
    return sl_pane_key_is_valid(key) && sl_pane_of(key) < store->floor;
}

static void drop_all(struct sl_pane_store *store)
{
    sl_state_runs_done(&store->runs);
    sl_pane_list_done(&store->list);
    store->saved = 0;
}

void sl_pane_store_done(struct sl_pane_store *store)
{
    drop_all(store);
}

void sl_pane_store_bound(struct sl_pane_store *store, const struct sl_stage *stage)
{
    struct sl_spill *spill =
        stage->services && stage->node->op->wide->bounded ? stage->services->spill : NULL;
    if (!spill || store->runs.spill)
        return;
    store->runs.spill = spill;
    store->runs.seed = stage->tasks[0].seed;
    store->runs.is_over = is_closed;
    store->runs.is_over_arg = store;
    store->floor = INT64_MIN;
}

size_t sl_pane_store_bytes_max(const struct sl_pane_store *store, const struct sl_stage *stage)
{
    return store->runs.spill->bytes * sl_pool_workers(stage->pool);
}

uint64_t sl_pane_store_entries(const struct sl_pane_store *store)
{
    uint64_t entries = 0;
    for (size_t i = 0; i < store->runs.count; i++)
        entries += store->runs.run[i].rows->count;
    return entries;
}

/* ---- writing: whether a row has failed is in the place of when a key was seen ---- */

int sl_pane_writer_begin(struct sl_pane_writer *writer, struct sl_pane_store *store, uint64_t rows,
                         int64_t changed_ms, struct sl_error *err)
{
    *writer = (struct sl_pane_writer){.store = store, .changed_ms = changed_ms};
    return sl_state_run_begin(&store->runs, rows, &writer->writer, err);
}

int sl_pane_writer_add(struct sl_pane_writer *writer, const struct sl_pane_row *row, struct sl_error *err)
{
    struct sl_stored_cell cell = {row->key, row->state, row->has_failed, writer->changed_ms, row->exists};
    cell.key.flags &= SL_FIELD_ROW;
    if (row->exists && sl_pane_list_add(&writer->store->list, sl_pane_of(&row->key)) < 0)
        return sl_error_nomem(err);
    writer->rows++;
    return sl_state_run_add(writer->writer, &cell, err);
}

int sl_pane_writer_end(struct sl_pane_writer *writer, struct sl_error *err)
{
    struct sl_state_run_writer *own = writer->writer;
    if (writer->rows == 0)
        return 0;
    writer->writer = NULL;
    return sl_state_run_end(own, err);
}

void sl_pane_writer_give_up(struct sl_pane_writer *writer)
{
    sl_state_run_give_up(writer->writer);
    writer->writer = NULL;
}

/* ---- from memory to disk ---- */

/* The newest of the entries with the smallest key, and past all of them; NULL: there are none left. */
static const struct sl_group_entry *next_entry(const struct sl_pane_runs *panes, size_t *at)
{
    const struct sl_group_entry *first = NULL;
    for (size_t i = panes->runs; i-- > 0;) {
        const struct sl_group_entry *entry =
            at[i] < panes->run[i]->count ? &panes->run[i]->entry[at[i]] : NULL;
        if (entry && (!first || sl_field_compare(&entry->key, &first->key) < 0))
            first = entry;
    }
    for (size_t i = 0; first && i < panes->runs; i++)
        at[i] +=
            at[i] < panes->run[i]->count && sl_field_equals(&panes->run[i]->entry[at[i]].key, &first->key);
    return first;
}

static int write_entries(struct sl_pane_writer *writer, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_pane_runs *panes, int64_t floor)
{
    struct sl_task *task = &stage->tasks[0];
    const struct sl_group_entry *entry;
    size_t at[SL_PANE_RUNS_MAX] = {0};
    int r = 0;
    while (r == 0 && (entry = next_entry(panes, at))) {
        struct sl_pane_row row = {
            .key = entry->key, .has_failed = sl_entry_has_failed(entry), .exists = true};
        if (sl_pane_of(&entry->key) < floor)
            continue;
        sl_arena_reset(task->scratch);
        r = sl_entry_encode(reducer, task, entry, &row.state);
        r = r < 0 ? r : sl_pane_writer_add(writer, &row, stage->err);
    }
    return r;
}

int sl_pane_store_put(struct sl_pane_store *store, struct sl_stage *stage, const struct sl_reducer *reducer,
                      struct sl_pane_runs *panes, int64_t floor)
{
    struct sl_pane_writer writer;
    sl_assert(!sl_pane_store_is_used(store));
    int r = sl_pane_writer_begin(&writer, store, sl_pane_runs_entries(panes), INT64_MIN, stage->err);
    r = r < 0 ? r : write_entries(&writer, stage, reducer, panes, floor);
    r = r < 0 ? r : sl_pane_writer_end(&writer, stage->err);
    sl_pane_writer_give_up(&writer);
    if (r < 0)
        return r;
    store->saved = store->runs.count;
    sl_pane_runs_done(panes);
    sl_heap_trim();
    return 0;
}

int sl_pane_store_tidy(struct sl_pane_store *store, int64_t floor, struct sl_error *err)
{
    store->floor = floor;
    size_t closed = find(&store->list, floor);
    memmove(store->list.start, store->list.start + closed,
            (store->list.count -= closed) * sizeof *store->list.start);
    if (!store->list.count) {
        drop_all(store);
        return 0;
    }
    int r = sl_state_runs_merge(&store->runs, true, err);
    r = r < 0 ? r : sl_state_runs_shrink(&store->runs, err);
    store->saved = store->runs.count;
    return r;
}

/* ---- reading ---- */

struct sl_pane_row sl_pane_row_of(const struct sl_stored_cell *cell, int64_t batch_ms)
{
    return (struct sl_pane_row){.key = cell->key,
                                .state = cell->value,
                                .has_failed = cell->seen_ms != 0,
                                .exists = cell->exists,
                                .changed = cell->changed_ms == batch_ms};
}

/* Reads on from the first key of the part that is not before (start, the least key). */
static int open_part(struct sl_pane_reader *reader, int64_t start)
{
    uint8_t bytes[SL_PANE_BYTES];
    sl_pane_write(bytes, start);
    struct sl_field item = sl_integer(start);
    struct sl_field key = reader->part ? sl_list(&item, 1) : sl_string(bytes, SL_PANE_BYTES);
    sl_state_reader_close(reader->reader);
    reader->reader = NULL;
    return sl_state_reader_open_at(&reader->store->runs, &key, &reader->reader);
}

int sl_pane_reader_open(struct sl_pane_reader *reader, const struct sl_pane_store *store, int64_t from,
                        int64_t to, int64_t batch_ms)
{
    *reader = (struct sl_pane_reader){.store = store, .from = from, .to = to, .batch_ms = batch_ms};
    return open_part(reader, from);
}

static bool is_of_part(const struct sl_pane_reader *reader, const struct sl_stored_cell *cell)
{
    return cell && (cell->key.tag == SL_STR) == (reader->part == 0) && sl_pane_of(&cell->key) < reader->to;
}

int sl_pane_reader_next(struct sl_pane_reader *reader, struct sl_pane_row *ret, struct sl_error *err)
{
    enum { PARTS = 2 };
    while (reader->part < PARTS) {
        const struct sl_stored_cell *cell = sl_state_reader_next(reader->reader);
        if (!cell && sl_state_reader_failure(reader->reader, err) < 0)
            return SL_EFAIL;
        if (is_of_part(reader, cell)) {
            *ret = sl_pane_row_of(cell, reader->batch_ms);
            if (ret->exists)
                return 1;
        } else if (++reader->part < PARTS && open_part(reader, reader->from) < 0) {
            return sl_error_nomem(err);
        }
    }
    return 0;
}

void sl_pane_reader_close(struct sl_pane_reader *reader)
{
    sl_state_reader_close(reader->reader);
    reader->reader = NULL;
}
