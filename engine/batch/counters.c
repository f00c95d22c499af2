#include "engine/batch/counters.h"

#include "ops/reducer/total.h"

#include <stdlib.h>
#include <string.h>

/* What one worker has counted in the batch. */
struct sl_counts {
    size_t count;
    struct sl_arena arena;
    union sl_state *total; /* [count]: ops/reducer/total.h */
};

static const union sl_state nothing = {.integer = 1}; /* the total of no values */

/* ---- names: any thread ---- */

static int find(const struct sl_context *context, const char *name)
{
    for (size_t i = 0; i < context->counters; i++)
        if (strcmp(context->counter[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int append(struct sl_context *context, const char *name, struct sl_field initial)
{
    if (context->counters >= SL_COUNTERS_MAX)
        return SL_EUSAGE;
    struct sl_counted *grown = realloc(context->counter, (context->counters + 1) * sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    context->counter = grown;
    char *copy = strdup(name);
    if (!copy)
        return SL_ENOMEM;
    grown[context->counters] = (struct sl_counted){copy, initial};
    return (int)context->counters++;
}

int sl_counter_declare(struct sl_context *context, const char *name, struct sl_field initial)
{
    pthread_mutex_lock(&context->counter_lock);
    int number = find(context, name);
    if (number < 0)
        number = append(context, name, initial);
    pthread_mutex_unlock(&context->counter_lock);
    return number;
}

struct sl_field sl_counter_value(struct sl_context *context, size_t number)
{
    pthread_mutex_lock(&context->counter_lock);
    struct sl_field value = context->counter[number].value;
    pthread_mutex_unlock(&context->counter_lock);
    return value;
}

/* ---- a run ---- */

int sl_counters_open(struct sl_run *run, struct sl_error *err)
{
    for (unsigned w = 0; w < sl_pool_workers(run->pool); w++) {
        run->task[w].counts = calloc(1, sizeof(struct sl_counts));
        if (!run->task[w].counts)
            return sl_error_nomem(err);
    }
    return 0;
}

void sl_counters_close(struct sl_run *run)
{
    for (unsigned w = 0; run->task && w < sl_pool_workers(run->pool); w++) {
        struct sl_counts *counts = run->task[w].counts;
        if (!counts)
            continue;
        sl_arena_done(&counts->arena);
        free(counts->total);
        free(counts);
        run->task[w].counts = NULL;
    }
    free(run->counters_next);
    run->counters_next = NULL;
}

static int add_loaded(void *arg, const char *name, struct sl_field value)
{
    struct sl_context *context = arg;
    int number = sl_counter_declare(context, name, value);
    if (number >= 0)
        context->counter[number].value = value;
    return number < 0 ? number : 0;
}

int sl_counters_load(struct sl_run *run, struct sl_error *err)
{
    return sl_catalog_each_counter(run->catalog, add_loaded, run->context, err);
}

static bool make_room(struct sl_counts *counts, size_t number)
{
    if (number < counts->count)
        return true;
    union sl_state *grown = realloc(counts->total, (number + 1) * sizeof *grown);
    if (!grown)
        return false;
    counts->total = grown;
    while (counts->count <= number)
        grown[counts->count++] = nothing;
    return true;
}

int sl_counters_add(struct sl_task *task, size_t number, const struct sl_field *value)
{
    struct sl_counts *counts = task->counts;
    if (!counts || !make_room(counts, number))
        return counts ? SL_ENOMEM : 0; /* without counts nothing is committed */
    return sl_total_merge("counter", task, &counts->arena, &counts->total[number], value);
}

/* ---- other processes ---- */

int sl_counters_encode(struct sl_task *task, size_t number, struct sl_field *ret)
{
    const struct sl_counts *counts = task->counts;
    if (!counts || number >= counts->count || memcmp(&counts->total[number], &nothing, sizeof nothing) == 0)
        return 0;
    int r = sl_total_encode(task, &counts->total[number], ret);
    return r < 0 ? r : 1;
}

int sl_counters_add_total(struct sl_task *task, size_t number, const struct sl_field *encoded)
{
    struct sl_counts *counts = task->counts;
    union sl_state total;
    if (!counts || !make_room(counts, number))
        return counts ? SL_ENOMEM : 0;
    int r = sl_total_decode(task, &counts->arena, encoded, &total);
    if (r < 0)
        return r == SL_ENOMEM ? r : SL_EDAMAGED;
    return sl_total_combine(&counts->arena, &counts->total[number], &total, false);
}

/* ---- batches ---- */

void sl_counters_reset(struct sl_run *run)
{
    for (unsigned w = 0; w < sl_pool_workers(run->pool); w++) {
        struct sl_counts *counts = run->task[w].counts;
        run->task[w].replaced = 0;
        for (size_t i = 0; counts && i < counts->count; i++)
            counts->total[i] = nothing;
        if (counts && counts->count)
            sl_arena_reset(&counts->arena);
    }
}

uint64_t sl_counters_replaced(const struct sl_run *run)
{
    uint64_t replaced = 0;
    for (unsigned w = 0; w < sl_pool_workers(run->pool); w++)
        replaced += run->task[w].replaced;
    return replaced;
}

/* Integers stay integers while they fit. */
static struct sl_field sum(struct sl_field a, struct sl_field b)
{
    int64_t integer;
    if (a.tag == SL_INT && b.tag == SL_INT && !__builtin_add_overflow(a.integer, b.integer, &integer))
        return sl_integer(integer);
    double x = a.tag == SL_INT ? (double)a.integer : a.number;
    double y = b.tag == SL_INT ? (double)b.integer : b.number;
    return sl_number(x + y);
}

static int gather_one(struct sl_run *run, size_t number, struct sl_field *ret)
{
    struct sl_task *main_task = &run->task[0];
    union sl_state total = nothing;
    struct sl_field value;
    int r = 0;
    sl_arena_reset(main_task->scratch);
    for (unsigned w = 0; r == 0 && w < sl_pool_workers(run->pool); w++)
        if (number < run->task[w].counts->count)
            r = sl_total_combine(main_task->scratch, &total, &run->task[w].counts->total[number], false);
    r = r < 0 ? r : sl_total_value("counter", main_task, &total, &value);
    if (r == SL_EREJECT) { /* beyond 64 bits */
        value = sl_number(0);
        r = sl_total_mean(main_task, &total, 1, &value.number);
    }
    if (r == 0)
        *ret = sum(run->context->counter[number].value, value);
    return r;
}

int sl_counters_gather(struct sl_run *run, struct sl_error *err)
{
    size_t count = run->context->counters;
    struct sl_counted *grown = realloc(run->counters_next, (count + 1) * sizeof *grown);
    int r = grown ? 0 : SL_ENOMEM;
    if (grown)
        run->counters_next = grown;
    for (size_t i = 0; r == 0 && i < count; i++) {
        grown[i].name = run->context->counter[i].name;
        r = gather_one(run, i, &grown[i].value);
    }
    return r < 0 ? sl_error_nomem(err) : 0;
}

void sl_counters_committed(struct sl_run *run)
{
    for (size_t i = 0; i < run->context->counters; i++)
        run->context->counter[i].value = run->counters_next[i].value;
}
