#include "ops/window/group_store.h"

#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "core/rows/stored_dataset.h"
#include "ops/key/failed_group.h"
#include "ops/key/spilled_runs.h"

#include <stdlib.h>

enum {
    FILE_BYTES = 64 << 20,
    PUT_BYTES_MIN = 2 << 10, /* a run on disk takes as much in memory */
};

int sl_group_store_open(struct sl_group_store *store, const struct sl_stage *stage)
{
    struct sl_spill *spill = stage->services ? stage->services->spill : NULL;
    if (!spill || store->spill)
        return 0;
    store->workers = sl_pool_workers(stage->pool);
    store->file = calloc(store->workers, sizeof(struct sl_spill_file *));
    if (!store->file)
        return SL_ENOMEM;
    store->spill = spill;
    store->share = spill->bytes * store->workers;
    return 0;
}

static void close_file(struct sl_group_store *store, unsigned worker)
{
    store->spill->ops->close(store->file[worker]);
    store->file[worker] = NULL;
}

void sl_group_store_close(struct sl_group_store *store)
{
    for (unsigned w = 0; store->spill && w < store->workers; w++)
        if (store->file[w])
            close_file(store, w);
    free(store->file);
    *store = (struct sl_group_store){0};
}

void sl_group_store_tidy(struct sl_group_store *store)
{
    for (unsigned w = 0; store->spill && w < store->workers; w++)
        if (store->file[w] && store->spill->ops->size(store->file[w]) >= FILE_BYTES)
            close_file(store, w);
}

size_t sl_group_store_bytes(const struct sl_sorted_groups *groups)
{
    if (!groups || groups->rows)
        return 0;
    return groups->count * sizeof *groups->entry + groups->memory->arena.bytes;
}

/* ---- to disk ---- */

static int file_of(struct sl_group_store *store, struct sl_task *task, struct sl_spill_file **ret)
{
    struct sl_spill_file **file = &store->file[task->worker];
    int r = *file ? 0 : store->spill->ops->open(store->spill, file, task->err);
    *ret = *file;
    return r;
}

static int write_entries(const struct sl_group_store *store, struct sl_task *task,
                         const struct sl_reducer *reducer, const struct sl_sorted_groups *groups,
                         struct sl_spill_file *file)
{
    struct sl_field row[SL_ENTRY_FIELDS_MAX];
    uint32_t width;
    int r = 0;
    for (size_t i = 0; r == 0 && i < groups->count; i++) {
        sl_arena_reset(task->scratch);
        r = sl_entry_to_row(reducer, task, &groups->entry[i], row, &width);
        r = r < 0 ? r : store->spill->ops->row(file, row, width, task->err);
    }
    return r;
}

static int write_groups(struct sl_group_store *store, struct sl_task *task, const struct sl_reducer *reducer,
                        const struct sl_sorted_groups *groups, struct sl_dataset **ret)
{
    struct sl_spill_file *file;
    struct sl_stored *stored;
    int r = file_of(store, task, &file);
    r = r < 0 ? r : write_entries(store, task, reducer, groups, file);
    r = r < 0 ? r : store->spill->ops->end(file, &stored, task->err);
    if (r < 0)
        return r;
    struct sl_rows *rows = sl_rows_stored(stored);
    *ret = rows ? sl_dataset_of(rows) : NULL;
    return *ret ? 0 : SL_ENOMEM;
}

static struct sl_task *task_of(struct sl_stage *stage)
{
    stage->tasks[0].err = stage->err;
    return &stage->tasks[0];
}

static int put(struct sl_group_store *store, struct sl_stage *stage, const struct sl_reducer *reducer,
               struct sl_sorted_groups *groups)
{
    struct sl_dataset *rows;
    int r = groups->rows ? 0 : write_groups(store, task_of(stage), reducer, groups, &rows);
    if (r < 0 || groups->rows)
        return r;
    sl_sorted_groups_move(groups, rows);
    return 0;
}

int sl_group_store_put(struct sl_group_store *store, struct sl_stage *stage, const struct sl_reducer *reducer,
                       struct sl_sorted_groups *groups)
{
    bool is_small = !groups || sl_group_store_bytes(groups) < PUT_BYTES_MIN;
    return is_small ? 0 : put(store, stage, reducer, groups);
}

/* ---- of rows ---- */

static int read_entries(struct sl_stage *stage, const struct sl_reducer *reducer,
                        const struct sl_dataset *rows, struct sl_sorted_groups *groups)
{
    struct sl_task *task = task_of(stage);
    struct sl_arena block = {0}, *keep = &groups->memory->arena;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        struct sl_group_entry *entry = &groups->entry[groups->count];
        sl_arena_reset(task->scratch);
        r = sl_entry_of_row(reducer, task, keep, row, width, entry);
        uint8_t flags = entry->key.flags;
        if (r == 0 && !sl_field_copy(keep, &row[0], &entry->key))
            r = SL_ENOMEM;
        entry->key.flags = flags;
        groups->count += r == 0;
    }
    sl_arena_done(&block);
    return r;
}

