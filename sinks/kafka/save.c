/* saveToKafka(topic, params [, options]): the records of each batch as messages of one transaction (sinks/list.c has the
 * protocol, sinks/kafka/writer.h how it is kept). */
#include "sinks/kafka/save.h"

#include "core/base/error.h"
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "core/contract/site.h"
#include "sinks/kafka/message.h"
#include "sinks/kafka/writer.h"

#include <string.h>

enum { RETRY_MS = 10000, TIMEOUT_MS = 30000, PROBE_MS = 3000 };

struct save {
    struct sl_kafka_writer writer;
    struct sl_sequence sequence;
    bool begun;
};

/* ---- settings ---- */

static bool is_legal(const struct sl_field *topic)
{
    bool ok = topic->len > 0 && topic->len < SL_KAFKA_TOPIC_MAX;
    for (uint32_t i = 0; ok && i < topic->len; i++) {
        char c = (char)topic->str[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
             c == '_' || c == '-';
    }
    return ok;
}

static int read_settings(const struct sl_node *node, struct sl_kafka_settings *ret, struct sl_error *err)
{
    struct sl_field topic = sl_node_value(node, 0);
    *ret = (struct sl_kafka_settings){
        .params = sl_node_value(node, 1),
        .retry_ms = sl_node_option_integer(node, "retry", RETRY_MS),
        .timeout_ms = sl_node_option_integer(node, "timeout", TIMEOUT_MS),
    };
    if (!is_legal(&topic))
        return sl_error_set(err, SL_EUSAGE,
                            "topic must be a name of 1 to %d letters, digits, '.', '_' and '-'",
                            SL_KAFKA_TOPIC_MAX - 1);
    memcpy(ret->topic, topic.str, topic.len);
    sl_kafka_servers(&ret->params, ret->servers, sizeof ret->servers);
    return 0;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_kafka_settings settings;
    int r = read_settings(node, &settings, err);
    r = r < 0 ? r : sl_kafka_properties_check(&settings.params, err);
    return r < 0 ? sl_error_wrap(err, "%s", node->op->name) : 0;
}

static int memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct sl_kafka_memory *own = memory;
    own->producer = NULL;
    return read_settings(node, &own->settings, err);
}

static void memory_done(void *memory)
{
    struct sl_kafka_memory *own = memory;
    sl_kafka_producer_close(own->producer);
}

/* ---- rows ---- */

static int begin(struct sl_stage *stage)
{
    struct save *save = stage->state;
    sl_kafka_writer_init(&save->writer, stage, stage->memory);
    sl_sequence_init(&save->sequence, sl_sequence_is_dense(stage->node), sl_kafka_writer_rows, &save->writer);
    save->begun = true;
    return 0;
}

static int lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct save *save = stage->state;
    return sl_sequence_lane_open(&save->sequence, lane);
}

static int reject_all(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    int r = 0;
    for (uint32_t row = 0; row < in->rows && r == 0; row++) {
        (void)sl_task_explain(lane->task, "the record has 1 field; it must be a pair, a key and a value");
        r = sl_task_reject(lane->task, stage->node->number, in, row);
    }
    return r;
}

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct save *save = stage->state;
    struct sl_sequence_item *item = lane->state;
    if (!stage->emits)
        return 0;
    if (in->width < 2)
        return reject_all(stage, lane, in);
    for (uint32_t row = 0; row < in->rows; row++)
        if (!sl_kafka_out_append(&item->buf, lane, in, row))
            return sl_error_nomem(lane->task->err);
    return sl_sequence_lane_grown(&save->sequence, lane);
}

static int lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct save *save = stage->state;
    return sl_sequence_lane_close(&save->sequence, lane);
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct save *save = stage->state;
    (void)ret; /* outputs have no result */
    return sl_sequence_finish(&save->sequence, stage->err);
}

static void done(struct sl_stage *stage)
{
    struct save *save = stage->state;
    if (!save->begun)
        return;
    sl_sequence_done(&save->sequence);
    sl_kafka_writer_done(&save->writer);
    save->begun = false;
}

/* ---- the steps of the commit ---- */

static int reveal(struct sl_stage *stage)
{
    struct save *save = stage->state;
    return sl_kafka_writer_commit(&save->writer, stage->err);
}

