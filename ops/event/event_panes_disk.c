/* Panes beyond memoryLimit (ops/event/pane_store.h): how a batch changes them, and what the checkpoint has of them, which is the
 * same as of panes in memory (ops/event/event_panes.c). */
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "core/contract/state_writer.h"
#include "ops/event/event_reduce.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"
#include "ops/state/state_find.h"

#include <stdlib.h>

bool sl_event_panes_are_stored(const struct sl_stage *stage)
{
    const struct sl_event_memory *memory = stage->memory;
    return sl_pane_store_is_used(&memory->store);
}

/* ---- a round: some groups, in order, are combined with what is on disk, and written ---- */

enum { ROUND_FIRST = 4 << 10, ROUND_MIN = 256, ROUND_MAX = 64 << 10, PIECES_PER_WORKER = 4 };

struct adding {
    struct sl_stage *stage;
    struct sl_pane_writer writer;
    struct sl_sorted_groups *groups;
    size_t from, to, piece; /* the round, and entries of a piece of it */
    struct sl_arena *arena; /* [pieces]: of combined states */
    size_t round;           /* entries of the next one */
    size_t kept;            /* bytes of combined states that groups have */
    bool keeps;             /* groups are wanted afterwards, and fit into memory */
};

static struct sl_event_memory *memory_of(const struct adding *adding)
{
    return adding->stage->memory;
}

/* The entry becomes the whole state of its key, and the key what was seen first. */
static int combine_stored(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *arena,
                          const struct sl_stored_cell *stored, struct sl_group_entry *entry)
{
    struct sl_group_entry whole = {.key = entry->key};
    whole.key.flags &= (uint8_t)~SL_GROUP_FAILED;
    int r = sl_entry_decode(reducer, task, arena, &stored->value, stored->seen_ms != 0, &whole);
    r = r < 0 ? r : sl_entry_combine(reducer, task, arena, &whole, entry);
    if (r < 0)
        return r;
    uint8_t flags = whole.key.flags;
    if (whole.key.tag != SL_STR && !sl_field_copy(arena, &stored->key, &whole.key))
        return SL_ENOMEM;
    whole.key.flags = flags;
    *entry = whole;
    return 0;
}

static int combine_entry(const struct adding *adding, struct sl_state_finder *finder, struct sl_task *task,
                         struct sl_arena *arena, struct sl_group_entry *entry)
{
    const struct sl_event_reduce *reduce = adding->stage->state;
    const struct sl_state_runs *runs = &memory_of(adding)->store.runs;
    struct sl_stored_cell stored;
    sl_arena_reset(task->scratch);
    int r = sl_state_finder_find(finder, runs, &entry->key, sl_field_hash(&entry->key, runs->seed), &stored,
                                 task->err);
    return r > 0 && stored.exists ? combine_stored(reduce->reducer, task, arena, &stored, entry)
           : r < 0                ? r
                                  : 0;
}

static int combine_piece(void *arg, size_t index, struct sl_task *task)
{
    const struct adding *adding = arg;
    struct sl_state_finder *finder = calloc(1, sizeof *finder);
    size_t from = adding->from + index * adding->piece, to = from + adding->piece;
    int r = finder ? 0 : SL_ENOMEM;
    for (size_t i = from; r == 0 && i < to && i < adding->to; i++)
        r = combine_entry(adding, finder, task, &adding->arena[index], &adding->groups->entry[i]);
    if (finder)
        sl_state_finder_done(finder);
    free(finder);
    return r;
}

static int write_entry(struct adding *adding, const struct sl_group_entry *entry)
{
    struct sl_event_reduce *reduce = adding->stage->state;
    struct sl_task *task = &adding->stage->tasks[0];
    struct sl_pane_row row = {.key = entry->key, .has_failed = sl_entry_has_failed(entry), .exists = true};
    if (row.has_failed)
        sl_failed_group_postpone(adding->stage, task, &entry->state);
    sl_arena_reset(task->scratch);
    int r = sl_pane_list_add(&reduce->changed_panes, sl_pane_of(&entry->key));
    r = r < 0 ? r : sl_entry_encode(reduce->reducer, task, entry, &row.state);
    return r < 0 ? r : sl_pane_writer_add(&adding->writer, &row, adding->stage->err);
}

/* What was combined is kept with the groups, or given back. The next round is so long that its states may be in memory. */
static void end_round(struct adding *adding, size_t pieces)
{
    size_t bytes = 0, bytes_max = sl_pane_store_bytes_max(&memory_of(adding)->store, adding->stage);
    for (size_t i = 0; i < pieces; i++)
        bytes += adding->arena[i].bytes;
    adding->kept += bytes;
    adding->keeps = adding->keeps && adding->kept <= bytes_max;
    for (size_t i = 0; i < pieces; i++) {
        if (adding->keeps)
            sl_arena_adopt(&adding->groups->memory->arena, &adding->arena[i]);
        sl_arena_done(&adding->arena[i]);
    }
    size_t each = bytes / (adding->to - adding->from) + sizeof(struct sl_group_entry);
    size_t round = bytes_max / 2 / each;
    adding->round = round < ROUND_MIN ? ROUND_MIN : round > ROUND_MAX ? ROUND_MAX : round;
}

