/* The messages of one batch in one transaction.
 *
 * Lanes append messages to their items of a sequence (sinks/kafka/message.h); the sequence hands them on in order to
 * sl_kafka_writer_rows, in one thread at a time. The first ones begin the transaction, after asking whether the batch is
 * there already: in each transaction the batch's time is the metadata of an offset that is committed in the name of the
 * group sluice-<checkpoint id>-<topic>, for partition 0 of the topic, and the offset is the number of its records. What
 * the group has committed is read when a producer is new; afterwards it is known. sl_kafka_writer_commit makes the
 * messages visible; sl_kafka_writer_done without it takes them back. */
#pragma once

#include "core/contract/sequence.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "sinks/retry.h"

enum { SL_KAFKA_TOPIC_MAX = 250, SL_KAFKA_SERVERS_MAX = 256 };

struct sl_kafka_settings {
    char topic[SL_KAFKA_TOPIC_MAX], servers[SL_KAFKA_SERVERS_MAX];
    struct sl_field params;
    int64_t retry_ms, timeout_ms;
};

/* What an output keeps from batch to batch. */
struct sl_kafka_memory {
    struct sl_kafka_settings settings;
    struct sl_kafka_producer *producer; /* NULL: not connected */
    int64_t there_ms;                   /* the newest batch that the topic has; INT64_MIN: none */
    uint64_t there_records;
};

struct sl_kafka_writer {
    const struct sl_stage *stage;
    struct sl_kafka_memory *memory;
    struct sl_task task; /* for rejected records */
    struct sl_arena scratch;
    int32_t partitions;
    struct sl_retry retry; /* of the step that runs */
    struct sl_retry_log retry_log;
    bool is_begun; /* it was asked whether the batch is there */
    bool is_there;
    bool is_open;      /* the transaction */
    uint64_t count;    /* of records */
    uint64_t replaced; /* in them, as struct sl_kafka_out has it */
};

void sl_kafka_writer_init(struct sl_kafka_writer *writer, const struct sl_stage *stage,
                          struct sl_kafka_memory *memory);
/* For struct sl_sequence: arg is the writer. */
int sl_kafka_writer_rows(void *arg, const void *bytes, size_t len, struct sl_error *err);
int sl_kafka_writer_commit(struct sl_kafka_writer *writer, struct sl_error *err);
void sl_kafka_writer_done(struct sl_kafka_writer *writer);