/* The output is named kafka:TOPIC; its messages are one "file". */
static int manifest(struct sl_stage *stage, struct sl_manifest *manifest)
{
    const struct save *save = stage->state;
    if (!save->writer.is_begun)
        return 0;
    int r = sl_manifest_of_one(manifest, save->writer.count, "messages", stage->err, "kafka:%s",
                               save->writer.memory->settings.topic);
    if (r == 0)
        manifest->replaced = save->writer.replaced;
    return r;
}

/* ---- before the first batch ---- */

/* Properties that do not go together are found when a handle is made. */
static int open_topic(const struct sl_node *node, const struct sl_services *services, struct sl_error *err)
{
    static const struct sl_kafka_setting ours[] = {{"transactional.id", "sluice-check"}, {NULL, NULL}};
    struct sl_kafka_settings settings;
    struct sl_kafka_producer *producer = NULL;
    (void)services;
    int r = read_settings(node, &settings, err);
    r = r < 0 ? r : sl_kafka_producer_open(&settings.params, ours, &producer, err);
    sl_kafka_producer_close(producer);
    return r < 0 ? sl_site_wrap(&node->site, err) : 0;
}

static int note_topic(void *arg, const char *topic, int32_t partitions, const char *why)
{
    (void)topic, (void)why;
    *(int32_t *)arg = partitions;
    return 0;
}

static int look(struct sl_kafka_consumer *consumer, const char *topic, int32_t *ret, struct sl_error *err)
{
    *ret = -1;
    int r = sl_kafka_consumer_name(consumer, topic, err);
    return r < 0 ? r : sl_kafka_consumer_topics(consumer, false, PROBE_MS, note_topic, ret, err);
}

static int probe(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                 struct sl_error *err)
{
    static const struct sl_kafka_setting ours[] = {{"allow.auto.create.topics", "false"}, {NULL, NULL}};
    struct sl_kafka_settings settings;
    struct sl_kafka_consumer *consumer = NULL;
    int32_t partitions = -1;
    (void)services;
    int r = read_settings(node, &settings, err);
    r = r < 0 ? r : sl_kafka_consumer_open(&settings.params, ours, &consumer, err);
    if (r < 0)
        return r;
    r = look(consumer, settings.topic, &partitions, err);
    sl_kafka_consumer_close(consumer);
    if (r < 0 && r != SL_EUNREACHABLE)
        return r;
    sl_buf_printf(found, "kafka:%s: ", settings.topic);
    if (r == SL_EUNREACHABLE)
        sl_buf_printf(found, "%s cannot be reached now\n", settings.servers);
    else if (partitions > 0)
        sl_buf_printf(found, "the topic is there and has %d partition%s\n", partitions,
                      partitions == 1 ? "" : "s");
    else
        sl_buf_printf(found,
                      "there is no such topic yet; the first batch needs it, or brokers that make it\n");
    return found->failed ? sl_error_nomem(err) : 0;
}

static const struct sl_wide wide = {
    .state_size = sizeof(struct save),
    .begin = begin,
    .lane_open = lane_open,
    .push = push,
    .lane_close = lane_close,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = finish,
    .done = done,
    .memory_size = sizeof(struct sl_kafka_memory),
    .memory_open = memory_open,
    .memory_done = memory_done,
};

static const struct sl_output steps = {
    .reveal = reveal,
    .manifest = manifest,
    .open = open_topic,
    .probe = probe,
};

static const struct sl_param params[] = {
    {"topic", SL_WANT_STRING, false, "its name"},
    {"params", SL_WANT_VALUE | SL_WANT_SETTINGS, false,
     "a map of librdkafka's properties, such as [\"bootstrap.servers\"]"},
    {0},
};

static const struct sl_param options[] = {
    {"retry", SL_WANT_DURATION, true,
     "how long connecting is tried, and a batch that lost its connection is done again, before it fails; 10s"},
    {"timeout", SL_WANT_DURATION, true,
     "brokers that accept nothing for this long are treated as unreachable; 30s"},
    {0},
};

const struct sl_op sl_sink_kafka = {
    .name = "saveToKafka",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary =
        "Sends the records of each batch, key and value, to a topic of Kafka in one transaction, exactly once",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum)"
               ":saveToKafka(\"counts\", { [\"bootstrap.servers\"] = \"localhost:9092\" })",
    .params = params,
    .options = options,
    .wide = &wide,
    .output = &steps,
    .check = check,
};