static int add_round(struct adding *adding)
{
    size_t pieces = PIECES_PER_WORKER * sl_pool_workers(adding->stage->pool);
    adding->piece = (adding->to - adding->from + pieces - 1) / pieces;
    adding->arena = calloc(pieces, sizeof *adding->arena);
    int r = adding->arena ? sl_stage_run(adding->stage, pieces, combine_piece, adding) : SL_ENOMEM;
    for (size_t i = adding->from; r == 0 && i < adding->to; i++)
        r = write_entry(adding, &adding->groups->entry[i]);
    if (adding->arena)
        end_round(adding, pieces);
    free(adding->arena);
    return r;
}

static int add_groups(struct adding *adding, struct sl_sorted_groups *groups)
{
    int r = 0;
    adding->groups = groups;
    for (adding->from = 0; r == 0 && adding->from < groups->count; adding->from = adding->to) {
        size_t left = groups->count - adding->from;
        adding->to = adding->from + (left < adding->round ? left : adding->round);
        r = add_round(adding);
    }
    return r;
}

/* ---- a batch ---- */

static int begin(struct adding *adding, uint64_t rows)
{
    return sl_pane_writer_begin(&adding->writer, &memory_of(adding)->store, rows, adding->stage->batch_ms,
                                adding->stage->err);
}

static int add_from_memory(struct adding *adding)
{
    struct sl_event_reduce *reduce = adding->stage->state;
    struct sl_sorted_groups *groups;
    int r = sl_aggregate_finish(&reduce->by_key.aggregate, &groups);
    if (r == 0 && reduce->by_time)
        r = sl_event_fold_groups(adding->stage, groups, &groups);
    if (r < 0)
        return r;
    adding->keeps = reduce->windows.emit != SL_EMIT_FINAL;
    r = begin(adding, groups->count);
    r = r < 0 ? r : add_groups(adding, groups);
    if (r == 0 && adding->keeps)
        reduce->brought = reduce->changed = sl_sorted_groups_ref(groups);
    sl_sorted_groups_unref(groups);
    return r;
}

/* As many of the groups that are rows as may be in memory. */
static int read_groups(const struct adding *adding, struct sl_cursor *cursor, struct sl_sorted_groups *groups)
{
    const struct sl_event_reduce *reduce = adding->stage->state;
    const struct sl_reducer *reducer = reduce->by_key.aggregate.reducer;
    struct sl_task *task = &adding->stage->tasks[0];
    struct sl_arena *keep = &groups->memory->arena;
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    int r = 0;
    while (r == 0 && groups->count < ROUND_FIRST && keep->bytes <= adding->writer.store->runs.spill->bytes &&
           sl_cursor_next(cursor, row, &width)) {
        struct sl_group_entry *entry = &groups->entry[groups->count++];
        sl_arena_reset(task->scratch);
        r = sl_entry_of_row(reducer, task, keep, row, width, entry);
        uint8_t flags = entry->key.flags;
        if (r == 0 && !sl_field_copy(keep, &row[0], &entry->key))
            r = SL_ENOMEM;
        entry->key.flags = flags;
    }
    return r;
}

/* 1; 0: there were none left; or a failure. Where values are in the order of time, groups are lists of them at first. */
static int add_next(struct adding *adding, struct sl_cursor *cursor, uint64_t *left)
{
    const struct sl_event_reduce *reduce = adding->stage->state;
    struct sl_sorted_groups *groups = *left ? sl_sorted_groups_new(ROUND_FIRST) : NULL;
    if (!groups)
        return *left ? SL_ENOMEM : 0;
    int r = read_groups(adding, cursor, groups);
    if (r == 0 && !groups->count)
        r = sl_state_runs_cannot_be_read(adding->stage->err);
    *left -= r == 0 ? groups->count : 0;
    struct sl_sorted_groups *states = reduce->by_time ? NULL : sl_sorted_groups_ref(groups);
    if (r == 0 && reduce->by_time)
        r = sl_event_fold_groups(adding->stage, sl_sorted_groups_ref(groups), &states);
    r = r < 0 ? r : add_groups(adding, states);
    sl_sorted_groups_unref(states);
    sl_sorted_groups_unref(groups);
    return r < 0 ? r : 1;
}

