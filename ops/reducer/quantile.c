/* quantile(q): the number below which the part q of the values lies; its rank is off by at most 1 % of their
 * count, and exact for up to LEVEL_ITEMS values.
 *
 * The state is a stack of levels. An item of level l represents 2^l values. Values come into level 0; a level
 * that is full is sorted, every second item moves up one level, and the rest is dropped: alternately those at even
 * and at odd places. That moves a rank by at most 2^l, and happens to level l once for LEVEL_ITEMS * 2^l values;
 * so with L levels ranks are off by at most L / LEVEL_ITEMS of the count: below 0.8 % for 2^43 values. The least and
 * the greatest value are kept beside it.
 *
 * Nothing is random: the result depends on the order of values and combinations only, which the workers do not
 * change. Encoding: a list of count, least, greatest, the parities as bits of an integer, then each level as
 * a list. */
#include "ops/builtin/function.h"
#include "ops/reducer/field_vec.h"

#include <math.h>
#include <stdlib.h>

enum { LEVEL_ITEMS = 4096, LEVELS_MAX = 48, HEAD_ITEMS = 4 };

struct quantile {
    struct sl_builtin_reducer reducer;
    double part;
};

struct sketch {
    int64_t count;
    struct sl_field least, greatest;
    uint64_t parity; /* bit l: which items of level l move up next */
    uint32_t levels;
    struct sl_kept level[LEVELS_MAX];
};

static int compare(const void *a, const void *b)
{
    return sl_field_compare(a, b);
}

static int refuse(struct sl_task *task, const struct sl_field *value)
{
    return sl_task_explain(task, "quantile: the value is of type %s, a number is wanted",
                           sl_tag_name((enum sl_tag)value->tag));
}

/* ---- levels ---- */

static int push_item(struct sketch *sketch, struct sl_arena *keep, uint32_t level, struct sl_field item)
{
    sl_assert(level < LEVELS_MAX);
    if (level >= sketch->levels)
        sketch->levels = level + 1;
    return sl_kept_append(&sketch->level[level], keep, item) ? 0 : SL_ENOMEM;
}

/* Halves a level. Of an odd number of items the greatest stays. */
static int halve(struct sketch *sketch, struct sl_arena *keep, uint32_t number)
{
    struct sl_kept *level = &sketch->level[number];
    uint32_t even = level->count & ~1u, first = (uint32_t)(sketch->parity >> number) & 1;
    int r = 0;
    qsort(level->item, level->count, sizeof *level->item, compare);
    sketch->parity ^= UINT64_C(1) << number;
    for (uint32_t i = first; i < even && r == 0; i += 2)
        r = push_item(sketch, keep, number + 1, level->item[i]);
    if (level->count > even)
        level->item[0] = level->item[even];
    level->count -= even;
    return r;
}

static int halve_full(struct sketch *sketch, struct sl_arena *keep)
{
    int r = 0;
    for (uint32_t l = 0; l < sketch->levels && r == 0; l++)
        if (sketch->level[l].count >= LEVEL_ITEMS && l + 1 < LEVELS_MAX)
            r = halve(sketch, keep, l);
    return r;
}

static void widen(struct sketch *sketch, const struct sl_field *least, const struct sl_field *greatest)
{
    if (sl_field_compare(least, &sketch->least) < 0)
        sketch->least = *least;
    if (sl_field_compare(greatest, &sketch->greatest) > 0)
        sketch->greatest = *greatest;
}

/* ---- the reducer ---- */

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    struct sketch *sketch = state->pointer;
    if (value->tag != SL_INT && value->tag != SL_FLOAT)
        return refuse(task, value);
    sketch->count++;
    widen(sketch, value, value);
    int failed = push_item(sketch, keep, 0, *value);
    return failed == 0 && sketch->level[0].count >= LEVEL_ITEMS ? halve_full(sketch, keep) : failed;
}

static int create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret)
{
    struct sketch *sketch = sl_arena_calloc(keep, 1, sizeof *sketch);
    union sl_state state = {.pointer = sketch};
    if (!sketch)
        return SL_ENOMEM;
    sketch->least = sketch->greatest = *value;
    int failed = merge(r, task, keep, &state, value);
    if (failed == 0)
        *ret = state;
    return failed;
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    struct sketch *sketch = state->pointer;
    const struct sketch *added = other->pointer;
    int failed = 0;
    sketch->count += added->count;
    widen(sketch, &added->least, &added->greatest);
    for (uint32_t l = 0; l < added->levels; l++)
        for (uint32_t i = 0; i < added->level[l].count && failed == 0; i++)
            failed = push_item(sketch, keep, l, added->level[l].item[i]);
    return failed < 0 ? failed : halve_full(sketch, keep);
}

/* ---- the result ---- */

struct weighted {
    struct sl_field item; /* first: compare */
    uint64_t weight;
};

