#include "ops/event/pane_runs.h"

#include "core/base/bisect.h"
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_ENTRIES = 16 * SL_CHUNK_ROWS };

void sl_pane_runs_init(struct sl_pane_runs *panes)
{
    *panes = (struct sl_pane_runs){.floor = INT64_MIN};
}

void sl_pane_runs_done(struct sl_pane_runs *panes)
{
    for (size_t i = 0; i < panes->runs; i++)
        sl_sorted_groups_unref(panes->run[i]);
    panes->runs = 0;
}

uint64_t sl_pane_runs_entries(const struct sl_pane_runs *panes)
{
    uint64_t entries = 0;
    for (size_t i = 0; i < panes->runs; i++)
        entries += panes->run[i]->count;
    return entries;
}

/* ---- ranges ---- */

static size_t first_of_strings(const struct sl_sorted_groups *run, int64_t pane)
{
    uint8_t bytes[SL_PANE_BYTES];
    sl_pane_write(bytes, pane);
    struct sl_field key = sl_string(bytes, SL_PANE_BYTES);
    return sl_sorted_groups_first(run, &key);
}

static size_t first_of_lists(const struct sl_sorted_groups *run, int64_t pane)
{
    struct sl_field item = sl_integer(pane), key = sl_list(&item, 1);
    return sl_sorted_groups_first(run, &key);
}

/* Where the lists begin. */
static size_t strings_of(const struct sl_sorted_groups *run)
{
    struct sl_field key = sl_list(NULL, 0);
    if (!run->count || run->entry[run->count - 1].key.tag == SL_STR)
        return run->count;
    return sl_sorted_groups_first(run, &key);
}

struct sl_pane_range sl_pane_runs_range(const struct sl_sorted_groups *run, int64_t from, int64_t to)
{
    size_t strings = strings_of(run);
    bool has_lists = strings < run->count;
    const struct sl_group_entry *entry = run->entry;
    struct sl_pane_range range;
    range.at[0] = entry + (strings ? first_of_strings(run, from) : 0);
    range.end[0] = entry + (strings ? to == INT64_MAX ? strings : first_of_strings(run, to) : 0);
    range.at[1] = entry + (has_lists ? first_of_lists(run, from) : run->count);
    range.end[1] = entry + (has_lists && to != INT64_MAX ? first_of_lists(run, to) : run->count);
    return range;
}

int64_t sl_pane_runs_next(const struct sl_pane_runs *panes, int64_t from)
{
    int64_t next = INT64_MAX;
    if (from < panes->floor)
        from = panes->floor;
    for (size_t i = 0; i < panes->runs; i++) {
        struct sl_pane_range range = sl_pane_runs_range(panes->run[i], from, INT64_MAX);
        for (int k = 0; k < 2; k++)
            if (range.at[k] < range.end[k] && sl_pane_of(&range.at[k]->key) < next)
                next = sl_pane_of(&range.at[k]->key);
    }
    return next;
}

/* ---- a batch ---- */

struct adding {
    const struct sl_pane_runs *panes;
    const struct sl_reducer *reducer;
    struct sl_sorted_groups *groups;
    struct sl_arena *arena; /* [pieces]: of combined states */
};

/* The first entry from `at` on whose key is not before this one: steps that double, then bisection. */
static size_t gallop(const struct sl_sorted_groups *run, size_t at, const struct sl_field *key)
{
    size_t step = 1, from = at, to = at;
    while (to < run->count && sl_field_compare(&run->entry[to].key, key) < 0) {
        from = to + 1;
        to += step;
        step *= 2;
    }
    if (to > run->count)
        to = run->count;
    return SL_BISECT(i, from, to, sl_field_compare(&run->entry[i].key, key) < 0);
}

static const struct sl_group_entry *find_older(const struct sl_pane_runs *panes, size_t *at,
                                               const struct sl_field *key)
{
    for (size_t i = panes->runs; i-- > 0;) {
        const struct sl_sorted_groups *run = panes->run[i];
        at[i] = gallop(run, at[i], key);
        if (at[i] < run->count && sl_field_equals(&run->entry[at[i]].key, key))
            return &run->entry[at[i]];
    }
    return NULL;
}

/* The entry becomes the whole state of its key, and the key what was seen first. */
static int combine_older(const struct adding *adding, struct sl_task *task, struct sl_arena *arena,
                         const struct sl_group_entry *older, struct sl_group_entry *entry)
{
    struct sl_group_entry whole = {.key = entry->key};
    int r = sl_entry_copy_state(adding->reducer, task, arena, older, &whole);
    r = r < 0 ? r : sl_entry_combine(adding->reducer, task, arena, &whole, entry);
    if (r < 0)
        return r;
    uint8_t flags = whole.key.flags;
    if (whole.key.tag != SL_STR && !sl_field_copy(arena, &older->key, &whole.key))
        return SL_ENOMEM;
    whole.key.flags = flags;
    *entry = whole;
    return 0;
}

