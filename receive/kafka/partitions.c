#include "receive/kafka/partitions.h"

#include "core/base/arena.h"
#include "text/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int sl_kafka_partition_compare(const char *topic, int32_t partition, const char *other_topic,
                               int32_t other_partition)
{
    int order = strcmp(topic, other_topic);
    return order ? order : (partition > other_partition) - (partition < other_partition);
}

/* ---- writing ---- */

void sl_kafka_partitions_next(struct sl_buf *ret, const char **previous, const char *topic, int32_t partition)
{
    if (*previous && strcmp(*previous, topic) == 0) {
        sl_buf_byte(ret, ',');
    } else {
        sl_buf_text(ret, *previous ? "}," : "{");
        sl_json_string(ret, topic, strlen(topic), NULL);
        sl_buf_text(ret, ":{");
    }
    *previous = topic;
    sl_buf_printf(ret, "\"%" PRId32 "\":", partition);
}

void sl_kafka_partitions_end(struct sl_buf *ret, const char *previous)
{
    sl_buf_text(ret, previous ? "}}" : "{}");
}

/* ---- reading ---- */

static bool read_number(const struct sl_field *text, int32_t *ret)
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

static int read_partitions(const char *topic, const struct sl_field *partitions,
                           sl_kafka_partition_read *read, void *arg, struct sl_error *err)
{
    int r = partitions->tag == SL_MAP ? 0 : SL_EDAMAGED;
    for (uint32_t i = 0; r == 0 && i < partitions->len; i++) {
        int32_t number;
        r = read_number(&partitions->items[2 * i], &number)
                ? read(arg, topic, number, &partitions->items[2 * i + 1], err)
                : SL_EDAMAGED;
    }
    return r;
}

static int read_topic(const struct sl_field *name, const struct sl_field *partitions,
                      sl_kafka_partition_read *read, void *arg, struct sl_error *err)
{
    char *topic = strndup((const char *)name->str, name->len);
    if (!topic)
        return sl_error_nomem(err);
    int r = strlen(topic) == name->len ? read_partitions(topic, partitions, read, arg, err) : SL_EDAMAGED;
    free(topic);
    return r;
}

int sl_kafka_partitions_parse(const void *text, size_t len, const char *what, sl_kafka_partition_read *read,
                              void *arg, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_done) struct sl_arena arena = {0};
    struct sl_field topics;
    const char *message;
    size_t at;
    int r = sl_json_parse(&arena, text, len, &topics, &message, &at);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    r = r == 0 && topics.tag == SL_MAP ? 0 : SL_EDAMAGED;
    for (uint32_t i = 0; r == 0 && i < topics.len; i++)
        r = read_topic(&topics.items[2 * i], &topics.items[2 * i + 1], read, arg, err);
    return r == SL_EDAMAGED ? sl_error_set(err, r, "%s are not what was written", what) : r;
}