static int add_from_disk(struct adding *adding)
{
    struct sl_event_reduce *reduce = adding->stage->state;
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_cursor cursor;
    struct sl_dataset *rows;
    int r = sl_aggregate_states(&reduce->by_key.aggregate, NULL, &rows);
    if (r < 0)
        return r;
    uint64_t left = rows->count;
    r = begin(adding, rows->count);
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && (r = add_next(adding, &cursor, &left)) > 0)
        r = 0;
    sl_dataset_unref(rows);
    return r;
}

int sl_event_panes_add_stored(struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct adding adding = {.stage = stage, .round = ROUND_FIRST};
    bool is_large = sl_aggregate_is_large(&reduce->by_key.aggregate);
    stage->tasks[0].err = stage->err;
    int r = sl_event_panes_are_stored(stage) ? 0
                                             : sl_pane_store_put(&memory->store, stage, reduce->reducer,
                                                                 &memory->panes, memory->old_floor);
    r = r < 0 ? r : (is_large ? add_from_disk : add_from_memory)(&adding);
    r = r < 0 ? r : sl_pane_writer_end(&adding.writer, stage->err);
    sl_pane_writer_give_up(&adding.writer);
    return r;
}

void sl_event_changed_done(struct sl_event_reduce *reduce)
{
    sl_sorted_groups_unref(reduce->brought);
    sl_pane_list_done(&reduce->changed_panes);
}

static size_t bytes_of(const struct sl_pane_runs *panes)
{
    size_t bytes = 0;
    for (size_t i = 0; i < panes->runs; i++)
        bytes += panes->run[i]->memory->arena.bytes + panes->run[i]->count * sizeof(struct sl_group_entry);
    return bytes;
}

int sl_event_panes_tidy(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_pane_store *store = &memory->store;
    stage->tasks[0].err = stage->err;
    if (sl_pane_store_is_used(store))
        return sl_pane_store_tidy(store, memory->panes.floor, stage->err);
    if (!store->runs.spill || bytes_of(&memory->panes) <= sl_pane_store_bytes_max(store, stage))
        return sl_pane_runs_tidy(&memory->panes, stage, reduce->reducer);
    reduce->changed = NULL;
    return sl_pane_store_put(store, stage, reduce->reducer, &memory->panes, memory->panes.floor);
}

/* ---- saving: what changed, and the keys of panes that were closed, in the order of pane keys ---- */

enum { FAILED_WIDTH = 4 };

struct saving {
    struct sl_stage *stage;
    struct sl_state_writer *keeper;
    bool any;
    struct sl_state_reader *changed;
    struct sl_pane_reader closed;
    const struct sl_stored_cell *cell; /* the next that changed; NULL: none is left */
    struct sl_pane_row row;            /* the next that was closed */
    bool has_row;
};

static int next_closed(struct saving *saving)
{
    int r = sl_pane_reader_next(&saving->closed, &saving->row, saving->stage->err);
    saving->has_row = r > 0;
    return r < 0 ? r : 0;
}

static int write(struct saving *saving, struct sl_field row[FAILED_WIDTH], uint32_t width)
{
    struct sl_section section = {SL_SECTION_KEYED, 0, saving->stage->batch_ms, INT64_MAX};
    int r = saving->any ? 0 : saving->keeper->ops->begin(saving->keeper, &section);
    saving->any = true;
    return r < 0 ? r : saving->keeper->ops->row(saving->keeper, row, width);
}

static int save_changed(struct saving *saving)
{
    const struct sl_event_memory *memory = saving->stage->memory;
    const struct sl_stored_cell *cell = saving->cell;
    struct sl_field row[FAILED_WIDTH] = {cell->key, cell->value, sl_nil(), sl_boolean(true)};
    bool stays = cell->exists && sl_pane_of(&cell->key) >= memory->panes.floor;
    int r = write(saving, row, !stays ? 1 : cell->seen_ms ? FAILED_WIDTH : 2);
    saving->cell = r < 0 ? NULL : sl_state_reader_next(saving->changed);
    return r;
}

/* A key that changed and was closed is written once. */
static int save_next(struct saving *saving)
{
    int order = !saving->has_row ? -1
                : !saving->cell  ? 1
                                 : sl_field_compare(&saving->cell->key, &saving->row.key);
    struct sl_field row[FAILED_WIDTH] = {saving->row.key};
    int r = order > 0 ? write(saving, row, 1) : 0;
    if (r == 0 && order >= 0)
        r = next_closed(saving);
    return r < 0 || order > 0 ? r : save_changed(saving);
}

static int save_rows(struct saving *saving)
{
    int r = next_closed(saving);
    saving->cell = sl_state_reader_next(saving->changed);
    while (r == 0 && (saving->cell || saving->has_row))
        r = save_next(saving);
    return r < 0 ? r : sl_state_reader_failure(saving->changed, saving->stage->err);
}

