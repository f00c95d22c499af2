#include "ops/group/function_reducer.h"

#include "core/base/error.h"
#include "text/json.h"

#include <stdio.h>
#include <string.h>

static const struct sl_function_reducer *own(const struct sl_reducer *r)
{
    return (const struct sl_function_reducer *)r;
}

/* A state: the value comes first, for fold_rows of functions writes there. */
struct cell {
    struct sl_field value;
    int64_t records;
};

static struct cell *cell_of(const union sl_state *state)
{
    return state->pointer;
}

/* Keeps the value as the state; numbers and booleans reuse the state's cell. */
static int keep_value(struct sl_arena *keep, const struct sl_field *value, union sl_state *state)
{
    struct cell *cell = state->pointer;
    struct sl_field copy;
    if (!cell)
        cell = sl_arena_calloc(keep, 1, sizeof *cell);
    if (!cell || !sl_field_copy(keep, value, &copy))
        return SL_ENOMEM;
    cell->value = copy;
    state->pointer = cell;
    return 0;
}

/* Calls fn and takes its one value (docs/manual.md, "Functions", reduceByKey and the like). */
static int call_one(const struct sl_function_reducer *r, const struct sl_function *fn, struct sl_task *task,
                    const struct sl_field *argv, uint32_t argc, struct sl_field *ret)
{
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {0, values};
    int result = sl_function_call(fn, task, argv, argc, &returned);
    if (result == SL_EREJECT) /* whether a value is merged or combined depends on where splits are cut */
        return SL_EGROUP;
    if (result < 0)
        return result;
    if (returned.count == 0) {
        sl_task_explain(task, "%s: the function returned nothing; return the combined value (nil is a value)",
                        r->what);
        return SL_EGROUP;
    }
    if (returned.count > 1)
        return sl_task_explain(task,
                               "%s: the function returned %u values; return one (a list may hold several)",
                               r->what, returned.count);
    *ret = values[0];
    return 0;
}

/* Adds the two values that could not be combined: of a group's letter they are what the function failed on first. */
static void name_pair(struct sl_task *task, const struct sl_field *pair)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    size_t len = strlen(task->message);
    bool ok = sl_json_field(&text, &pair[0], NULL) && sl_buf_text(&text, " and ") &&
              sl_json_field(&text, &pair[1], NULL);
    if (ok && len < sizeof task->message)
        snprintf(task->message + len, sizeof task->message - len, "; combining %.*s",
                 (int)(text.len < 200 ? text.len : 200), (const char *)text.bytes);
}

static int call_two(const struct sl_function_reducer *r, const struct sl_function *fn, struct sl_task *task,
                    struct sl_arena *keep, const struct sl_field *a, const struct sl_field *b,
                    union sl_state *state)
{
    struct sl_field argv[2] = {*a, *b}, value;
    int result = call_one(r, fn, task, argv, 2, &value);
    if (result == SL_EREJECT || result == SL_EGROUP)
        name_pair(task, argv);
    return result < 0 ? result : keep_value(keep, &value, state);
}

/* Which worker combines what splits gave, and what it did before, is a matter of chance: math.random depends on the two
 * values there (task->keys); of a window on them alone: a start, or another process, combines batches anew. */
static int combine_two(const struct sl_function_reducer *r, const struct sl_function *fn,
                       struct sl_task *task, struct sl_arena *keep, union sl_state *state,
                       const union sl_state *other)
{
    const struct sl_field both[2] = {cell_of(state)->value, cell_of(other)->value};
    const struct sl_field pair = sl_list(both, 2);
    task->keys = &pair;
    task->is_over_batches = r->over_batches;
    task->row = 0;
    int result = call_two(r, fn, task, keep, &both[0], &both[1], state);
    task->keys = NULL;
    task->is_over_batches = false;
    return result;
}

static int begin(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                 const struct sl_field *value, union sl_state *ret)
{
    const struct sl_function_reducer *r = own(reducer);
    struct sl_field created;
    ret->pointer = NULL;
    if (r->has_zero)
        return call_two(r, r->merge, task, keep, &r->zero, value, ret);
    if (!r->create)
        return keep_value(keep, value, ret);
    int result = call_one(r, r->create, task, value, 1, &created);
    return result < 0 ? result : keep_value(keep, &created, ret);
}

