/* Keys of mapWithState that time out where a part of the state is on disk. Notes that are due are taken in the order of
 * time; their keys are then looked for in the order of keys, so that every block on disk is read once at most, and only
 * those that may have such a key are. */
#include "core/base/error.h"
#include "ops/state/state_map.h"

enum {
    IDLE_MAX = 64 << 10, /* as many at once: about a round of calls */
    LOOK_EACH = 64,      /* so often it is asked whether they are too much */
};

/* Keys of notes before t become due. */
static int find_due(struct sl_state_due *due, int64_t t, struct sl_error *err)
{
    struct sl_note note;
    int r = 0;
    if (due->notes.earliest >= t)
        return 0;
    while (r == 0 && (r = sl_note_queue_first(&due->notes, &note, err)) > 0 && note.t < t) {
        r = sl_note_queue_add(&due->keys, 0, &note.key, err);
        if (r == 0)
            sl_note_queue_take(&due->notes);
    }
    return r < 0 ? r : sl_note_queue_pause(&due->notes, err);
}

/* What there is of a key. */
struct looked {
    uint64_t hash;
    struct sl_state_shard *cells;
    struct sl_state_entry *cell;  /* NULL: none, what follows is on disk */
    struct sl_stored_cell stored; /* borrowed from the finder */
    bool exists;
    int64_t seen_ms;
};

static int look_on_disk(const struct sl_state_map *parts, const struct sl_field *key, struct looked *looked,
                        struct sl_error *err)
{
    int r = sl_state_finder_find(&parts->due->finder, parts->runs, key, looked->hash, &looked->stored, err);
    looked->exists = r > 0 && looked->stored.exists;
    looked->seen_ms = looked->exists ? looked->stored.seen_ms : INT64_MIN;
    return r < 0 ? r : 0;
}

/* The map is const for who only asks: its cells stay what they are, but for where they are noted. */
static int look(const struct sl_state_map *parts, const struct sl_field *key, struct looked *ret,
                struct sl_error *err)
{
    *ret = (struct looked){.hash = sl_field_hash(key, parts->runs->seed)};
    ret->cells = (struct sl_state_shard *)&parts->part[sl_state_map_number(ret->hash)];
    ret->cell = sl_state_shard_look(ret->cells, key, (uint32_t)ret->hash);
    if (!ret->cell)
        return look_on_disk(parts, key, ret, err);
    ret->exists = ret->cell->exists;
    ret->seen_ms = ret->cell->seen_ms;
    return 0;
}

/* The key, which has a cell afterwards, is one of *found; it has no note any more. */
static int take_key(struct looked *looked, struct sl_cell_list *found)
{
    const struct sl_stored_cell *stored = &looked->stored;
    if (!looked->cell) {
        looked->cell = sl_state_shard_find(looked->cells, &stored->key, (uint32_t)looked->hash);
        if (!looked->cell || sl_state_shard_bring(looked->cells, looked->cell, &stored->key, &stored->value,
                                                  stored->seen_ms) < 0)
            return SL_ENOMEM;
    }
    looked->cell->noted = false;
    return sl_cell_list_add(found, looked->cell);
}

/* The first key that is due: *ret_idle, whether it was last seen before t. With `found` such a key is taken; all others
 * that exist are noted by their last record. 1; 0: none is due; or a failure. */
static int settle_key(const struct sl_state_map *parts, int64_t t, struct sl_cell_list *found, bool *ret_idle,
                      struct sl_error *err)
{
    struct sl_state_due *due = parts->due;
    struct sl_note note;
    struct looked looked;
    int r = sl_note_queue_first(&due->keys, &note, err);
    if (r <= 0)
        return r;
    r = look(parts, &note.key, &looked, err);
    if (r < 0)
        return r;
    *ret_idle = looked.exists && looked.seen_ms < t;
    if (*ret_idle && found)
        r = take_key(&looked, found);
    else if (looked.exists)
        r = sl_note_queue_add(&due->notes, looked.seen_ms, &note.key, err);
    else if (looked.cell)
        looked.cell->noted = false;
    if (r == 0)
        sl_note_queue_take(&due->keys);
    return r < 0 ? r : 1;
}

static int end_settling(struct sl_state_due *due, struct sl_error *err)
{
    sl_state_finder_done(&due->finder);
    return sl_note_queue_pause(&due->keys, err);
}

static int settle_all(const struct sl_state_map *parts, int64_t t, bool *ret_any, struct sl_error *err)
{
    bool is_idle;
    int r = find_due(parts->due, t, err);
    *ret_any = false;
    while (r >= 0 && (r = settle_key(parts, t, NULL, &is_idle, err)) > 0)
        *ret_any |= is_idle;
    int ended = end_settling(parts->due, err);
    return r < 0 ? r : ended;
}

bool sl_state_map_has_due(const struct sl_state_map *parts, int64_t t)
{
    const struct sl_state_due *due = parts->due;
    struct sl_error err = {0};
    bool any;
    if (!due || (due->notes.earliest >= t && sl_note_queue_is_empty(&due->keys)))
        return false;
    return settle_all(parts, t, &any, &err) < 0 || any;
}

/* ---- taking ---- */

/* Keys of cells that were never on disk become due like the others. */
static int find_due_cells(struct sl_state_map *parts, int64_t t, struct sl_error *err)
{
    struct sl_cell_list idle SL_CLEANUP(sl_cell_list_done) = {0};
    int r = 0;
    for (unsigned p = 0; p < SL_PARTS && r == 0; p++)
        r = sl_state_shard_take_idle(&parts->part[p], t, &idle);
    for (size_t i = 0; i < idle.count && r == 0; i++)
        r = sl_note_queue_add(&parts->due->keys, 0, &idle.entry[i].key, err);
    return r;
}

static bool is_enough(const struct sl_state_map *parts, const struct sl_stage *stage,
                      const struct sl_cell_list *found)
{
    return found->count >= IDLE_MAX ||
           (found->count && found->count % LOOK_EACH == 0 && sl_state_map_is_too_much(parts, stage, 0));
}

int sl_state_map_take_due(struct sl_state_map *parts, struct sl_stage *stage, int64_t t,
                          struct sl_cell_list *ret)
{
    bool is_idle;
    sl_assert(parts->due);
    int r = sl_state_map_make_room(parts, stage);
    r = r < 0 ? r : find_due_cells(parts, t, stage->err);
    r = r < 0 ? r : find_due(parts->due, t, stage->err);
    while (r >= 0 && !is_enough(parts, stage, ret) &&
           (r = settle_key(parts, t, ret, &is_idle, stage->err)) > 0)
        ;
    int ended = end_settling(parts->due, stage->err);
    return r < 0 ? r : ended;
}