static struct weighted *list_items(const struct sketch *sketch, struct sl_arena *scratch, size_t *ret_count,
                                   uint64_t *ret_weight)
{
    size_t count = 0;
    for (uint32_t l = 0; l < sketch->levels; l++)
        count += sketch->level[l].count;
    struct weighted *list = sl_arena_alloc(scratch, (count + 1) * sizeof *list);
    *ret_count = *ret_weight = 0;
    for (uint32_t l = 0; list && l < sketch->levels; l++)
        for (uint32_t i = 0; i < sketch->level[l].count; i++) {
            list[(*ret_count)++] = (struct weighted){sketch->level[l].item[i], UINT64_C(1) << l};
            *ret_weight += UINT64_C(1) << l;
        }
    return list;
}

/* The first item at which the weights reach the part q of all. */
static int finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    const struct sketch *sketch = state->pointer;
    double part = ((const struct quantile *)sl_builtin_of_reducer(r))->part;
    size_t count;
    uint64_t weight, reached = 0;
    struct weighted *list = list_items(sketch, task->scratch, &count, &weight);
    if (!list)
        return SL_ENOMEM;
    qsort(list, count, sizeof *list, compare);
    double wanted = ceil(part * (double)weight);
    *ret = part <= 0 ? sketch->least : sketch->greatest;
    for (size_t i = 0; part > 0 && part < 1 && i < count; i++) {
        reached += list[i].weight;
        if ((double)reached < wanted)
            continue;
        *ret = list[i].item;
        break;
    }
    return 0;
}

/* ---- keeping ---- */

static int encode(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    const struct sketch *sketch = state->pointer;
    struct sl_field *item = sl_arena_alloc(task->scratch, (HEAD_ITEMS + sketch->levels) * sizeof *item);
    if (!item)
        return SL_ENOMEM;
    item[0] = sl_integer(sketch->count);
    item[1] = sketch->least;
    item[2] = sketch->greatest;
    item[3] = sl_integer((int64_t)sketch->parity);
    for (uint32_t l = 0; l < sketch->levels; l++)
        item[HEAD_ITEMS + l] = sl_list(sketch->level[l].item, sketch->level[l].count);
    *ret = sl_list(item, HEAD_ITEMS + sketch->levels);
    return 0;
}

static bool is_encoded(const struct sl_field *encoded)
{
    if (encoded->tag != SL_LIST || encoded->len < HEAD_ITEMS || encoded->len > HEAD_ITEMS + LEVELS_MAX ||
        encoded->items[0].tag != SL_INT || encoded->items[3].tag != SL_INT)
        return false;
    for (uint32_t i = HEAD_ITEMS; i < encoded->len; i++)
        if (encoded->items[i].tag != SL_LIST)
            return false;
    return true;
}

static int decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *encoded, union sl_state *ret)
{
    if (!is_encoded(encoded))
        return sl_error_set(task->err, SL_EDAMAGED, "a stored quantile is damaged");
    struct sketch *sketch = sl_arena_calloc(keep, 1, sizeof *sketch);
    int failed = sketch ? 0 : SL_ENOMEM;
    if (failed < 0)
        return failed;
    sketch->count = encoded->items[0].integer;
    sketch->least = encoded->items[1];
    sketch->greatest = encoded->items[2];
    sketch->parity = (uint64_t)encoded->items[3].integer;
    sketch->levels = encoded->len - HEAD_ITEMS;
    for (uint32_t l = 0; l < sketch->levels; l++)
        for (uint32_t i = 0; i < encoded->items[HEAD_ITEMS + l].len && failed == 0; i++)
            failed = push_item(sketch, keep, l, encoded->items[HEAD_ITEMS + l].items[i]);
    ret->pointer = sketch;
    return failed;
}

static const struct sl_reducer_ops quantile_ops = {
    .create = create,
    .merge = merge,
    .combine = combine,
    .finish = finish,
    .encode = encode,
    .decode = decode,
    .copy = sl_reducer_copy_encoded,
};

/* ---- the descriptor ---- */

static int make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                struct sl_function **ret, struct sl_error *err)
{
    double part = argv[0].value.number;
    if (!(part >= 0 && part <= 1))
        return sl_error_set(err, SL_EUSAGE, "quantile: q must be from 0 to 1, got %g", part);
    struct quantile *quantile = sl_builtin_reducer_new(sizeof *quantile, &quantile_ops);
    if (!quantile)
        return sl_error_nomem(err);
    quantile->part = part;
    *ret = &quantile->reducer.function.base;
    return 0;
}

static const struct sl_param params[] = {
    {"q", SL_WANT_NUMBER, false, "the share of the values that are below, from 0 to 1: 0.5 is the median"},
    {0},
};

const struct sl_builtin sl_native_quantile = {
    .name = "quantile",
    .family = "reducers",
    .summary =
        "The value of rank q * count among numbers: exact for up to 4,096, else off by at most 1 % of the count",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.quantile(0.5))",
    .params = params,
    .make = make,
};
