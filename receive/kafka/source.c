/* The source as the engine sees it (core/contract/source.h), and its descriptor. */
#include "receive/kafka/source.h"
#include "receive/kafka/known.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRESH_MS = 1000,      /* how long a batch waits for what is newest */
    REFRESH_STEP_MS = 50, /* how often a run that ends looks whether it was asked to stop */
    NS_PER_MS = 1000000,
};

static struct sl_kafka_source *own(struct sl_source *source)
{
    return (struct sl_kafka_source *)source;
}

static int at_site(const struct sl_kafka_source *source, int r, struct sl_error *err)
{
    const struct sl_site *site = &source->source.node->site;
    return r == 0 || strncmp(err->text, site->file, strlen(site->file)) == 0
               ? r
               : sl_error_wrap(err, "%s:%d: %s: %s", site->file, site->line, site->name, source->name);
}

/* ---- opening ---- */

static void close_source(struct sl_source *source)
{
    struct sl_kafka_source *kafka = own(source);
    struct sl_error err;
    sl_kafka_watch_close(kafka->watch);
    (void)sl_kafka_memory_flush(kafka, &err); /* what it has is older, and serves as well */
    sl_kafka_plan_done(kafka);
    sl_kafka_consumer_close(kafka->reader);
    if (kafka->given)
        kafka->given->ops->close(kafka->given);
    sl_arena_done(&kafka->arena);
    sl_arena_done(&kafka->rows);
    free(kafka->row);
    sl_buf_done(&kafka->shown);
    sl_buf_done(&kafka->travels);
    pthread_mutex_destroy(&kafka->lock);
    free(kafka);
}

static int open_parts(struct sl_kafka_source *kafka, const struct sl_node *node, struct sl_error *err)
{
    static const struct sl_arrivals_options all = {.existing = true};
    const struct sl_services *services = kafka->services;
    if (!node->op->source->name(node, kafka->name, sizeof kafka->name))
        return sl_error_set(err, SL_EUSAGE,
                            "the name of the source is too long; give it one with name = \"...\"");
    int r = sl_kafka_options_read(kafka, node, err);
    if (r == 0 && services->trial)
        return services->open_arrivals(services, kafka->name, &all, &kafka->given, err);
    return r < 0 ? r : sl_kafka_plan_load_start(kafka, err);
}

static int open_source(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                       struct sl_error *err)
{
    struct sl_kafka_source *kafka = calloc(1, sizeof *kafka);
    if (!kafka)
        return sl_error_nomem(err);
    kafka->source = (struct sl_source){.ops = node->op->source, .node = node};
    kafka->services = services;
    pthread_mutex_init(&kafka->lock, NULL);
    int r = open_parts(kafka, node, err);
    if (r < 0)
        close_source(&kafka->source);
    else
        *ret = &kafka->source;
    return r;
}

static int start(struct sl_source *source, struct sl_error *err)
{
    return at_site(own(source), sl_kafka_watch_start(own(source)->watch, err), err);
}

/* ---- batches ---- */

/* In a run that ends, refresh has decided what there is. */
static int look(struct sl_kafka_source *kafka, bool takes_nothing, struct sl_error *err)
{
    uint64_t question = 0;
    bool is_fresh;
    if (kafka->is_settled || takes_nothing)
        return 0;
    int r = sl_kafka_watch_ask(kafka->watch, FRESH_MS, false, &question, &is_fresh, err);
    return r < 0 ? r : sl_kafka_plan_merge(kafka, err);
}

static int take(struct sl_source *source, int64_t t, uint64_t batch_number, const struct sl_limits *limits,
                struct sl_files *plan, bool *ret_any, struct sl_error *err)
{
    struct sl_kafka_source *kafka = own(source);
    bool takes_nothing = limits->bytes_max == 0;
    (void)t, (void)batch_number, (void)plan;
    if (kafka->given) {
        int r = sl_kafka_given_take(kafka, err);
        *ret_any = kafka->row_count > 0;
        return r;
    }
    int r = at_site(kafka, look(kafka, takes_nothing, err), err);
    if (r < 0)
        return r;
    sl_kafka_plan_take(kafka, takes_nothing || kafka->lacks_room, limits->has_rates);
    r = sl_kafka_plan_cut(kafka, err);
    *ret_any = kafka->splits > 0;
    return r;
}

