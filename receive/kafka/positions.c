#include "receive/kafka/positions.h"

#include "core/base/array.h"
#include "text/json.h"

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

int sl_kafka_partition_compare(const char *topic, int32_t partition, const char *other_topic,
                               int32_t other_partition)
{
    int order = strcmp(topic, other_topic);
    return order ? order : (partition > other_partition) - (partition < other_partition);
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
    sl_buf_byte(ret, '{');
    for (size_t i = 0; i < positions->count; i++) {
        const struct sl_kafka_position *at = &positions->item[i];
        if (!topic || strcmp(topic, at->topic) != 0) {
            sl_buf_text(ret, topic ? "}," : "");
            sl_json_string(ret, at->topic, strlen(at->topic), NULL);
            sl_buf_text(ret, ":{");
        } else
            sl_buf_byte(ret, ',');
        topic = at->topic;
        sl_buf_printf(ret, "\"%" PRId32 "\":[%" PRId64 ",%" PRId64 "]", at->partition, at->from, at->to);
    }
    sl_buf_text(ret, topic ? "}}" : "}");
    return !ret->failed;
}

/* ---- reading ---- */

static int damaged(struct sl_error *err)
{
    return sl_error_set(err, SL_EDAMAGED, "the offsets of a Kafka source are not what was written");
}

bool sl_kafka_partition_number(const struct sl_field *text, int32_t *ret)
{
    int64_t number = 0;
    for (uint32_t i = 0; i < text->len; i++) {
        if (text->str[i] < '0' || text->str[i] > '9' || number > INT32_MAX / 10)
            return false;
        number = number * 10 + text->str[i] - '0';
    }
    *ret = (int32_t)number;
    return text->len > 0 && number <= INT32_MAX;
}

static bool read_offsets(const struct sl_field *pair, int64_t *ret_from, int64_t *ret_to)
{
    bool is_pair = pair->tag == SL_LIST && pair->len == 2 && pair->items[0].tag == SL_INT &&
                   pair->items[1].tag == SL_INT;
    if (!is_pair || pair->items[0].integer < 0 || pair->items[0].integer > pair->items[1].integer)
        return false;
    *ret_from = pair->items[0].integer;
    *ret_to = pair->items[1].integer;
    return true;
}

static int read_topic(const struct sl_field *name, const struct sl_field *partitions,
                      struct sl_kafka_positions *ret, struct sl_error *err)
{
    char *topic = strndup((const char *)name->str, name->len);
    int r = !topic                       ? sl_error_nomem(err)
            : partitions->tag != SL_MAP  ? damaged(err)
            : strlen(topic) != name->len ? damaged(err)
                                         : 0;
    for (uint32_t i = 0; r == 0 && i < partitions->len; i++) {
        int32_t number;
        int64_t from, to;
        if (sl_kafka_partition_number(&partitions->items[2 * i], &number) &&
            read_offsets(&partitions->items[2 * i + 1], &from, &to))
            r = sl_kafka_positions_add(ret, topic, number, from, to, err);
        else
            r = damaged(err);
    }
    free(topic);
    return r;
}

static int read_all(const struct sl_field *topics, struct sl_kafka_positions *ret, struct sl_error *err)
{
    int r = topics->tag == SL_MAP ? 0 : damaged(err);
    for (uint32_t i = 0; r == 0 && i < topics->len; i++)
        r = read_topic(&topics->items[2 * i], &topics->items[2 * i + 1], ret, err);
    sl_kafka_positions_sort(ret);
    for (size_t i = 1; r == 0 && i < ret->count; i++)
        if (compare(&ret->item[i - 1], &ret->item[i]) == 0)
            r = damaged(err); /* "0" and "00" */
    return r;
}

int sl_kafka_positions_parse(const void *text, size_t len, struct sl_kafka_positions *ret,
                             struct sl_error *err)
{
    SL_CLEANUP(sl_arena_done) struct sl_arena arena = {0};
    struct sl_field topics;
    const char *message;
    size_t at;
    *ret = (struct sl_kafka_positions){0};
    int r = sl_json_parse(&arena, text, len, &topics, &message, &at);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r < 0 ? damaged(err) : read_all(&topics, ret, err);
}
