/* set: the distinct values of a group as a list in the order of docs/manual.md, "Records". Of equal values
 * the first one seen is kept.
 *
 * The state is a sorted list of distinct items and, after it, newer ones in the order they came. When there
 * are as many new ones as old, they are sorted in: so a value costs a logarithm, and a group never holds more
 * than twice its distinct values and a few. */
#include "ops/builtin/function.h"
#include "ops/reducer/field_vec.h"

#include <stdlib.h>

enum { NEW_MIN = 16 }; /* new items that are worth sorting in */

struct set {
    struct sl_kept items;
    uint32_t sorted; /* this number of items at the beginning are sorted and distinct */
};

/* By value, then by place: places are arrival within equal values. */
static int compare_places(const void *a, const void *b)
{
    const struct sl_field *x = *(const struct sl_field *const *)a, *y = *(const struct sl_field *const *)b;
    int order = sl_field_compare(x, y);
    return order ? order : (x > y) - (x < y);
}

/* The distinct items in order, in memory from `arena`. */
static bool sort_items(const struct sl_kept *items, struct sl_arena *arena, struct sl_kept *ret)
{
    const struct sl_field **place = malloc((items->count + (size_t)1) * sizeof *place);
    struct sl_kept sorted = {0};
    bool done = place && sl_kept_reserve(&sorted, arena, items->count);
    for (uint32_t i = 0; done && i < items->count; i++)
        place[i] = &items->item[i];
    if (done)
        qsort(place, items->count, sizeof *place, compare_places);
    for (uint32_t i = 0; done && i < items->count; i++)
        if (i == 0 || sl_field_compare(place[i - 1], place[i]) != 0)
            sorted.item[sorted.count++] = *place[i];
    free(place);
    if (done)
        *ret = sorted;
    return done;
}

static bool is_known(const struct set *set, const struct sl_field *value)
{
    uint32_t from = 0, to = set->sorted;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = sl_field_compare(value, &set->items.item[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return false;
}

/* Sorts the new items in, where there are enough of them. */
static int settle(struct set *set, struct sl_arena *keep)
{
    uint32_t fresh = set->items.count - set->sorted;
    if (fresh < NEW_MIN || fresh < set->sorted)
        return 0;
    if (!sort_items(&set->items, keep, &set->items))
        return SL_ENOMEM;
    set->sorted = set->items.count;
    return 0;
}

static int set_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                     union sl_state *state, const struct sl_field *value)
{
    struct set *set = state->pointer;
    if (is_known(set, value))
        return 0;
    return sl_kept_append_copy(&set->items, keep, value) ? settle(set, keep) : SL_ENOMEM;
}

static int set_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      const struct sl_field *value, union sl_state *ret)
{
    ret->pointer = sl_arena_calloc(keep, 1, sizeof(struct set));
    return ret->pointer ? set_merge(r, task, keep, ret, value) : SL_ENOMEM;
}

static int set_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const union sl_state *other)
{
    struct set *set = state->pointer;
    const struct set *added = other->pointer;
    for (uint32_t i = 0; i < added->items.count; i++) {
        if (is_known(set, &added->items.item[i]))
            continue;
        if (!sl_kept_append(&set->items, keep, added->items.item[i]))
            return SL_ENOMEM;
    }
    return settle(set, keep);
}

static int set_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                      struct sl_field *ret)
{
    const struct set *set = state->pointer;
    struct sl_kept sorted = set->items;
    if (set->sorted < set->items.count && !sort_items(&set->items, task->scratch, &sorted))
        return SL_ENOMEM;
    *ret = sl_list(sorted.item, sorted.count);
    return 0;
}

static int set_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      const struct sl_field *encoded, union sl_state *ret)
{
    struct set *set = sl_arena_calloc(keep, 1, sizeof *set);
    if (encoded->tag != SL_LIST)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored set is damaged");
    if (!set || !sl_kept_reserve(&set->items, keep, encoded->len))
        return SL_ENOMEM;
    for (uint32_t i = 0; i < encoded->len; i++) {
        if (i && sl_field_compare(&encoded->items[i - 1], &encoded->items[i]) >= 0)
            return sl_error_set(task->err, SL_EDAMAGED, "a stored set is damaged: not in order");
        if (!sl_kept_append_copy(&set->items, keep, &encoded->items[i]))
            return SL_ENOMEM;
    }
    set->sorted = set->items.count;
    ret->pointer = set;
    return 0;
}

static int set_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                    const union sl_state *state, union sl_state *ret)
{
    struct sl_field items;
    int failed = set_finish(r, task, state, &items);
    return failed < 0 ? failed : set_decode(r, task, keep, &items, ret);
}

static const struct sl_reducer_ops set_ops = {
    .create = set_create,
    .merge = set_merge,
    .combine = set_combine,
    .finish = set_finish,
    .encode = set_finish,
    .decode = set_decode,
    .copy = set_copy,
};

static const struct sl_reducer reducer = {&set_ops};

const struct sl_builtin sl_native_set = {
    .name = "set",
    .family = "reducers",
    .summary = "The distinct values of a group as a sorted list",
    .example = "s:map(function(line) return #line, line end):reduceByKey(sluice.set)",
    .reducer = &reducer,
};
