#include "sinks/kafka/writer.h"

#include "core/contract/services.h"
#include "sinks/kafka/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_MS = 2000,     /* of a call that can be repeated */
    PAUSE_MS = 100,     /* before it is */
    ABORT_MS = 2000,    /* a transaction that cannot be taken back in so long is left to the servers */
    KEYLESS_ROWS = 500, /* this number of consecutive records without a key go to one partition */
    METADATA_MAX = 64,
    NS_PER_MS = 1000000,
};

static int64_t now_ms(void)
{
    return sl_monotonic_ns() / NS_PER_MS;
}

static int at_topic(const struct sl_kafka_writer *writer, int r, struct sl_error *err)
{
    const struct sl_kafka_settings *settings = &writer->memory->settings;
    return r < 0 ? sl_error_wrap(err, "topic %s at %s", settings->topic, settings->servers) : r;
}

/* A transaction that had begun is lost: a batch that is done again begins with a new one. */
static int lost(const struct sl_kafka_writer *writer, int r, struct sl_error *err)
{
    return r == SL_EUNREACHABLE ? sl_error_redo(err, writer->memory->settings.retry_ms) : r;
}

/* "sluice-<checkpoint id>-<topic>" */
static bool append_group(const struct sl_services *services, const char *topic, struct sl_buf *ret)
{
    const char *id = services->checkpoint_id ? services->checkpoint_id : services->owner;
    return sl_buf_path(ret, "sluice-%s-%s", id, topic) != NULL;
}

/* ---- connecting ---- */

static void disconnect(struct sl_kafka_memory *memory)
{
    sl_kafka_producer_close(memory->producer);
    memory->producer = NULL;
}

static int open_producer(struct sl_kafka_writer *writer, const char *id, struct sl_error *err)
{
    const struct sl_field *params = &writer->memory->settings.params;
    struct sl_kafka_setting ours[4] = {{"transactional.id", id}};
    size_t count = 1;
    sl_kafka_default(params, "transaction.timeout.ms", "600000", ours, &count);
    sl_kafka_default(params, "queue.buffering.max.kbytes", "65536", ours, &count);
    return sl_kafka_producer_open(params, ours, &writer->memory->producer, err);
}

static void begin_retry(struct sl_kafka_writer *writer, int64_t retry_ms)
{
    sl_retry_begin(&writer->retry, &writer->retry_log, writer->stage->services, writer->task.stop, retry_ms);
}

/* Whether to do again what gave SL_EUNREACHABLE, after a pause. */
static bool may_repeat(struct sl_kafka_writer *writer, int r, const struct sl_error *err)
{
    const struct sl_kafka_settings *settings = &writer->memory->settings;
    char what[SL_KAFKA_TOPIC_MAX + SL_KAFKA_SERVERS_MAX + 16];
    if (r != SL_EUNREACHABLE)
        return false;
    snprintf(what, sizeof what, "topic %s at %s", settings->topic, settings->servers);
    return sl_retry_again(&writer->retry, what, err);
}

static int step_ms(const struct sl_kafka_writer *writer)
{
    int64_t left = (writer->retry.end_ns - sl_monotonic_ns()) / NS_PER_MS;
    return left < PAUSE_MS ? PAUSE_MS : left > STEP_MS ? STEP_MS : (int)left;
}

static int read_there(struct sl_kafka_writer *writer, const char *group, struct sl_error *err)
{
    struct sl_kafka_memory *memory = writer->memory;
    const struct sl_kafka_setting ours[] = {{"group.id", group},
                                            {"enable.auto.commit", "false"},
                                            {"isolation.level", "read_committed"},
                                            {"allow.auto.create.topics", "false"},
                                            {NULL, NULL}};
    struct sl_kafka_consumer *consumer;
    char metadata[METADATA_MAX];
    int64_t records = 0;
    int r = sl_kafka_consumer_open(&memory->settings.params, ours, &consumer, err);
    if (r < 0)
        return r;
    do
        r = sl_kafka_consumer_committed(consumer, memory->settings.topic, 0, step_ms(writer), metadata,
                                        sizeof metadata, &records, err);
    while (may_repeat(writer, r, err));
    sl_kafka_consumer_close(consumer);
    if (r < 0)
        return r;
    memory->there_ms = metadata[0] ? strtoll(metadata, NULL, 10) : INT64_MIN;
    memory->there_records = records > 0 ? (uint64_t)records : 0;
    return 0;
}