static int add_piece(void *arg, size_t index, struct sl_task *task)
{
    const struct adding *adding = arg;
    size_t from = index * PIECE_ENTRIES, to = from + PIECE_ENTRIES, at[SL_PANE_RUNS_MAX] = {0};
    struct sl_group_entry *entry = adding->groups->entry;
    int r = 0;
    if (to > adding->groups->count)
        to = adding->groups->count;
    for (size_t i = from; i < to && r == 0; i++) {
        const struct sl_group_entry *older = find_older(adding->panes, at, &entry[i].key);
        sl_arena_reset(task->scratch);
        r = older ? combine_older(adding, task, &adding->arena[index], older, &entry[i]) : 0;
    }
    return r;
}

int sl_pane_runs_put(struct sl_pane_runs *panes, struct sl_sorted_groups *run)
{
    if (!run->count) {
        sl_sorted_groups_unref(run);
        return 0;
    }
    sl_assert(panes->runs < SL_PANE_RUNS_MAX);
    panes->run[panes->runs++] = run;
    return 0;
}

int sl_pane_runs_add(struct sl_pane_runs *panes, struct sl_stage *stage, const struct sl_reducer *reducer,
                     struct sl_sorted_groups *groups, struct sl_sorted_groups **ret)
{
    size_t pieces = (groups->count + PIECE_ENTRIES - 1) / PIECE_ENTRIES;
    struct adding adding = {panes, reducer, groups, NULL};
    int r = 0;
    *ret = NULL;
    if (groups->count && panes->runs) {
        adding.arena = calloc(pieces, sizeof *adding.arena);
        r = adding.arena ? sl_stage_run(stage, pieces, add_piece, &adding) : SL_ENOMEM;
        for (size_t i = 0; adding.arena && i < pieces; i++) {
            if (r == 0)
                sl_arena_adopt(&groups->memory->arena, &adding.arena[i]);
            sl_arena_done(&adding.arena[i]);
        }
        free(adding.arena);
    }
    if (r < 0 || !groups->count) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    *ret = groups;
    return sl_pane_runs_put(panes, groups);
}

/* ---- removing ---- */

/* Whether there was one: it is marked. */
static bool mark(struct sl_sorted_groups *run, const struct sl_field *key)
{
    size_t at = sl_sorted_groups_first(run, key);
    if (at == run->count || !sl_field_equals(&run->entry[at].key, key))
        return false;
    run->entry[at].key.flags |= SL_GROUP_EMPTY;
    return true;
}

static void drop_marked(struct sl_sorted_groups *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++)
        if (!(run->entry[i].key.flags & SL_GROUP_EMPTY))
            run->entry[count++] = run->entry[i];
    run->count = count;
}

void sl_pane_runs_remove(struct sl_pane_runs *panes, const struct sl_dataset *rows, int64_t floor)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    bool any = false;
    sl_cursor_init(&cursor, rows);
    while (sl_cursor_next(&cursor, row, &width)) {
        bool removes = width == 1 && sl_pane_key_is_valid(&row[0]) && sl_pane_of(&row[0]) >= floor;
        for (size_t i = 0; removes && i < panes->runs; i++)
            any = mark(panes->run[i], &row[0]) || any;
    }
    for (size_t i = 0; any && i < panes->runs; i++)
        drop_marked(panes->run[i]);
}

/* ---- merging ---- */

struct merging {
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    const struct sl_sorted_groups *older, *newer;
    int64_t floor;
    struct sl_sorted_groups *to;
    struct merge_piece *piece;
};

struct merge_piece {
    size_t older_from, older_to, newer_from, newer_to;
    struct sl_group_entry *entry;
    size_t count;
    struct sl_arena arena;
};

/* A deep copy, unless the pane is closed. */
static int keep_entry(const struct merging *merging, struct sl_task *task, struct merge_piece *piece,
                      const struct sl_group_entry *entry)
{
    struct sl_group_entry *to = &piece->entry[piece->count];
    if (sl_pane_of(&entry->key) < merging->floor)
        return 0;
    if (!sl_field_copy(&piece->arena, &entry->key, &to->key))
        return SL_ENOMEM;
    piece->count++;
    return sl_entry_copy_state(merging->reducer, task, &piece->arena, entry, to);
}

static int merge_piece(void *arg, size_t index, struct sl_task *task)
{
    const struct merging *merging = arg;
    struct merge_piece *piece = &merging->piece[index];
    const struct sl_group_entry *a = merging->older->entry + piece->older_from,
                                *a_end = merging->older->entry + piece->older_to,
                                *b = merging->newer->entry + piece->newer_from,
                                *b_end = merging->newer->entry + piece->newer_to;
    int r = 0;
    while (r == 0 && (a < a_end || b < b_end)) {
        int order = a == a_end ? 1 : b == b_end ? -1 : sl_field_compare(&a->key, &b->key);
        sl_arena_reset(task->scratch);
        r = keep_entry(merging, task, piece, order < 0 ? a : b);
        a += order <= 0;
        b += order >= 0;
    }
    return r;
}

