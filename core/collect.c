/* Lanes are registered when they open, not when they close: after a failure nobody closes them, and done()
 * must find what they hold. */
#include "output/collect.h"

#include <stdlib.h>

struct sl_collect_lane {
    struct sl_position position;
    struct sl_rows *rows;
};

void sl_collect_init(struct sl_collect *collect, uint64_t rows_max)
{
    *collect = (struct sl_collect){.rows_max = rows_max};
    collect->ready = pthread_mutex_init(&collect->lock, NULL) == 0;
    sl_assert(collect->ready);
}

static void lane_free(struct sl_collect_lane *lane)
{
    if (lane)
        sl_rows_unref(lane->rows);
    free(lane);
}

void sl_collect_done(struct sl_collect *collect)
{
    for (size_t i = 0; i < collect->count; i++)
        lane_free(collect->lane[i]);
    free(collect->lane);
    sl_dataset_unref(collect->taken);
    if (collect->ready)
        pthread_mutex_destroy(&collect->lock);
    *collect = (struct sl_collect){0};
}

static bool collect_grow(struct sl_collect *collect)
{
    if (collect->count < collect->capacity)
        return true;
    size_t capacity = collect->capacity ? 2 * collect->capacity : 16;
    struct sl_collect_lane **lane = reallocarray(collect->lane, capacity, sizeof *lane);
    if (!lane)
        return false;
    collect->lane = lane;
    collect->capacity = capacity;
    return true;
}

static bool collect_register(struct sl_collect *collect, struct sl_collect_lane *lane)
{
    pthread_mutex_lock(&collect->lock);
    bool room = collect_grow(collect);
    if (room)
        collect->lane[collect->count++] = lane;
    pthread_mutex_unlock(&collect->lock);
    return room;
}

int sl_collect_lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_collect *collect = stage->state;
    struct sl_collect_lane *mine = calloc(1, sizeof *mine);
    if (!mine)
        return sl_error_nomem(lane->task->err);
    mine->position = lane->position;
    mine->rows = sl_rows_new();
    if (!mine->rows || !collect_register(collect, mine)) {
        lane_free(mine);
        return sl_error_nomem(lane->task->err);
    }
    lane->state = mine;
    return 0;
}

int sl_collect_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    const struct sl_collect *collect = stage->state;
    struct sl_collect_lane *mine = lane->state;
    uint64_t room = collect->rows_max - mine->rows->count;
    if (room == 0)
        return 0;
    if (room >= in->rows)
        return sl_rows_append(mine->rows, in) < 0 ? sl_error_nomem(lane->task->err) : 0;
    struct sl_chunk beginning = *in;
    beginning.rows = (uint32_t)room;
    return sl_rows_append(mine->rows, &beginning) < 0 ? sl_error_nomem(lane->task->err) : 0;
}

int sl_collect_take(struct sl_stage *stage, unsigned input, struct sl_dataset *dataset)
{
    struct sl_collect *collect = stage->state;
    sl_assert(input == 0 && !collect->taken);
    collect->taken = sl_dataset_ref(dataset);
    return 0;
}

static int lane_compare(const void *a, const void *b)
{
    const struct sl_collect_lane *const *left = a, *const *right = b;
    return sl_position_compare(&(*left)->position, &(*right)->position);
}

static bool same_partition(const struct sl_position *a, const struct sl_position *b)
{
    return a->input == b->input && a->path == b->path && a->partition == b->partition;
}

/* Pieces of one partition become one partition again. */
static int add_lanes(struct sl_dataset *dataset, struct sl_collect_lane *const *lane, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool begins = i == 0 || !same_partition(&lane[i - 1]->position, &lane[i]->position);
        if (begins && sl_dataset_add_partition(dataset) < 0)
            return SL_ENOMEM;
        struct sl_rows *rows = lane[i]->rows;
        if (sl_dataset_add(dataset, dataset->partitions - 1, rows, 0, rows->count) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

int sl_collect_dataset(struct sl_collect *collect, struct sl_dataset **ret, struct sl_error *err)
{
    sl_assert(!collect->taken || collect->count == 0);
    if (collect->taken) {
        *ret = sl_dataset_ref(collect->taken);
        return 0;
    }
    struct sl_dataset *dataset = sl_dataset_new(0);
    if (!dataset)
        return sl_error_nomem(err);
    if (collect->count > 1)
        qsort(collect->lane, collect->count, sizeof *collect->lane, lane_compare);
    if (add_lanes(dataset, collect->lane, collect->count) < 0) {
        sl_dataset_unref(dataset);
        return sl_error_nomem(err);
    }
    *ret = dataset;
    return 0;
}