static int connect(struct sl_kafka_writer *writer, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf group = {0};
    struct sl_kafka_memory *memory = writer->memory;
    if (memory->producer)
        return 0;
    if (!append_group(writer->stage->services, memory->settings.topic, &group))
        return sl_error_nomem(err);
    int r = open_producer(writer, (const char *)group.bytes, err);
    if (r < 0)
        return r;
    do
        r = sl_kafka_producer_init(memory->producer, step_ms(writer), err);
    while (may_repeat(writer, r, err));
    memory->there_ms = INT64_MIN;
    if (r == 0 && writer->stage->services->checkpoint_id) /* without one, batch times may come again */
        r = read_there(writer, (const char *)group.bytes, err);
    if (r < 0)
        disconnect(memory);
    return r;
}

/* ---- the transaction ---- */

static int set_headers(struct sl_kafka_writer *writer, struct sl_error *err)
{
    struct sl_kafka_producer *producer = writer->memory->producer;
    const struct sl_services *services = writer->stage->services;
    char batch[24];
    snprintf(batch, sizeof batch, "%" PRId64, writer->stage->batch_ms);
    sl_kafka_producer_no_headers(producer);
    int r = sl_kafka_producer_header(producer, "sluice-batch", batch, err);
    return r < 0 ? r
                 : sl_kafka_producer_header(producer, "sluice-job", services->job ? services->job : "", err);
}

/* A producer from an earlier batch may be of no use by now: then the batch is done again, with a new one. */
static int begin(struct sl_kafka_writer *writer, struct sl_error *err)
{
    struct sl_kafka_memory *memory = writer->memory;
    begin_retry(writer, memory->settings.retry_ms);
    int r = connect(writer, err);
    if (r < 0)
        return r;
    writer->is_there = memory->there_ms >= writer->stage->batch_ms;
    writer->is_begun = true;
    if (writer->is_there) {
        writer->count = memory->there_ms == writer->stage->batch_ms ? memory->there_records : 0;
        return 0;
    }
    do
        r = sl_kafka_producer_topic(memory->producer, memory->settings.topic, step_ms(writer),
                                    &writer->partitions, err);
    while (may_repeat(writer, r, err));
    r = r < 0 ? r : set_headers(writer, err);
    r = r < 0 ? r : lost(writer, sl_kafka_producer_begin(memory->producer, err), err);
    writer->is_open = r == 0;
    if (r < 0)
        disconnect(memory);
    return r;
}

/* ---- messages ---- */

static int reject(struct sl_kafka_writer *writer, const struct sl_kafka_out *head, const uint8_t *key,
                  const uint8_t *value, struct sl_error *err)
{
    struct sl_task *task = &writer->task;
    const struct sl_field fields[2] = {key ? sl_string(key, head->key_len) : sl_nil(),
                                       value ? sl_string(value, head->value_len) : sl_nil()};
    (void)sl_task_explain(task, "topic %s: %s", writer->memory->settings.topic, err->text);
    task->ordinal = head->ordinal;
    task->err = err;
    return task->sink->reject(task->sink, task, writer->stage->node->number, fields, 2, head->origin,
                              head->line);
}

static int32_t partition_of(const struct sl_kafka_writer *writer, const struct sl_kafka_out *head)
{
    uint64_t turn = writer->count / KEYLESS_ROWS + (uint64_t)writer->stage->batch_ms / 1000;
    return (int32_t)((head->has_key ? head->hash : turn) % (uint32_t)writer->partitions);
}

