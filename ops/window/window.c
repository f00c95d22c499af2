/* window(w [, s]): the records of the last batches as one dataset, oldest batch first. Batches are kept whole
 * and shared: a window is a list of references. Where there is a memoryLimit, a batch that would exceed it
 * together with those that are kept is written to disk. Some batches share a file: a window has many batches, a process
 * may have only so many files open, and the space of batches that left the window is freed with their file. */
#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "core/contract/state_writer.h"
#include "core/rows/spill.h"
#include "core/rows/stored_dataset.h"
#include "ops/window/check.h"
#include "ops/window/span.h"

#include <stdlib.h>
#include <string.h>

struct kept {
    int64_t t;
    struct sl_dataset *dataset;
    size_t bytes;        /* in memory */
    uint32_t generation; /* of one that was loaded */
};

struct memory {
    size_t count, capacity;
    struct kept *kept; /* oldest first */
    size_t bytes;      /* in memory, of all */
    struct sl_spill *spill;
    struct sl_spill_file *file; /* or NULL: the next batch that is written to disk opens one */
    size_t stored;              /* batches in the file */
    bool shown;                 /* the last emission showed data */
    struct sl_window_span span; /* as it was saved last */
};

static void memory_done(void *memory)
{
    struct memory *own = memory;
    for (size_t i = 0; i < own->count; i++)
        sl_dataset_unref(own->kept[i].dataset);
    if (own->file)
        own->spill->ops->close(own->file);
    free(own->kept);
}

static void forget(struct memory *memory, int64_t until)
{
    size_t gone = 0;
    while (gone < memory->count && memory->kept[gone].t <= until) {
        memory->bytes -= memory->kept[gone].bytes;
        sl_dataset_unref(memory->kept[gone++].dataset);
    }
    memory->count -= gone;
    if (gone)
        memmove(memory->kept, memory->kept + gone, memory->count * sizeof *memory->kept);
}

enum { FILES_ABOUT = 8 }; /* that hold the batches of a window */

static int store(struct memory *memory, struct sl_spill *spill, struct sl_dataset **dataset,
                 struct sl_error *err)
{
    struct sl_dataset *stored;
    memory->spill = spill;
    int r = memory->file ? 0 : spill->ops->open(spill, &memory->file, err);
    r = r < 0 ? r : sl_dataset_store(*dataset, spill, memory->file, &stored, err);
    if (r == 0 && ++memory->stored >= memory->count / FILES_ABOUT) {
        spill->ops->close(memory->file);
        memory->file = NULL;
        memory->stored = 0;
    }
    if (r < 0)
        return r;
    sl_dataset_unref(*dataset);
    *dataset = stored;
    return 0;
}

/* A batch that exceeds the limit together with those that are kept is written to disk. */
static int make_room(struct sl_stage *stage, struct sl_dataset **dataset, size_t *ret_bytes)
{
    struct memory *memory = stage->memory;
    struct sl_spill *spill = stage->services ? stage->services->spill : NULL;
    *ret_bytes = spill ? sl_dataset_bytes(*dataset) : 0;
    if (!spill || memory->bytes + *ret_bytes <= spill->bytes * sl_pool_workers(stage->pool))
        return 0;
    *ret_bytes = 0;
    return store(memory, spill, dataset, stage->err);
}

/* Takes over the reference. */
static int keep(struct sl_stage *stage, int64_t t, struct sl_dataset *dataset)
{
    struct memory *memory = stage->memory;
    size_t bytes;
    int r = make_room(stage, &dataset, &bytes);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    struct kept *grown = sl_array_grow(memory->kept, memory->count, &memory->capacity, sizeof *grown);
    if (!grown) {
        sl_dataset_unref(dataset);
        return SL_ENOMEM;
    }
    memory->kept = grown;
    memory->kept[memory->count++] = (struct kept){t, dataset, bytes, 0};
    memory->bytes += bytes;
    return 0;
}

