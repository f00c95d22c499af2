#include "core/contract/lanes.h"

#include "core/base/array.h"

#include <stdlib.h>

void sl_lanes_init(struct sl_lanes *lanes)
{
    *lanes = (struct sl_lanes){0};
    lanes->ready = pthread_mutex_init(&lanes->lock, NULL) == 0;
    sl_assert(lanes->ready);
}

void sl_lanes_done(struct sl_lanes *lanes)
{
    free(lanes->head);
    if (lanes->ready)
        pthread_mutex_destroy(&lanes->lock);
    *lanes = (struct sl_lanes){0};
}

static bool make_room(struct sl_lanes *lanes)
{
    struct sl_lane_head **head = sl_array_grow(lanes->head, lanes->count, &lanes->capacity, sizeof *head);
    if (!head)
        return false;
    lanes->head = head;
    return true;
}

int sl_lanes_add(struct sl_lanes *lanes, struct sl_lane *lane, struct sl_lane_head *head)
{
    head->position = lane->position;
    pthread_mutex_lock(&lanes->lock);
    bool room = make_room(lanes);
    if (room)
        lanes->head[lanes->count++] = head;
    pthread_mutex_unlock(&lanes->lock);
    if (!room)
        return SL_ENOMEM;
    lane->state = head;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct sl_lane_head *const *left = a, *const *right = b;
    return sl_position_compare(&(*left)->position, &(*right)->position);
}

void sl_lanes_sort(struct sl_lanes *lanes)
{
    if (lanes->count > 1)
        qsort(lanes->head, lanes->count, sizeof(struct sl_lane_head *), compare);
}

bool sl_lanes_same_partition(const struct sl_lane_head *a, const struct sl_lane_head *b)
{
    const struct sl_position *left = &a->position, *right = &b->position;
    return left->input == right->input && left->path == right->path && left->partition == right->partition;
}