static int read_to_memory(struct sl_stage *stage, const struct sl_reducer *reducer,
                          const struct sl_dataset *rows, struct sl_sorted_groups **ret)
{
    struct sl_sorted_groups *groups = sl_sorted_groups_new(rows->count);
    int r = groups ? read_entries(stage, reducer, rows, groups) : SL_ENOMEM;
    if (r == 0)
        *ret = groups;
    else
        sl_sorted_groups_unref(groups);
    return r;
}

/* Rows of which some are in memory are written once more, so that all of them are runs. */
static int read_to_disk(struct sl_group_store *store, struct sl_stage *stage, const struct sl_dataset *rows,
                        struct sl_sorted_groups **ret)
{
    struct sl_spill_file *file;
    struct sl_dataset *stored;
    struct sl_sorted_groups *groups = sl_sorted_groups_new(0);
    int r = groups ? file_of(store, task_of(stage), &file) : SL_ENOMEM;
    r = r < 0 ? r : sl_dataset_store(rows, store->spill, file, &stored, stage->err);
    if (r < 0) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    sl_sorted_groups_move(groups, stored);
    *ret = groups;
    return 0;
}

int sl_group_store_read(struct sl_group_store *store, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_dataset *rows,
                        struct sl_sorted_groups **ret)
{
    return store->spill && sl_dataset_is_stored(rows) ? read_to_disk(store, stage, rows, ret)
                                                      : read_to_memory(stage, reducer, rows, ret);
}

/* ---- merging ---- */

/* Appends the runs that the rows are in; to: NULL, to count them. */
static size_t list_runs(const struct sl_dataset *rows, struct sl_stored **to)
{
    const struct sl_partition *partition = &rows->partition[0];
    for (size_t i = 0; to && i < partition->slices; i++)
        to[i] = sl_rows_run(partition->slice[i].rows);
    return partition->slices;
}

/* b: NULL, or what comes after a. */
static int merge(struct sl_group_store *store, struct sl_stage *stage, const struct sl_dataset *a,
                 const struct sl_dataset *b, struct sl_spill_file **file, sl_spilled_runs_write *write,
                 void *arg, struct sl_dataset **ret)
{
    size_t count = list_runs(a, NULL) + (b ? list_runs(b, NULL) : 0);
    struct sl_stored **run = calloc(count, sizeof(struct sl_stored *));
    if (!run)
        return SL_ENOMEM;
    size_t first = list_runs(a, run);
    if (b)
        list_runs(b, run + first);
    int r = sl_stored_runs_merge(stage, store->spill, run, count, false, file, write, arg, ret);
    free(run);
    return r;
}

static bool is_to_stop(const struct sl_task *task)
{
    return task->stop && atomic_load_explicit(task->stop, memory_order_relaxed);
}

/* ---- two become one ---- */

/* One key on its way. Where only one of the two has it, its row is written as it was read. */
struct combining {
    struct sl_group_store *store;
    const struct sl_reducer *reducer;
    struct sl_task *task;
    struct sl_spill_file *file;
    struct sl_arena *keep; /* of the key */
    struct sl_field row[SL_ENTRY_FIELDS_MAX];
    uint32_t width; /* 0: there is no key */
    bool is_combined;
    struct sl_group_entry entry; /* of one that is */
};

static int write_key(struct combining *combining)
{
    struct sl_field row[SL_ENTRY_FIELDS_MAX];
    const struct sl_field *written = combining->is_combined ? row : combining->row;
    uint32_t width = combining->width;
    int r = combining->is_combined
                ? sl_entry_to_row(combining->reducer, combining->task, &combining->entry, row, &width)
                : 0;
    if (r == 0 && width)
        r = combining->store->spill->ops->row(combining->file, written, width, combining->task->err);
    return r;
}

static int begin_key(struct combining *combining, const struct sl_field *row, uint32_t width)
{
    sl_arena_reset(combining->keep);
    combining->is_combined = false;
    combining->width = width < SL_ENTRY_FIELDS_MAX ? width : SL_ENTRY_FIELDS_MAX;
    for (uint32_t i = 0; i < combining->width; i++)
        if (!sl_field_copy(combining->keep, &row[i], &combining->row[i]))
            return SL_ENOMEM;
    return 0;
}

/* The key of the row is that of the one before. */
static int combine_row(struct combining *combining, const struct sl_field *row, uint32_t width)
{
    struct sl_group_entry second = {.key = sl_nil()};
    int r = combining->is_combined ? 0
                                   : sl_entry_of_row(combining->reducer, combining->task, combining->keep,
                                                     combining->row, combining->width, &combining->entry);
    combining->is_combined = true;
    if (r == 0)
        r = sl_entry_of_row(combining->reducer, combining->task, combining->keep, row, width, &second);
    return r < 0 ? r
                 : sl_entry_combine(combining->reducer, combining->task, combining->keep, &combining->entry,
                                    &second);
}

