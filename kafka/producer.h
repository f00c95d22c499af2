/* Writing to a topic in transactions, of which readers of committed data see all or nothing.
 *
 *   open         the properties are accepted; connects in the background
 *   init         the server knows the transactional id: an unfinished transaction of an earlier process is taken back, and
 *                its process cannot write any more. Repeat it while it gives SL_EUNREACHABLE and there is time
 *   begin, send ..., note and commit, or abort
 *   close        an open transaction is left to the server, which takes it back at the next init, or in time
 *
 * Every call waits for servers at most timeout_ms: SL_EUNREACHABLE, also for failures after which the whole transaction can
 * be done again; SL_EFAIL where that does not help. After a failure of note or commit whose errno is ETIMEDOUT the request is
 * still in progress: the same call again waits for its end. After another failure, or one of abort, only close may follow. One
 * thread at a time. */
#pragma once

#include "kafka/client.h"

struct sl_kafka_producer;

int sl_kafka_producer_open(const struct sl_field *params, const struct sl_kafka_setting *ours,
                           struct sl_kafka_producer **ret, struct sl_error *err);
void sl_kafka_producer_close(struct sl_kafka_producer *producer);
int sl_kafka_producer_init(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err);

/* Messages go to this topic, which the servers may make now. *ret: how many partitions it has. */
int sl_kafka_producer_topic(struct sl_kafka_producer *producer, const char *topic, int timeout_ms,
                            int32_t *ret_partitions, struct sl_error *err);
/* Headers of all messages that follow; texts are copied. */
int sl_kafka_producer_header(struct sl_kafka_producer *producer, const char *name, const char *value,
                             struct sl_error *err);
/* None again. */
void sl_kafka_producer_no_headers(struct sl_kafka_producer *producer);

int sl_kafka_producer_begin(struct sl_kafka_producer *producer, struct sl_error *err);
/* key, value NULL: null. Copies. 0; 1: the queue is full, and nothing of it was sent in timeout_ms; SL_EREJECT: the
 * message is too large, which err explains. */
int sl_kafka_producer_send(struct sl_kafka_producer *producer, int32_t partition, const void *key,
                           size_t key_len, const void *value, size_t value_len, int timeout_ms,
                           struct sl_error *err);
/* The transaction commits an offset with metadata for partition 0 of the topic in the name of a group, too. */
int sl_kafka_producer_note(struct sl_kafka_producer *producer, const char *group, const char *topic,
                           int64_t offset, const char *metadata, int timeout_ms, struct sl_error *err);
int sl_kafka_producer_commit(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err);
int sl_kafka_producer_abort(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err);
/* Messages that are not sent yet. */
size_t sl_kafka_producer_queued(struct sl_kafka_producer *producer);