static int create(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret)
{
    int r = begin(reducer, task, keep, value, ret);
    if (r == 0)
        cell_of(ret)->records = 1;
    return r;
}

static int merge(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    int r = call_two(own(reducer), own(reducer)->merge, task, keep, &cell_of(state)->value, value, state);
    cell_of(state)->records += r == 0;
    return r;
}

static uint32_t merge_rows(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                           union sl_state *const *states, const struct sl_field *values, const uint16_t *row,
                           uint32_t count)
{
    const struct sl_function *fn = own(reducer)->merge;
    struct sl_field *cells[SL_CHUNK_ROWS];
    if (!fn->ops->fold_rows)
        return 0;
    for (uint32_t k = 0; k < count; k++)
        cells[k] = states[k]->pointer;
    uint32_t done = fn->ops->fold_rows(fn, task, keep, cells, values, row, count);
    for (uint32_t k = 0; k < done; k++)
        cell_of(states[k])->records++;
    return done;
}

static int combine(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    int r = combine_two(own(reducer), own(reducer)->combine, task, keep, state, other);
    cell_of(state)->records += r == 0 ? cell_of(other)->records : 0;
    return r;
}

enum { PAIRS_MAX = 512 }; /* at once */

/* The states are those of different groups. */
static uint32_t combine_rows(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                             union sl_state *const *states, const union sl_state *const *others,
                             uint32_t count)
{
    const struct sl_function *fn = own(reducer)->combine;
    struct sl_field *cells[PAIRS_MAX], values[PAIRS_MAX], both[PAIRS_MAX][2], pair[PAIRS_MAX];
    uint16_t row[PAIRS_MAX];
    if (!fn->ops->fold_rows)
        return 0;
    if (count > PAIRS_MAX)
        count = PAIRS_MAX;
    for (uint32_t k = 0; k < count; k++) {
        cells[k] = states[k]->pointer;
        values[k] = cell_of(others[k])->value;
        row[k] = (uint16_t)k;
        both[k][0] = *cells[k];
        both[k][1] = values[k];
        pair[k] = sl_list(both[k], 2);
    }
    task->keys = pair; /* as in combine_two */
    task->is_over_batches = own(reducer)->over_batches;
    uint32_t done = fn->ops->fold_rows(fn, task, keep, cells, values, row, count);
    task->keys = NULL;
    task->is_over_batches = false;
    for (uint32_t k = 0; k < done; k++)
        cell_of(states[k])->records += cell_of(others[k])->records;
    return done;
}

static int inverse(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    int r = combine_two(own(reducer), own(reducer)->inverse, task, keep, state, other);
    cell_of(state)->records -= r == 0 ? cell_of(other)->records : 0;
    return r;
}

static int finish(const struct sl_reducer *reducer, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    *ret = cell_of(state)->value;
    return 0;
}

static int decode(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *encoded, union sl_state *ret)
{
    ret->pointer = NULL;
    int r = keep_value(keep, encoded, ret);
    if (r == 0)
        cell_of(ret)->records = 1;
    return r;
}

static int64_t records(const union sl_state *state)
{
    return cell_of(state)->records;
}

static int set_records(struct sl_arena *keep, union sl_state *state, int64_t records)
{
    cell_of(state)->records = records;
    return 0;
}

static int copy(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                const union sl_state *state, union sl_state *ret)
{
    int r = decode(reducer, task, keep, &cell_of(state)->value, ret);
    return r < 0 ? r : set_records(keep, ret, cell_of(state)->records);
}

static const struct sl_reducer_ops plain = {
    .create = create,
    .merge = merge,
    .merge_rows = merge_rows,
    .combine = combine,
    .combine_rows = combine_rows,
    .finish = finish,
    .encode = finish,
    .decode = decode,
    .records = records,
    .set_records = set_records,
    .copy = copy,
};

static const struct sl_reducer_ops invertible = {
    .create = create,
    .merge = merge,
    .merge_rows = merge_rows,
    .combine = combine,
    .combine_rows = combine_rows,
    .inverse = inverse,
    .finish = finish,
    .encode = finish,
    .decode = decode,
    .records = records,
    .set_records = set_records,
    .copy = copy,
};

void sl_function_reducer_init(struct sl_function_reducer *reducer)
{
    reducer->reducer.ops = reducer->inverse ? &invertible : &plain;
}
