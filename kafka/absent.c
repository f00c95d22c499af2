/* What there is in place of librdkafka where it was not there at build time: every call is refused. */
#ifndef SLUICE_HAS_KAFKA

#include "kafka/consumer.h"
#include "kafka/producer.h"

int sl_kafka_consumer_open(const struct sl_field *params, const struct sl_kafka_setting *ours,
                           struct sl_kafka_consumer **ret, struct sl_error *err)
{
    (void)params, (void)ours, (void)ret;
    return sl_kafka_load(err);
}

/* There is no consumer: none of these is called. */
void sl_kafka_consumer_close(struct sl_kafka_consumer *consumer)
{
    sl_assert(!consumer);
}

int sl_kafka_consumer_name(struct sl_kafka_consumer *consumer, const char *topic, struct sl_error *err)
{
    (void)consumer, (void)topic;
    return sl_kafka_load(err);
}

int sl_kafka_consumer_topics(struct sl_kafka_consumer *consumer, bool all, int timeout_ms,
                             sl_kafka_topic_fn *each, void *arg, struct sl_error *err)
{
    (void)consumer, (void)all, (void)timeout_ms, (void)each, (void)arg;
    return sl_kafka_load(err);
}

int sl_kafka_consumer_marks(struct sl_kafka_consumer *consumer, enum sl_kafka_end end,
                            struct sl_kafka_mark *mark, size_t count, int timeout_ms, const char **ret_why,
                            struct sl_error *err)
{
    (void)consumer, (void)end, (void)mark, (void)count, (void)timeout_ms, (void)ret_why;
    return sl_kafka_load(err);
}

int sl_kafka_consumer_commit(struct sl_kafka_consumer *consumer, const struct sl_kafka_mark *mark,
                             size_t count, struct sl_error *err)
{
    (void)consumer, (void)mark, (void)count;
    return sl_kafka_load(err);
}

int sl_kafka_consumer_committed(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                                int timeout_ms, char *text, size_t size, int64_t *ret_offset,
                                struct sl_error *err)
{
    (void)consumer, (void)topic, (void)partition, (void)timeout_ms, (void)text, (void)size, (void)ret_offset;
    return sl_kafka_load(err);
}

bool sl_kafka_consumer_trouble(struct sl_kafka_consumer *consumer, char *text, size_t size)
{
    (void)text, (void)size;
    return consumer != NULL;
}

int sl_kafka_reader_start(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                          int64_t offset, struct sl_kafka_reader **ret, struct sl_error *err)
{
    (void)consumer, (void)topic, (void)partition, (void)offset, (void)ret;
    return sl_kafka_load(err);
}

void sl_kafka_reader_stop(struct sl_kafka_reader *reader)
{
    sl_assert(!reader);
}

int sl_kafka_reader_fetch(struct sl_kafka_reader *reader, int timeout_ms, struct sl_kafka_message *ret,
                          size_t max, struct sl_error *err)
{
    (void)reader, (void)timeout_ms, (void)ret, (void)max;
    return sl_kafka_load(err);
}

void sl_kafka_message_release(struct sl_kafka_message *message)
{
    sl_assert(!message->handle);
}

int64_t sl_kafka_message_time(const struct sl_kafka_message *message)
{
    (void)message;
    return -1;
}

bool sl_kafka_message_header(const struct sl_kafka_message *message, size_t i, const char **ret_name,
                             const void **ret_value, size_t *ret_len)
{
    (void)message, (void)i, (void)ret_name, (void)ret_value, (void)ret_len;
    return false;
}

const char *sl_kafka_message_text(const struct sl_kafka_message *message)
{
    (void)message;
    return "";
}

int sl_kafka_producer_open(const struct sl_field *params, const struct sl_kafka_setting *ours,
                           struct sl_kafka_producer **ret, struct sl_error *err)
{
    (void)params, (void)ours, (void)ret;
    return sl_kafka_load(err);
}

void sl_kafka_producer_close(struct sl_kafka_producer *producer)
{
    sl_assert(!producer);
}

int sl_kafka_producer_init(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err)
{
    (void)producer, (void)timeout_ms;
    return sl_kafka_load(err);
}

int sl_kafka_producer_topic(struct sl_kafka_producer *producer, const char *topic, int timeout_ms,
                            int32_t *ret_partitions, struct sl_error *err)
{
    (void)producer, (void)topic, (void)timeout_ms, (void)ret_partitions;
    return sl_kafka_load(err);
}

int sl_kafka_producer_header(struct sl_kafka_producer *producer, const char *name, const char *value,
                             struct sl_error *err)
{
    (void)producer, (void)name, (void)value;
    return sl_kafka_load(err);
}

void sl_kafka_producer_no_headers(struct sl_kafka_producer *producer)
{
    sl_assert(!producer);
}

int sl_kafka_producer_begin(struct sl_kafka_producer *producer, struct sl_error *err)
{
    (void)producer;
    return sl_kafka_load(err);
}

int sl_kafka_producer_send(struct sl_kafka_producer *producer, int32_t partition, const void *key,
                           size_t key_len, const void *value, size_t value_len, int timeout_ms,
                           struct sl_error *err)
{
    (void)producer, (void)partition, (void)key, (void)key_len, (void)value, (void)value_len, (void)timeout_ms;
    return sl_kafka_load(err);
}

int sl_kafka_producer_note(struct sl_kafka_producer *producer, const char *group, const char *topic,
                           int64_t offset, const char *metadata, int timeout_ms, struct sl_error *err)
{
    (void)producer, (void)group, (void)topic, (void)offset, (void)metadata, (void)timeout_ms;
    return sl_kafka_load(err);
}

int sl_kafka_producer_commit(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err)
{
    (void)producer, (void)timeout_ms;
    return sl_kafka_load(err);
}

int sl_kafka_producer_abort(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err)
{
    (void)producer, (void)timeout_ms;
    return sl_kafka_load(err);
}

size_t sl_kafka_producer_queued(struct sl_kafka_producer *producer)
{
    return producer ? 1 : 0;
}

#endif