static int add_row(struct combining *combining, const struct sl_field *row, uint32_t width)
{
    if (combining->width && sl_field_equals(&combining->row[0], &row[0]))
        return combine_row(combining, row, width);
    int r = write_key(combining);
    sl_arena_reset(combining->task->scratch);
    if (r == 0 && is_to_stop(combining->task))
        r = SL_ESTOP;
    return r < 0 ? r : begin_key(combining, row, width);
}

static int combine_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    struct combining combining = *(const struct combining *)arg;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_arena keep = {0};
    uint32_t width;
    int r;
    combining.task = task;
    combining.file = file;
    combining.keep = &keep;
    while ((r = sl_merge_next(merge, row, &width, task->err)) > 0)
        if ((r = add_row(&combining, row, width)) < 0)
            break;
    r = r < 0 ? r : write_key(&combining);
    sl_arena_done(&keep);
    return r;
}

static int combine_on_disk(struct sl_group_store *store, struct sl_stage *stage,
                           const struct sl_reducer *reducer, struct sl_sorted_groups *a,
                           struct sl_sorted_groups *b, struct sl_sorted_groups **ret)
{
    struct combining combining = {.store = store, .reducer = reducer};
    struct sl_sorted_groups *groups = sl_sorted_groups_new(0);
    struct sl_dataset *rows;
    int r = groups ? put(store, stage, reducer, a) : SL_ENOMEM;
    r = r < 0 ? r : put(store, stage, reducer, b);
    r = r < 0 ? r : merge(store, stage, a->rows, b->rows, store->file, combine_range, &combining, &rows);
    if (r < 0) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    sl_sorted_groups_move(groups, rows);
    *ret = groups;
    return 0;
}

static bool fits(const struct sl_group_store *store, const struct sl_sorted_groups *a,
                 const struct sl_sorted_groups *b)
{
    if (!store->spill)
        return true;
    size_t bytes = sl_group_store_bytes(a) + sl_group_store_bytes(b);
    bool is_in_memory = !a->rows && !b->rows;
    return is_in_memory && bytes <= store->share / 2 &&
           store->held + bytes <= sl_group_store_bytes_max(store);
}

int sl_group_store_combine(struct sl_group_store *store, struct sl_stage *stage,
                           const struct sl_reducer *reducer, struct sl_sorted_groups *a,
                           struct sl_sorted_groups *b, struct sl_sorted_groups **ret)
{
    bool has_both = a && a->count && b && b->count;
    if (has_both && !fits(store, a, b))
        return combine_on_disk(store, stage, reducer, a, b, ret);
    int r = sl_sorted_groups_combine(stage, reducer, a, b, ret);
    if (r == 0 && has_both)
        store->held += sl_group_store_bytes(*ret);
    return r;
}

/* ---- what is shown ---- */

struct finishing {
    struct sl_group_store *store;
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    enum sl_result_form shape;
};

static int finish_row(const struct finishing *finishing, struct sl_task *task, struct sl_arena *keep,
                      const struct sl_field *row, uint32_t width, struct sl_spill_file *file)
{
    struct sl_group_entry entry = {.key = sl_nil()};
    struct sl_field pair[2];
    const struct sl_field *finished;
    sl_arena_reset(task->scratch);
    sl_arena_reset(keep);
    int r = sl_entry_of_row(finishing->reducer, task, keep, row, width, &entry);
    r = r < 0 ? r
              : sl_group_entry_row(finishing->stage, finishing->reducer, finishing->shape, task, &entry, pair,
                                   &finished, &width);
    return r < 0 || !width ? r : finishing->store->spill->ops->row(file, finished, width, task->err);
}

static int finish_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    const struct finishing *finishing = arg;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_arena keep = {0};
    uint32_t width;
    int r;
    while ((r = sl_merge_next(merge, row, &width, task->err)) > 0) {
        r = finish_row(finishing, task, &keep, row, width, file);
        if (r == 0 && is_to_stop(task))
            r = SL_ESTOP;
        if (r < 0)
            break;
    }
    sl_arena_done(&keep);
    return r;
}

int sl_group_store_finish(struct sl_group_store *store, struct sl_stage *stage,
                          const struct sl_reducer *reducer, struct sl_sorted_groups *groups,
                          enum sl_result_form shape, struct sl_dataset **ret)
{
    struct finishing finishing = {store, stage, reducer, shape};
    if (!groups->rows)
        return sl_sorted_groups_finish(stage, reducer, groups, shape, ret);
    return merge(store, stage, groups->rows, NULL, NULL, finish_range, &finishing, ret);
}