static int range(struct sl_source *source, struct sl_buf *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_kafka_positions_done) struct sl_kafka_positions positions = {0};
    int r = sl_kafka_plan_positions(own(source), &positions, err);
    return r < 0 || sl_kafka_positions_append(&positions, ret) ? r : sl_error_nomem(err);
}

static int resume_range(struct sl_source *source, const struct sl_buf *document, bool *ret_any,
                        struct sl_error *err)
{
    static const struct sl_buf nothing = {.bytes = (uint8_t *)"{}", .len = 2, .capacity = 2};
    struct sl_kafka_source *kafka = own(source);
    int r = sl_kafka_plan_adopt(kafka, document->len ? document : &nothing, false, err);
    r = r < 0 ? r : sl_kafka_plan_cut(kafka, err);
    if (r == 0)
        *ret_any = kafka->splits > 0;
    return at_site(kafka, r, err);
}

static int go_on(struct sl_source *source, const struct sl_buf *document, struct sl_error *err)
{
    return at_site(own(source), sl_kafka_plan_adopt(own(source), document, true, err), err);
}

static bool pending(struct sl_source *source)
{
    const struct sl_kafka_source *kafka = own(source);
    for (size_t i = 0; i < kafka->partitions; i++)
        if (kafka->partition[i]->newest > kafka->partition[i]->next)
            return true;
    return false;
}

static size_t partitions(struct sl_source *source)
{
    return own(source)->given ? 1 : own(source)->splits;
}

static uint32_t channel(struct sl_source *source, size_t p)
{
    return own(source)->given ? 0 : own(source)->split[p].partition->channel;
}

static int settle(struct sl_source *source, struct sl_error *err)
{
    struct sl_kafka_source *kafka = own(source);
    struct sl_kafka_positions positions = {0};
    if (!kafka->has_batch || kafka->given)
        return 0;
    pthread_mutex_lock(&kafka->lock);
    for (size_t i = 0; i < kafka->partitions; i++)
        kafka->partition[i]->committed = kafka->partition[i]->to;
    pthread_mutex_unlock(&kafka->lock);
    int r = sl_kafka_memory_settle(kafka, err);
    if (r == 0 && kafka->has_group)
        r = sl_kafka_plan_positions(kafka, &positions, err);
    if (r == 0 && kafka->has_group)
        sl_kafka_watch_commit(kafka->watch, &positions);
    sl_kafka_positions_done(&positions);
    return r;
}

/* ---- runs that end ---- */

static bool is_stopped(const struct sl_services *services)
{
    return services->stop && *services->stop;
}

/* What keeps the run from knowing all that belongs to it; false: nothing. */
static bool lacks(struct sl_kafka_source *kafka, char *text, size_t size)
{
    if (sl_kafka_watch_trouble(kafka->watch, text, size))
        return true;
    for (size_t i = 0; i < kafka->partitions; i++)
        if (kafka->partition[i]->newest < kafka->partition[i]->next &&
            sl_kafka_reads(kafka->source.node, kafka->partition[i]->topic))
            return true;
    return false;
}

