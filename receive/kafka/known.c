#include "receive/kafka/known.h"

#include "receive/kafka/positions.h"

#include <string.h>

static bool is_text(const struct sl_field *field, const char *text)
{
    return field->tag == SL_STR && field->len == strlen(text) && memcmp(field->str, text, field->len) == 0;
}

bool sl_kafka_reads(const struct sl_node *node, const char *topic)
{
    struct sl_field topics = sl_node_value(node, 0);
    if (topics.tag != SL_LIST)
        return is_text(&topics, topic);
    for (uint32_t i = 0; i < topics.len; i++)
        if (is_text(&topics.items[i], topic))
            return true;
    return false;
}

int sl_kafka_known_offsets(const struct sl_node *node, const struct sl_buf *document, int64_t *ret,
                           struct sl_error *err)
{
    SL_CLEANUP(sl_kafka_positions_done) struct sl_kafka_positions positions = {0};
    *ret = -1;
    int r = document->len ? sl_kafka_positions_parse(document->bytes, document->len, &positions, err) : 0;
    if (r == SL_EDAMAGED)
        return 0; /* that of a source of another kind */
    for (size_t i = 0; r == 0 && i < positions.count; i++)
        if (sl_kafka_reads(node, positions.item[i].topic))
            *ret = (*ret < 0 ? 0 : *ret) + positions.item[i].to;
    return r;
}