int sl_event_panes_save_stored(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_event_memory *memory = stage->memory;
    const struct sl_pane_store *store = &memory->store;
    struct saving saving = {.stage = stage, .keeper = keeper};
    int r = sl_pane_reader_open(&saving.closed, store, memory->old_floor, memory->panes.floor, 0);
    r = r < 0 ? r
              : sl_state_reader_open(&store->runs, store->saved, store->runs.count - store->saved,
                                     &saving.changed);
    r = r < 0 ? r : save_rows(&saving);
    sl_state_reader_close(saving.changed);
    sl_pane_reader_close(&saving.closed);
    return r;
}

/* ---- loading ---- */

static int damaged(struct sl_stage *stage)
{
    return sl_error_set(stage->err, SL_EDAMAGED, "the windows that %s kept are damaged",
                        stage->node->op->name);
}

static int load_row(struct sl_stage *stage, struct sl_pane_writer *writer, const struct sl_field *row,
                    uint32_t width)
{
    bool exists = width == 2 || width == FAILED_WIDTH, is_valid = sl_pane_key_is_valid(&row[0]);
    const struct sl_pane_row stored = {.key = row[0],
                                       .state = exists ? row[1] : sl_nil(),
                                       .has_failed = width == FAILED_WIDTH,
                                       .exists = exists};
    if (!exists && (width != 1 || !is_valid)) /* of sessions: the job was another */
        return 0;
    return is_valid ? sl_pane_writer_add(writer, &stored, stage->err) : damaged(stage);
}

static int load_rows(struct sl_stage *stage, struct sl_pane_writer *writer, const struct sl_dataset *rows)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = load_row(stage, writer, row, width);
    return r;
}

int sl_event_panes_load_stored(struct sl_stage *stage, const struct sl_dataset *rows)
{
    struct sl_pane_store *store = &((struct sl_event_memory *)stage->memory)->store;
    struct sl_pane_writer writer;
    int r = sl_pane_writer_begin(&writer, store, rows->count, INT64_MIN, stage->err);
    r = r < 0 ? r : load_rows(stage, &writer, rows);
    r = r < 0 ? r : sl_pane_writer_end(&writer, stage->err);
    sl_pane_writer_give_up(&writer);
    r = r < 0 ? r : sl_state_runs_merge(&store->runs, false, stage->err);
    store->saved = store->runs.count;
    return r;
}

/* An open pane's row; *groups: NULL where not all of them fit into memory. */
static int bring_row(struct sl_stage *stage, const struct sl_pane_row *row, struct sl_sorted_groups **groups)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_pane_store *store = &((struct sl_event_memory *)stage->memory)->store;
    struct sl_arena *keep = *groups ? &(*groups)->memory->arena : NULL;
    if (sl_pane_list_add(&store->list, sl_pane_of(&row->key)) < 0)
        return SL_ENOMEM;
    if (keep && keep->bytes > sl_pane_store_bytes_max(store, stage) / 2) {
        sl_sorted_groups_unref(*groups);
        *groups = NULL;
    }
    if (!*groups)
        return 0;
    struct sl_group_entry *entry = &(*groups)->entry[(*groups)->count++];
    sl_arena_reset(stage->tasks[0].scratch);
    if (!sl_field_copy(keep, &row->key, &entry->key))
        return SL_ENOMEM;
    return sl_entry_decode(reduce->reducer, &stage->tasks[0], keep, &row->state, row->has_failed, entry);
}

static int bring_rows(struct sl_stage *stage, struct sl_sorted_groups **groups)
{
    struct sl_event_memory *memory = stage->memory;
    struct sl_pane_reader reader;
    struct sl_pane_row row;
    sl_pane_list_done(&memory->store.list);
    int r = sl_pane_reader_open(&reader, &memory->store, memory->panes.floor, INT64_MAX, 0);
    while (r == 0 && (r = sl_pane_reader_next(&reader, &row, stage->err)) > 0)
        r = bring_row(stage, &row, groups);
    sl_pane_reader_close(&reader);
    return r;
}

int sl_event_panes_loaded_stored(struct sl_stage *stage)
{
    struct sl_event_memory *memory = stage->memory;
    struct sl_pane_store *store = &memory->store;
    bool is_saved = store->saved == store->runs.count;
    uint64_t entries = sl_pane_store_entries(store);
    bool fits =
        is_saved && entries * sizeof(struct sl_group_entry) <= sl_pane_store_bytes_max(store, stage) / 2;
    struct sl_sorted_groups *groups = fits ? sl_sorted_groups_new(entries) : NULL;
    int r = fits && !groups ? SL_ENOMEM : bring_rows(stage, &groups);
    if (r < 0) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    if (groups) {
        sl_pane_store_done(store);
        return sl_pane_runs_put(&memory->panes, groups);
    }
    return is_saved ? sl_pane_store_tidy(store, memory->panes.floor, stage->err) : 0;
}
