/* histogram(edges): bucket i holds the numbers from edge i up to edge i + 1, the last one that edge, too; numbers
 * outside are not counted. The state is the counts, int64_t in the arena; the encoding and the result the list of
 * them. */
#include "ops/reducer/histogram.h"

#include "core/base/bisect.h"
#include "ops/builtin/function.h"

#include <string.h>

static const struct sl_histogram *own(const struct sl_reducer *r)
{
    return (const struct sl_histogram *)r;
}

static uint32_t bucket_count(const struct sl_reducer *r)
{
    return own(r)->edges - 1;
}

static bool is_number(const struct sl_field *value)
{
    return value->tag == SL_INT || (value->tag == SL_FLOAT && value->number == value->number);
}

int sl_histogram_check(const struct sl_field *edges, struct sl_error *err)
{
    if (edges->tag != SL_LIST || edges->len < 2 || edges->len > SL_HISTOGRAM_EDGES_MAX)
        return sl_error_set(err, SL_EUSAGE, "histogram: edges must be a list of 2 to %d numbers",
                            SL_HISTOGRAM_EDGES_MAX);
    for (uint32_t i = 0; i < edges->len; i++) {
        const struct sl_field *edge = &edges->items[i];
        if (!is_number(edge))
            return sl_error_set(err, SL_EUSAGE, "histogram: edge %u is no number", i + 1);
        if (i && sl_field_compare(edge - 1, edge) >= 0)
            return sl_error_set(err, SL_EUSAGE, "histogram: edge %u is not greater than the one before it",
                                i + 1);
    }
    return 0;
}

/* Adds to the bucket of the value, if there is one. */
static void count_value(const struct sl_reducer *r, int64_t *counts, const struct sl_field *value)
{
    const struct sl_histogram *histogram = own(r);
    /* Edges before `from` are not greater, those from `from` on are. */
    size_t from = SL_BISECT(i, 0, histogram->edges, sl_field_compare(&histogram->edge[i], value) <= 0);
    bool is_last_edge = from == histogram->edges && sl_field_compare(&histogram->edge[from - 1], value) == 0;
    if (from > 0 && (from < histogram->edges || is_last_edge))
        counts[from - (is_last_edge ? 2 : 1)]++;
}

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    if (value->tag != SL_INT && value->tag != SL_FLOAT)
        return sl_task_explain(task, "histogram: the value is of type %s, a number is wanted",
                               sl_tag_name((enum sl_tag)value->tag));
    if (is_number(value))
        count_value(r, state->pointer, value);
    return 0;
}

static int create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret)
{
    union sl_state state = {.pointer = sl_arena_calloc(keep, bucket_count(r), sizeof(int64_t))};
    int failed = state.pointer ? merge(r, task, keep, &state, value) : SL_ENOMEM;
    if (failed == 0)
        *ret = state;
    return failed;
}

static void add(const struct sl_reducer *r, union sl_state *state, const union sl_state *other, int64_t sign)
{
    int64_t *counts = state->pointer;
    const int64_t *more = other->pointer;
    for (uint32_t i = 0; i < bucket_count(r); i++)
        counts[i] += sign * more[i];
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    add(r, state, other, 1);
    return 0;
}

static int inverse(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    add(r, state, other, -1);
    return 0;
}

static int finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    const int64_t *counts = state->pointer;
    struct sl_field *item = sl_arena_alloc(task->scratch, bucket_count(r) * sizeof *item);
    for (uint32_t i = 0; item && i < bucket_count(r); i++)
        item[i] = sl_integer(counts[i]);
    *ret = sl_list(item, bucket_count(r));
    return item ? 0 : SL_ENOMEM;
}

static int decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *encoded, union sl_state *ret)
{
    int64_t *counts = sl_arena_calloc(keep, bucket_count(r), sizeof *counts);
    bool fits = encoded->tag == SL_LIST && encoded->len == bucket_count(r);
    if (!counts)
        return SL_ENOMEM;
    for (uint32_t i = 0; fits && i < encoded->len; i++) {
        fits = encoded->items[i].tag == SL_INT;
        counts[i] = encoded->items[i].integer;
    }
    ret->pointer = counts;
    return fits ? 0 : sl_error_set(task->err, SL_EDAMAGED, "a stored histogram is damaged");
}

static int copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                const union sl_state *state, union sl_state *ret)
{
    ret->pointer = sl_arena_alloc(keep, bucket_count(r) * sizeof(int64_t));
    if (!ret->pointer)
        return SL_ENOMEM;
    memcpy(ret->pointer, state->pointer, bucket_count(r) * sizeof(int64_t));
    return 0;
}

static const struct sl_reducer_ops histogram_ops = {
    .exact = true,
    .has_own_forms = true,
    .create = create,
    .merge = merge,
    .combine = combine,
    .inverse = inverse,
    .finish = finish,
    .encode = finish,
    .decode = decode,
    .copy = copy,
};

void sl_histogram_init(struct sl_histogram *histogram, const struct sl_field *edges)
{
    *histogram = (struct sl_histogram){{&histogram_ops}, edges->items, edges->len};
}

/* ---- the built-in ---- */

static int make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                struct sl_function **ret, struct sl_error *err)
{
    struct sl_function *fn;
    struct sl_field edges;
    int r = sl_histogram_check(&argv[0].value, err);
    r = r < 0 ? r : sl_builtin_reducer(NULL, &fn, err);
    if (r < 0)
        return r;
    struct sl_arena *arena = &((struct sl_builtin_function *)fn)->arena;
    struct sl_histogram *histogram = sl_arena_alloc(arena, sizeof *histogram);
    if (!histogram || !sl_field_copy(arena, &argv[0].value, &edges)) {
        sl_builtin_free(fn);
        return sl_error_nomem(err);
    }
    sl_histogram_init(histogram, &edges);
    fn->reducer = &histogram->reducer;
    *ret = fn;
    return 0;
}

static const struct sl_param params[] = {
    {"edges", SL_WANT_LIST, false,
     "numbers in ascending order: where the buckets begin, and where the last ends"},
    {0},
};

const struct sl_builtin sl_native_histogram = {
    .name = "histogram",
    .family = "reducers",
    .summary = "How many numbers are in each bucket, a list; the last bucket includes its end",
    .example =
        "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.histogram({0, 2, 10, 50}))",
    .params = params,
    .make = make,
};
