#include "receive/kafka/source.h"

#include "text/number.h"

#include <stdio.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    AHEAD_BYTES = 256000000,
    PERIOD_MIN_MS = 50,
    PERIOD_MAX_MS = 1000,
    TOPICS_EVERY_MS = 5000,
    TOPIC_BYTES_MAX = 249, /* Kafka's limit for names */
    PATTERN_BYTES_MAX = 1024,
};

/* ---- topics ---- */

static int check_topic(const struct sl_field *topic, struct sl_error *err)
{
    if (topic->tag != SL_STR || !topic->len || memchr(topic->str, 0, topic->len) ||
        topic->len > (topic->str[0] == '^' ? PATTERN_BYTES_MAX : TOPIC_BYTES_MAX))
        return sl_error_set(err, SL_EUSAGE,
                            "topics must be names of 1 to %d bytes, or patterns that begin with '^'",
                            TOPIC_BYTES_MAX);
    for (uint32_t i = 0; topic->str[0] != '^' && i < topic->len; i++) {
        char c = (char)topic->str[i];
        bool is_legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '.' || c == '_' || c == '-';
        if (!is_legal)
            return sl_error_set(err, SL_EUSAGE,
                                "topics: Kafka's names have letters, digits, '.', '_' and '-'; a pattern "
                                "begins with '^'");
    }
    return 0;
}

/* One name or a list of them. */
static const struct sl_field *topics_of(const struct sl_node *node, struct sl_field *given,
                                        uint32_t *ret_count)
{
    *given = sl_node_value(node, 0);
    *ret_count = given->tag == SL_LIST ? given->len : 1;
    return given->tag == SL_LIST ? given->items : given;
}

static int check_topics(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field given;
    uint32_t count;
    const struct sl_field *topic = topics_of(node, &given, &count);
    int r = count ? 0 : sl_error_set(err, SL_EUSAGE, "topics names none");
    for (uint32_t i = 0; i < count && r == 0; i++) {
        r = check_topic(&topic[i], err);
        for (uint32_t other = 0; other < i && r == 0; other++)
            if (sl_field_equals(&topic[i], &topic[other]))
                r = sl_error_set(err, SL_EUSAGE, "topics names %.*s twice", (int)topic[i].len,
                                 (const char *)topic[i].str);
    }
    return r;
}

static int read_topics(struct sl_kafka_source *source, const struct sl_node *node, struct sl_error *err)
{
    struct sl_field given;
    uint32_t count;
    const struct sl_field *topic = topics_of(node, &given, &count);
    const char **names = sl_arena_calloc(&source->arena, count, sizeof *names);
    for (uint32_t i = 0; names && i < count; i++) {
        names[i] = sl_arena_text(&source->arena, (const char *)topic[i].str, topic[i].len);
        if (!names[i])
            return sl_error_nomem(err);
        source->topics.has_patterns |= names[i][0] == '^';
    }
    source->topics.name = names;
    source->topics.count = count;
    return names ? 0 : sl_error_nomem(err);
}

bool sl_kafka_options_describe(const struct sl_node *node, struct sl_buf *buf)
{
    struct sl_field given;
    uint32_t count;
    const struct sl_field *topic = topics_of(node, &given, &count);
    bool ok = sl_buf_text(buf, "kafka:");
    for (uint32_t i = 0; ok && i < count; i++)
        ok = sl_buf_text(buf, i ? "," : "") && topic[i].tag == SL_STR &&
             sl_buf_append(buf, topic[i].str, topic[i].len);
    return ok;
}

/* ---- where a checkpoint begins ---- */

static int read_reset(const struct sl_field *params, enum sl_kafka_reset *ret)
{
    static const struct {
        const char *value;
        enum sl_kafka_reset reset;
    } known[] = {
        {"latest", SL_KAFKA_LATEST},     {"largest", SL_KAFKA_LATEST},    {"end", SL_KAFKA_LATEST},
        {"earliest", SL_KAFKA_EARLIEST}, {"smallest", SL_KAFKA_EARLIEST}, {"beginning", SL_KAFKA_EARLIEST},
        {"none", SL_KAFKA_NO_RESET},     {"error", SL_KAFKA_NO_RESET},
    };
    char given[16] = "";
    *ret = SL_KAFKA_LATEST;
    if (!sl_kafka_property(params, "auto.offset.reset", given, sizeof given))
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(given, known[i].value) == 0) {
            *ret = known[i].reset;
            return 0;
        }
    return SL_EUSAGE;
}