static int advance(struct sl_stage *stage)
{
    struct memory *memory = stage->memory;
    struct sl_dataset *dataset;
    forget(memory, stage->batch_ms - sl_window_of(stage->node));
    int r = sl_collect_dataset(stage->state, &dataset, stage->err);
    if (r < 0)
        return r;
    if (dataset->count)
        return keep(stage, stage->batch_ms, dataset);
    sl_dataset_unref(dataset);
    return 0;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct memory *memory = stage->memory;
    int r = advance(stage);
    if (r < 0 || !stage->emits)
        return r;
    stage->said = stage->has_input || memory->count || memory->shown;
    memory->shown = memory->count > 0;
    struct sl_dataset *all = sl_dataset_new(0);
    r = all ? 0 : SL_ENOMEM;
    for (size_t i = 0; i < memory->count && r == 0; i++)
        r = sl_dataset_concat(all, memory->kept[i].dataset);
    if (r < 0) {
        sl_dataset_unref(all);
        return r;
    }
    *ret = all;
    return 0;
}

static bool wants(const struct sl_node *node, const void *memory, int64_t t)
{
    const struct memory *own = memory;
    bool holds = own->count && own->kept[own->count - 1].t > t - sl_window_of(node);
    return t % node->slide_ms == 0 && (holds || own->shown);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    return sl_window_check(node, 0, 1, err);
}

/* ---- on disk: a section per kept batch; its first row tells how many rows each partition has ---- */

static int save_counts(struct sl_stage *stage, struct sl_state_writer *keeper,
                       const struct sl_dataset *dataset)
{
    struct sl_arena *scratch = stage->tasks[0].scratch;
    sl_arena_reset(scratch);
    struct sl_field *counts = sl_arena_alloc(scratch, dataset->partitions * sizeof *counts);
    if (!counts)
        return SL_ENOMEM;
    for (size_t p = 0; p < dataset->partitions; p++)
        counts[p] = sl_integer((int64_t)dataset->partition[p].count);
    struct sl_field list = sl_list(counts, dataset->partitions);
    return keeper->ops->row(keeper, &list, 1);
}

static int save_batch(struct sl_stage *stage, struct sl_state_writer *keeper, const struct kept *kept)
{
    const struct memory *memory = stage->memory;
    struct sl_section section = {SL_SECTION_BATCH, memory->span.generation, kept->t,
                                 kept->t + sl_window_of(stage->node) + stage->node->slide_ms};
    struct sl_arena block = {0};
    struct sl_cursor cursor;
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    int r = keeper->ops->begin(keeper, &section);
    if (r == 0)
        r = save_counts(stage, keeper, kept->dataset);
    sl_cursor_pass(&cursor, kept->dataset, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = keeper->ops->row(keeper, row, width);
    sl_arena_done(&block);
    return r;
}

/* Where the job has another window than before, all of it. */
static int save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct memory *memory = stage->memory;
    const struct sl_window_span now = sl_window_span_after(&memory->span, stage->node);
    bool is_changed = !sl_window_span_equals(&memory->span, &now);
    int r = 0;
    memory->span = now;
    for (size_t i = 0; r == 0 && i < memory->count; i++)
        if (is_changed || memory->kept[i].t == stage->batch_ms)
            r = save_batch(stage, keeper, &memory->kept[i]);
    return r < 0 || !is_changed ? r : sl_window_span_save(&now, stage->batch_ms, keeper);
}

/* Those that an earlier window had forgotten, which may be on disk still. */
static void forget_generations(struct memory *memory, int64_t last_ms)
{
    const struct sl_window_span *saved = &memory->span;
    size_t stay = 0;
    for (size_t i = 0; i < memory->count; i++) {
        bool is_known = !saved->window_ms || sl_window_span_shows(saved, last_ms, memory->kept[i].t);
        if (is_known && memory->kept[i].generation == saved->generation) {
            memory->kept[stay++] = memory->kept[i];
            continue;
        }
        memory->bytes -= memory->kept[i].bytes;
        sl_dataset_unref(memory->kept[i].dataset);
    }
    memory->count = stay;
}