/* Waits while the queue is full, as long as anything of it is sent. */
static int send_one(struct sl_kafka_writer *writer, const struct sl_kafka_out *head, const uint8_t *key,
                    const uint8_t *value, struct sl_error *err)
{
    struct sl_kafka_producer *producer = writer->memory->producer;
    int64_t end_ms = now_ms() + writer->memory->settings.timeout_ms;
    size_t queued = SIZE_MAX;
    int r;
    while ((r = sl_kafka_producer_send(producer, partition_of(writer, head), key, head->key_len, value,
                                       head->value_len, PAUSE_MS, err)) == 1) {
        size_t left = sl_kafka_producer_queued(producer);
        if (!left && !queued) /* what an empty queue has no room for never fits */
            return sl_error_set(err, SL_EREJECT,
                                "a message of %llu bytes is larger than queue.buffering.max.kbytes",
                                (unsigned long long)(head->key_len + head->value_len));
        if (left < queued)
            end_ms = now_ms() + writer->memory->settings.timeout_ms;
        queued = left;
        if (now_ms() >= end_ms || sl_retry_is_stopped(writer->stage->services, writer->task.stop))
            return sl_error_set(err, SL_EUNREACHABLE,
                                "%zu messages wait to be sent, and the brokers take none", left);
    }
    return r;
}

static int write_one(struct sl_kafka_writer *writer, const uint8_t *bytes, size_t *at, struct sl_error *err)
{
    struct sl_kafka_out head;
    const uint8_t *key, *value;
    sl_kafka_out_read(bytes, at, &head, &key, &value);
    int r = send_one(writer, &head, key, value, err);
    if (r == SL_EREJECT)
        return reject(writer, &head, key, value, err);
    writer->count += r == 0;
    writer->replaced += r == 0 ? head.replaced : 0;
    return r;
}

int sl_kafka_writer_rows(void *arg, const void *bytes, size_t len, struct sl_error *err)
{
    struct sl_kafka_writer *writer = arg;
    int r = writer->is_begun || !len ? 0 : begin(writer, err);
    for (size_t at = 0; r == 0 && at < len && !writer->is_there;)
        r = lost(writer, write_one(writer, bytes, &at, err), err);
    return at_topic(writer, r, err);
}

/* ---- the end ---- */

/* One step; done again, it waits for what it began. */
typedef int step_of_commit(struct sl_kafka_writer *writer, const char *group, struct sl_error *err);

static int note(struct sl_kafka_writer *writer, const char *group, struct sl_error *err)
{
    const struct sl_kafka_memory *memory = writer->memory;
    char batch[24];
    snprintf(batch, sizeof batch, "%" PRId64, writer->stage->batch_ms);
    return sl_kafka_producer_note(memory->producer, group, memory->settings.topic, (int64_t)writer->count,
                                  batch, step_ms(writer), err);
}

static int commit(struct sl_kafka_writer *writer, const char *group, struct sl_error *err)
{
    (void)group; /* noted before */
    return sl_kafka_producer_commit(writer->memory->producer, step_ms(writer), err);
}

static int do_step(struct sl_kafka_writer *writer, step_of_commit *step, const char *group,
                   struct sl_error *err)
{
    int r;
    do
        r = step(writer, group, err);
    while (r < 0 && err->sys == ETIMEDOUT && may_repeat(writer, r, err));
    return r;
}

int sl_kafka_writer_commit(struct sl_kafka_writer *writer, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf group = {0};
    struct sl_kafka_memory *memory = writer->memory;
    if (!writer->is_open)
        return 0;
    if (!append_group(writer->stage->services, memory->settings.topic, &group))
        return sl_error_nomem(err);
    writer->is_open = false;
    begin_retry(writer, memory->settings.timeout_ms);
    int r = do_step(writer, note, (const char *)group.bytes, err);
    r = r < 0 ? r : do_step(writer, commit, (const char *)group.bytes, err);
    if (r < 0) { /* it is not known whether it is committed: a new producer asks */
        disconnect(memory);
        return at_topic(writer, lost(writer, r, err), err);
    }
    memory->there_ms = writer->stage->batch_ms;
    memory->there_records = writer->count;
    return 0;
}

void sl_kafka_writer_init(struct sl_kafka_writer *writer, const struct sl_stage *stage,
                          struct sl_kafka_memory *memory)
{
    *writer = (struct sl_kafka_writer){.stage = stage, .memory = memory, .task = stage->tasks[0]};
    writer->task.scratch = &writer->scratch;
}

void sl_kafka_writer_done(struct sl_kafka_writer *writer)
{
    struct sl_error err;
    if (writer->is_open && sl_kafka_producer_abort(writer->memory->producer, ABORT_MS, &err) < 0)
        disconnect(writer->memory);
    writer->is_open = false;
    sl_arena_done(&writer->scratch);
}