/* {["topic-0"] = 17} */
static int check_from_offsets(const struct sl_field *from, struct sl_error *err)
{
    bool is_right = from->tag == SL_MAP || (from->tag == SL_LIST && !from->len) || from->tag == SL_NIL;
    for (uint32_t i = 0; is_right && from->tag == SL_MAP && i < from->len; i++) {
        const struct sl_field *key = &from->items[2 * i], *offset = &from->items[2 * i + 1];
        const uint8_t *dash = key->len ? memrchr(key->str, '-', key->len) : NULL;
        const uint8_t *end = key->str + key->len;
        is_right = dash && dash > key->str && dash + 1 < end && offset->tag == SL_INT && offset->integer >= 0;
        for (const uint8_t *at = dash ? dash + 1 : end; is_right && at < end; at++)
            is_right = *at >= '0' && *at <= '9';
    }
    return is_right
               ? 0
               : sl_error_set(err, SL_EUSAGE,
                              "fromOffsets must be a map of \"topic-partition\" to an offset, for example "
                              "{ [\"words-0\"] = 17 }");
}

/* ---- all of them ---- */

int sl_kafka_options_check(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field params = sl_node_value(node, 1), from = sl_node_option_value(node, "fromOffsets"),
                    given = sl_node_option_value(node, "name");
    enum sl_kafka_reset reset;
    if (given.tag == SL_STR && given.len == 0)
        return sl_error_set(err, SL_EUSAGE, "name must not be empty");
    int r = check_topics(node, err);
    r = r < 0 ? r : sl_kafka_properties_check(&params, err);
    if (r == 0 && read_reset(&params, &reset) < 0) {
        sl_error_set(err, SL_EUSAGE,
                     "params: auto.offset.reset must be \"earliest\", \"latest\" or \"none\"");
        r = sl_error_got(err, sl_map_get(&params, "auto.offset.reset", strlen("auto.offset.reset")));
    }
    return r < 0 ? r : check_from_offsets(&from, err);
}

static int64_t topics_every_ms(const struct sl_kafka_source *source)
{
    const struct sl_field *params = &source->params;
    static const char *const names[] = {"topic.metadata.refresh.interval.ms", "metadata.max.age.ms"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct sl_field *value = sl_map_get(params, names[i], strlen(names[i]));
        int64_t ms = value && value->tag == SL_INT ? value->integer : 0;
        if (value && value->tag == SL_STR && !sl_integer_parse(value->str, value->len, &ms))
            ms = 0;
        if (ms > 0) /* at most a day: it was checked */
            return ms;
    }
    return TOPICS_EVERY_MS;
}

static bool has_property(const struct sl_field *params, const char *property)
{
    const struct sl_field *value = sl_map_get(params, property, strlen(property));
    return value && (value->tag != SL_STR || value->len);
}

static int open_watch(struct sl_kafka_source *source, const struct sl_node *node, struct sl_error *err)
{
    int64_t period_ms = node->interval_ms;
    const struct sl_kafka_watch_options options = {
        .node = node,
        .services = source->services,
        .name = source->name,
        .label = source->servers,
        .params = source->params,
        .topics = source->topics,
        .period_ms = period_ms < PERIOD_MIN_MS   ? PERIOD_MIN_MS
                     : period_ms > PERIOD_MAX_MS ? PERIOD_MAX_MS
                                                 : period_ms,
        .topics_ms = topics_every_ms(source),
        .timeout_ms = source->connect_timeout_ms,
        .retries = source->retries,
    };
    return sl_kafka_watch_open(&options, &source->watch, err);
}

int sl_kafka_options_read(struct sl_kafka_source *source, const struct sl_node *node, struct sl_error *err)
{
    source->params = sl_node_value(node, 1);
    source->from_offsets = sl_node_option_value(node, "fromOffsets");
    source->has_meta = sl_node_option_boolean(node, "meta", false);
    source->retries = sl_node_option_boolean(node, "retry", true);
    source->fails_on_loss = sl_node_option_boolean(node, "failOnDataLoss", true);
    source->rate_max = sl_node_option_integer(node, "maxRate", 0);
    source->partition_rate_max = sl_node_option_integer(node, "maxRatePerPartition", 0);
    source->connect_timeout_ms = sl_node_option_integer(node, "connectTimeout", CONNECT_TIMEOUT_MS);
    source->has_group = has_property(&source->params, "group.id");
    (void)read_reset(&source->params, &source->reset); /* it was checked */
    sl_kafka_servers(&source->params, source->servers, sizeof source->servers);
    source->ahead_bytes = sl_node_option_integer(node, "receivedLimit", AHEAD_BYTES);
    int r = read_topics(source, node, err);
    return r < 0 ? r : open_watch(source, node, err);
}
