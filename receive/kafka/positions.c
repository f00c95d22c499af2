#include "receive/kafka/positions.h"

#include "core/base/array.h"
#include "receive/kafka/partitions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sl_kafka_positions_done(struct sl_kafka_positions *positions)
{
    for (size_t i = 0; i < positions->count; i++)
        free(positions->item[i].topic);
    free(positions->item);
    *positions = (struct sl_kafka_positions){0};
}

static int compare(const void *a, const void *b)
{
    const struct sl_kafka_position *left = a, *right = b;
    return sl_kafka_partition_compare(left->topic, left->partition, right->topic, right->partition);
}

void sl_kafka_positions_sort(struct sl_kafka_positions *positions)
{
    if (positions->count)
        qsort(positions->item, positions->count, sizeof *positions->item, compare);
}

const struct sl_kafka_position *sl_kafka_positions_find(const struct sl_kafka_positions *positions,
                                                        const char *topic, int32_t partition)
{
    const struct sl_kafka_position wanted = {.topic = (char *)topic, .partition = partition};
    return positions->count
               ? bsearch(&wanted, positions->item, positions->count, sizeof *positions->item, compare)
               : NULL;
}

int sl_kafka_positions_add(struct sl_kafka_positions *positions, const char *topic, int32_t partition,
                           int64_t from, int64_t to, struct sl_error *err)
{
    struct sl_kafka_position *grown =
        sl_array_grow(positions->item, positions->count, &positions->capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    positions->item = grown;
    char *copy = strdup(topic);
    if (!copy)
        return sl_error_nomem(err);
    grown[positions->count++] = (struct sl_kafka_position){copy, partition, from, to};
    return 0;
}

bool sl_kafka_positions_append(const struct sl_kafka_positions *positions, struct sl_buf *ret)
{
    const char *topic = NULL;
    for (const struct sl_kafka_position *at = positions->item; at < positions->item + positions->count;
         at++) {
        sl_kafka_partitions_next(ret, &topic, at->topic, at->partition);
        sl_buf_printf(ret, "[%" PRId64 ",%" PRId64 "]", at->from, at->to);
    }
    sl_kafka_partitions_end(ret, topic);
    return !ret->failed;
}

/* ---- reading ---- */

#define WHAT "the offsets of a Kafka source"

static int read_offsets(void *arg, const char *topic, int32_t partition, const struct sl_field *pair,
                        struct sl_error *err)
{
    bool is_pair = pair->tag == SL_LIST && pair->len == 2 && pair->items[0].tag == SL_INT &&
                   pair->items[1].tag == SL_INT;
    if (!is_pair || pair->items[0].integer < 0 || pair->items[0].integer > pair->items[1].integer)
        return SL_EDAMAGED;
    return sl_kafka_positions_add(arg, topic, partition, pair->items[0].integer, pair->items[1].integer, err);
}

int sl_kafka_positions_parse(const void *text, size_t len, struct sl_kafka_positions *ret,
                             struct sl_error *err)
{
    *ret = (struct sl_kafka_positions){0};
    int r = sl_kafka_partitions_parse(text, len, WHAT, read_offsets, ret, err);
    sl_kafka_positions_sort(ret);
    for (size_t i = 1; r == 0 && i < ret->count; i++)
        if (compare(&ret->item[i - 1], &ret->item[i]) == 0) /* "0" and "00" */
            r = sl_error_set(err, SL_EDAMAGED, WHAT " are not what was written");
    return r;
}