static int by_time(const void *a, const void *b)
{
    int64_t first = ((const struct kept *)a)->t, second = ((const struct kept *)b)->t;
    return (first > second) - (first < second);
}

static int damaged(struct sl_stage *stage)
{
    return sl_error_set(stage->err, SL_EDAMAGED, "the batches that window kept are damaged");
}

static int load_batch(struct sl_stage *stage, int64_t t, const struct sl_dataset *rows)
{
    struct sl_cursor cursor;
    struct sl_field counts[SL_WIDTH_MAX];
    uint32_t width;
    uint64_t at = 1;
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_dataset *dataset = sl_dataset_new(0);
    sl_cursor_pass(&cursor, rows, &block);
    bool ok = sl_cursor_next(&cursor, counts, &width) && width == 1 && counts[0].tag == SL_LIST;
    int r = dataset ? 0 : SL_ENOMEM;
    for (uint32_t p = 0; r == 0 && ok && p < counts[0].len; p++) {
        uint64_t count = (uint64_t)counts[0].items[p].integer;
        r = sl_dataset_add_partition(dataset);
        if (r == 0)
            r = sl_dataset_add_range(dataset, p, rows, at, at + count);
        at += count;
    }
    if (r == 0 && (!ok || at != rows->count))
        r = damaged(stage);
    if (r == 0)
        return keep(stage, t, dataset);
    sl_dataset_unref(dataset);
    return r;
}

/* What no window reaches any more may be years away, and lie in a segment still. */
static int load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    struct memory *memory = stage->memory;
    const struct sl_window_span now = sl_window_span_of(stage->node);
    if (section->kind == SL_SECTION_KEYED)
        return sl_window_span_load(rows, &memory->span) < 0 ? damaged(stage) : 0;
    if (!sl_window_span_shows(&now, stage->batch_ms, section->t))
        return 0;
    int r = load_batch(stage, section->t, rows);
    if (r == 0)
        memory->kept[memory->count - 1].generation = section->part;
    return r;
}

static int loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct memory *memory = stage->memory;
    const struct sl_window_span now = sl_window_span_of(stage->node);
    forget_generations(memory, last_ms);
    if (memory->count)
        qsort(memory->kept, memory->count, sizeof *memory->kept, by_time);
    for (size_t i = 0; i < memory->count; i++)
        memory->shown = memory->shown || sl_window_span_has_shown(&now, last_ms, memory->kept[i].t);
    return 0;
}

static void held(const void *memory, struct sl_held *ret)
{
    const struct memory *own = memory;
    ret->batches = (int64_t)own->count;
    ret->bytes = (int64_t)own->bytes;
    ret->rows = 0;
    for (size_t i = 0; i < own->count; i++)
        ret->rows += (int64_t)own->kept[i].dataset->count;
}

static const struct sl_wide window_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .finish = finish,
    .done = sl_collect_end,
    .bounded = 2, /* what comes in, and what is kept */
    .memory_size = sizeof(struct memory),
    .memory_done = memory_done,
    .wants = wants,
    .held = held,
    .windowed = true,
    .save = save,
    .load = load,
    .loaded = loaded,
};

static const struct sl_param params[] = {
    {"windowDuration", SL_WANT_DURATION, false, "how far back a window reaches"},
    {"slideDuration", SL_WANT_DURATION, true, "how often one is shown; the stream's own slide"},
    {0},
};

const struct sl_op sl_op_window = {
    .name = "window",
    .kind = SL_OP_WIDE,
    .family = "window",
    .summary = "The records of the last batches together, oldest batch first",
    .example = "s:window(\"3s\", \"1s\"):count()",
    .params = params,
    .wide = &window_wide,
    .check = check,
    .columns = sl_columns_of_input,
};