/* Until the watch has seen all partitions; a partition that looks short is judged by merge. */
static int refresh(struct sl_source *source, struct sl_error *err)
{
    struct sl_kafka_source *kafka = own(source);
    char trouble[SL_KAFKA_DETAIL_MAX] = "";
    int64_t end_ns = sl_monotonic_ns() + kafka->connect_timeout_ms * NS_PER_MS;
    uint64_t question = 0;
    bool is_fresh = false;
    int r = 0;
    if (!kafka->services->until_end || kafka->given || kafka->is_settled)
        return 0;
    while (r == 0 && !is_stopped(kafka->services)) {
        r = sl_kafka_watch_ask(kafka->watch, REFRESH_STEP_MS, true, &question, &is_fresh, err);
        if (r == 0 && is_fresh)
            r = sl_kafka_plan_merge(kafka, err);
        kafka->is_settled = r == 0 && is_fresh && !lacks(kafka, trouble, sizeof trouble);
        if (r < 0 || kafka->is_settled)
            break;
        bool has_trouble = sl_kafka_watch_trouble(kafka->watch, trouble, sizeof trouble);
        bool is_connected = sl_kafka_watch_is_connected(kafka->watch);
        if (sl_monotonic_ns() > end_ns && (has_trouble || !is_connected))
            r = sl_error_set(err, SL_EFAIL, "%s", has_trouble ? trouble : "the brokers do not answer");
        if (is_fresh)
            (void)poll(NULL, 0, REFRESH_STEP_MS); /* something is missing: it is asked again */
    }
    return at_site(kafka, r, err);
}

/* ---- the descriptor ---- */

static const char *name_of(const struct sl_node *node, char *text, size_t size)
{
    return sl_received_name(node, sl_kafka_options_describe, text, size);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    int r = sl_kafka_options_check(node, err);
    return r < 0 ? sl_error_wrap(err, "%s", node->op->name) : 0;
}

static const struct sl_source_ops ops = {
    .name = name_of,
    .open = open_source,
    .close = close_source,
    .start = start,
    .take = take,
    .range = range,
    .resume_range = resume_range,
    .go_on = go_on,
    .pending = pending,
    .refresh = refresh,
    .partitions = partitions,
    .channel = channel,
    .read = sl_kafka_read,
    .place = sl_kafka_place,
    .adopt = sl_kafka_adopt,
    .found = sl_kafka_found,
    .note = sl_kafka_note,
    .settle = settle,
    .report = sl_kafka_report,
};

static const struct sl_param params[] = {
    {"topics", SL_WANT_STRING | SL_WANT_STRINGS, false,
     "a topic, or a list; one that begins with '^' is a pattern"},
    {"params", SL_WANT_VALUE | SL_WANT_SETTINGS, false,
     "a map of librdkafka's properties, such as [\"bootstrap.servers\"] and [\"auto.offset.reset\"]"},
    {0},
};

static const struct sl_param options[] = {
    {"name", SL_WANT_STRING, true, "by which checkpoint, status and tests know the source; \"kafka:TOPIC\""},
    {"meta", SL_WANT_BOOLEAN, true,
     "records get a last field {topic=, partition=, offset=, timestamp=, headers=}; false"},
    {"maxRatePerPartition", SL_WANT_COUNT, true,
     "records per second that a batch takes of a partition at most, but with --once; no limit"},
    {"maxRate", SL_WANT_COUNT, true, "the same of all partitions together"},
    {"failOnDataLoss", SL_WANT_BOOLEAN, true,
     "exit 4 where records were removed before they were read; false: continue and report them; true"},
    {"fromOffsets", SL_WANT_VALUE, true,
     "where a new checkpoint begins, by partition: { [\"words-0\"] = 17 }; as auto.offset.reset says"},
    {"receivedLimit", SL_WANT_SIZE, true, "bytes that are fetched ahead of the batches, or \"1GB\"; 256MB"},
    {"retry", SL_WANT_BOOLEAN, true, "ask again where brokers do not answer; false: exit 1; true"},
    {"connectTimeout", SL_WANT_DURATION, true,
     "how long a run with --once, and a batch that reads, waits for brokers; 10s"},
    {0},
};

const struct sl_op sl_op_kafka_stream = {
    .name = "kafkaStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "Records of Kafka's topics by ranges of offsets, exactly once: (key, value)",
    .example = "ssc:kafkaStream(\"words\", { [\"bootstrap.servers\"] = \"localhost:9092\" })",
    .params = params,
    .options = options,
    .source = &ops,
    .check = check,
};