/* Pieces begin with every PIECE_ENTRIES-th key of the older run, which is the longer. */
static bool cut(struct merging *merging, size_t pieces)
{
    merging->piece = calloc(pieces, sizeof *merging->piece);
    for (size_t i = 0; merging->piece && i < pieces; i++) {
        struct merge_piece *piece = &merging->piece[i], *before = i ? piece - 1 : NULL;
        piece->older_from = i * PIECE_ENTRIES;
        piece->older_to = i + 1 < pieces ? piece->older_from + PIECE_ENTRIES : merging->older->count;
        piece->newer_to = merging->newer->count;
        if (before)
            before->newer_to = piece->newer_from =
                sl_sorted_groups_first(merging->newer, &merging->older->entry[piece->older_from].key);
        piece->entry = merging->to->entry + piece->older_from + piece->newer_from;
    }
    return merging->piece != NULL;
}

static int merge_runs(struct sl_pane_runs *panes, struct sl_stage *stage, const struct sl_reducer *reducer,
                      struct sl_sorted_groups **ret)
{
    struct sl_sorted_groups *older = panes->run[panes->runs - 2], *newer = panes->run[panes->runs - 1];
    struct merging merging = {stage, reducer, older, newer, panes->floor, NULL, NULL};
    size_t pieces = older->count / PIECE_ENTRIES + 1;
    merging.to = sl_sorted_groups_new(older->count + newer->count);
    int r = merging.to && cut(&merging, pieces) ? 0 : SL_ENOMEM;
    r = r < 0 ? r : sl_stage_run(stage, pieces, merge_piece, &merging);
    for (size_t i = 0; merging.piece && i < pieces; i++) {
        struct merge_piece *piece = &merging.piece[i];
        if (r == 0) {
            memmove(merging.to->entry + merging.to->count, piece->entry, piece->count * sizeof *piece->entry);
            merging.to->count += piece->count;
            sl_arena_adopt(&merging.to->memory->arena, &piece->arena);
        }
        sl_arena_done(&piece->arena);
    }
    free(merging.piece);
    if (r < 0) {
        sl_sorted_groups_unref(merging.to);
        return r;
    }
    struct sl_group_entry *fitting =
        realloc(merging.to->entry, (merging.to->count + 1) * sizeof *merging.to->entry);
    if (fitting)
        merging.to->entry = fitting;
    *ret = merging.to;
    return 0;
}

static void drop_last(struct sl_pane_runs *panes)
{
    sl_sorted_groups_unref(panes->run[--panes->runs]);
}

static int merge_last(struct sl_pane_runs *panes, struct sl_stage *stage, const struct sl_reducer *reducer)
{
    struct sl_sorted_groups *merged;
    int r = merge_runs(panes, stage, reducer, &merged);
    if (r < 0)
        return r;
    drop_last(panes);
    drop_last(panes);
    panes->run[panes->runs++] = merged;
    return 0;
}

/* Closed panes of a run are all before the others: whether half of it is closed. */
static bool is_half_closed(const struct sl_pane_runs *panes, const struct sl_sorted_groups *run)
{
    struct sl_pane_range range = sl_pane_runs_range(run, panes->floor, INT64_MAX);
    return (size_t)((range.end[0] - range.at[0]) + (range.end[1] - range.at[1])) * 2 < run->count;
}

/* A run alone, without what is closed. */
static int shrink(struct sl_pane_runs *panes, struct sl_stage *stage, const struct sl_reducer *reducer,
                  size_t i)
{
    struct sl_sorted_groups *none = sl_sorted_groups_new(0), *small = NULL;
    struct sl_pane_runs pair = {.runs = 2, .run = {panes->run[i], none}, .floor = panes->floor};
    int r = none ? merge_runs(&pair, stage, reducer, &small) : SL_ENOMEM;
    sl_sorted_groups_unref(none);
    if (r < 0)
        return r;
    sl_sorted_groups_unref(panes->run[i]);
    panes->run[i] = small;
    return 0;
}

static void drop_empty(struct sl_pane_runs *panes)
{
    size_t kept = 0;
    for (size_t i = 0; i < panes->runs; i++) {
        if (panes->run[i]->count)
            panes->run[kept++] = panes->run[i];
        else
            sl_sorted_groups_unref(panes->run[i]);
    }
    panes->runs = kept;
}

int sl_pane_runs_tidy(struct sl_pane_runs *panes, struct sl_stage *stage, const struct sl_reducer *reducer)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < panes->runs; i++)
        if (is_half_closed(panes, panes->run[i]))
            r = shrink(panes, stage, reducer, i);
    drop_empty(panes);
    while (r == 0 && panes->runs > 1 &&
           panes->run[panes->runs - 2]->count < 2 * panes->run[panes->runs - 1]->count)
        r = merge_last(panes, stage, reducer);
    drop_empty(panes);
    return r;
}

int sl_pane_runs_merge_all(struct sl_pane_runs *panes, struct sl_stage *stage,
                           const struct sl_reducer *reducer)
{
    int r = 0;
    while (r == 0 && panes->runs > 1)
        r = merge_last(panes, stage, reducer);
    drop_empty(panes);
    return r;
}
