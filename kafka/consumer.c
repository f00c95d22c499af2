#include "kafka/consumer.h"

#ifdef SLUICE_HAS_KAFKA

#include "kafka/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sl_kafka_consumer {
    rd_kafka_t *handle;
    struct sl_kafka_words words;
    rd_kafka_topic_t **topic; /* those that were named: metadata of local topics are of these */
    size_t topics;
};

struct sl_kafka_reader {
    struct sl_kafka_consumer *consumer;
    rd_kafka_topic_t *topic;
    int32_t partition;
};

static const struct sl_kafka_library *lib(void)
{
    return sl_kafka_library();
}

/* ---- the handle ---- */

int sl_kafka_consumer_open(const struct sl_field *params, const struct sl_kafka_setting *ours,
                           struct sl_kafka_consumer **ret, struct sl_error *err)
{
    struct sl_kafka_consumer *consumer = calloc(1, sizeof *consumer);
    if (!consumer)
        return sl_error_nomem(err);
    pthread_mutex_init(&consumer->words.lock, NULL);
    int r = sl_kafka_handle_new(params, SL_KAFKA_CONSUMER, ours, &consumer->words, &consumer->handle, err);
    if (r < 0)
        sl_kafka_consumer_close(consumer);
    else
        *ret = consumer;
    return r;
}

void sl_kafka_consumer_close(struct sl_kafka_consumer *consumer)
{
    if (!consumer)
        return;
    for (size_t i = 0; i < consumer->topics; i++)
        lib()->rd_kafka_topic_destroy(consumer->topic[i]);
    free(consumer->topic);
    if (consumer->handle && !sl_kafka_handle_destroy(consumer->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE))
        return;
    pthread_mutex_destroy(&consumer->words.lock);
    free(consumer);
}

bool sl_kafka_consumer_trouble(struct sl_kafka_consumer *consumer, char *text, size_t size)
{
    return sl_kafka_words_take(&consumer->words, consumer->handle, text, size);
}

static int failed(struct sl_kafka_consumer *consumer, rd_kafka_resp_err_t error, struct sl_error *err)
{
    return sl_kafka_unreachable(&consumer->words, consumer->handle, lib()->rd_kafka_err2str(error), err);
}

/* ---- topics ---- */

static int new_topic(struct sl_kafka_consumer *consumer, const char *name, rd_kafka_topic_t **ret,
                     struct sl_error *err)
{
    *ret = lib()->rd_kafka_topic_new(consumer->handle, name, NULL);
    return *ret ? 0
                : sl_error_set(err, SL_EUSAGE, "the topic \"%.250s\": %s", name,
                               lib()->rd_kafka_err2str(lib()->rd_kafka_last_error()));
}

int sl_kafka_consumer_name(struct sl_kafka_consumer *consumer, const char *topic, struct sl_error *err)
{
    rd_kafka_topic_t **grown = reallocarray(consumer->topic, consumer->topics + 1, sizeof *consumer->topic);
    if (!grown)
        return sl_error_nomem(err);
    consumer->topic = grown;
    int r = new_topic(consumer, topic, &grown[consumer->topics], err);
    consumer->topics += r == 0;
    return r;
}

int sl_kafka_consumer_topics(struct sl_kafka_consumer *consumer, bool all, int timeout_ms,
                             sl_kafka_topic_fn *each, void *arg, struct sl_error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = lib()->rd_kafka_metadata(consumer->handle, all, NULL, &metadata, timeout_ms);
    int r = 0;
    if (error)
        return failed(consumer, error, err);
    for (int i = 0; i < metadata->topic_cnt && r == 0; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        r = each(arg, topic->topic, topic->err ? -1 : topic->partition_cnt,
                 topic->err ? lib()->rd_kafka_err2str(topic->err) : "");
    }
    lib()->rd_kafka_metadata_destroy(metadata);
    return r;
}

/* ---- offsets ---- */

static rd_kafka_topic_partition_list_t *list_of(const struct sl_kafka_mark *mark, size_t count)
{
    rd_kafka_topic_partition_list_t *list = lib()->rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; list && i < count; i++)
        lib()->rd_kafka_topic_partition_list_add(list, mark[i].topic, mark[i].partition)->offset =
            mark[i].offset;
    return list;
}

int sl_kafka_consumer_marks(struct sl_kafka_consumer *consumer, enum sl_kafka_end end,
                            struct sl_kafka_mark *mark, size_t count, int timeout_ms, const char **ret_why,
                            struct sl_error *err)
{
    for (size_t i = 0; i < count; i++) /* in place of a time: the protocol's words for both ends */
        mark[i].offset = end == SL_KAFKA_NEWEST   ? RD_KAFKA_OFFSET_END
                         : end == SL_KAFKA_OLDEST ? RD_KAFKA_OFFSET_BEGINNING
                                                  : mark[i].offset;
    rd_kafka_topic_partition_list_t *list = list_of(mark, count);
    if (!list)
        return sl_error_nomem(err);
    rd_kafka_resp_err_t error = lib()->rd_kafka_offsets_for_times(consumer->handle, list, timeout_ms);
    *ret_why = NULL;
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *got = &list->elems[i];
        mark[i].offset = error || got->err ? SL_KAFKA_NO_ANSWER : got->offset < 0 ? -1 : got->offset;
        if (mark[i].offset < 0)
            *ret_why = lib()->rd_kafka_err2str(got->err ? got->err : error);
    }
    lib()->rd_kafka_topic_partition_list_destroy(list);
    bool is_lost =
        error && error != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && error != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    return is_lost ? failed(consumer, error, err) : 0;
}

int sl_kafka_consumer_commit(struct sl_kafka_consumer *consumer, const struct sl_kafka_mark *mark,
                             size_t count, struct sl_error *err)
{
    rd_kafka_topic_partition_list_t *list = list_of(mark, count);
    if (!list)
        return sl_error_nomem(err);
    rd_kafka_resp_err_t error = lib()->rd_kafka_commit(consumer->handle, list, 0);
    lib()->rd_kafka_topic_partition_list_destroy(list);
    return error ? failed(consumer, error, err) : 0;
}

int sl_kafka_consumer_committed(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                                int timeout_ms, char *text, size_t size, int64_t *ret_offset,
                                struct sl_error *err)
{
    const struct sl_kafka_mark mark = {topic, partition, RD_KAFKA_OFFSET_INVALID};
    rd_kafka_topic_partition_list_t *list = list_of(&mark, 1);
    if (!list)
        return sl_error_nomem(err);
    rd_kafka_resp_err_t error = lib()->rd_kafka_committed(consumer->handle, list, timeout_ms);
    const rd_kafka_topic_partition_t *got = &list->elems[0];
    if (!error)
        error = got->err;
    size_t len = error || got->offset < 0 ? 0 : got->metadata_size;
    if (len >= size)
        len = 0; /* it is not ours */
    if (len)
        memcpy(text, got->metadata, len);
    text[len] = 0;
    if (!error)
        *ret_offset = got->offset < 0 ? -1 : got->offset;
    lib()->rd_kafka_topic_partition_list_destroy(list);
    return error ? failed(consumer, error, err) : 0;
}

/* ---- messages ---- */

int sl_kafka_reader_start(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                          int64_t offset, struct sl_kafka_reader **ret, struct sl_error *err)
{
    struct sl_kafka_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return sl_error_nomem(err);
    reader->consumer = consumer;
    reader->partition = partition;
    int r = new_topic(consumer, topic, &reader->topic, err);
    if (r == 0 && lib()->rd_kafka_consume_start(reader->topic, partition, offset) < 0) {
        r = sl_error_set(err, SL_EFAIL, "reading partition %d of the topic %s: %s", partition, topic,
                         lib()->rd_kafka_err2str(lib()->rd_kafka_last_error()));
        lib()->rd_kafka_topic_destroy(reader->topic);
    }
    if (r < 0)
        free(reader);
    else
        *ret = reader;
    return r;
}

void sl_kafka_reader_stop(struct sl_kafka_reader *reader)
{
    if (!reader)
        return;
    (void)lib()->rd_kafka_consume_stop(reader->topic, reader->partition); /* nothing is waited for */
    lib()->rd_kafka_topic_destroy(reader->topic);
    free(reader);
}

static enum sl_kafka_kind kind_of(const rd_kafka_message_t *message)
{
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return SL_KAFKA_MESSAGE;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return SL_KAFKA_END;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return SL_KAFKA_GONE;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
        return SL_KAFKA_UNREADABLE;
    }
    return SL_KAFKA_PROBLEM;
}

static void fill(rd_kafka_message_t *from, struct sl_kafka_message *ret)
{
    *ret = (struct sl_kafka_message){
        .kind = kind_of(from),
        .offset = from->offset,
        .key = from->key,
        .value = from->payload,
        .key_len = from->key_len,
        .value_len = from->len,
        .handle = from,
    };
}

int sl_kafka_reader_fetch(struct sl_kafka_reader *reader, int timeout_ms, struct sl_kafka_message *ret,
                          size_t max, struct sl_error *err)
{
    enum { ONE_TIME_MAX = 1024 };
    rd_kafka_message_t *got[ONE_TIME_MAX];
    size_t wanted = max < ONE_TIME_MAX ? max : ONE_TIME_MAX;
    ssize_t n = lib()->rd_kafka_consume_batch(reader->topic, reader->partition, 0, got, wanted);
    if (n == 0 && timeout_ms > 0) { /* consume_batch would wait until there are so many */
        got[0] = lib()->rd_kafka_consume(reader->topic, reader->partition, timeout_ms);
        n = got[0] != NULL;
    }
    if (n < 0)
        return sl_error_set(err, SL_EFAIL, "reading from Kafka: %s",
                            lib()->rd_kafka_err2str(lib()->rd_kafka_last_error()));
    for (ssize_t i = 0; i < n; i++)
        fill(got[i], &ret[i]);
    return (int)n;
}

void sl_kafka_message_release(struct sl_kafka_message *message)
{
    if (message->handle)
        lib()->rd_kafka_message_destroy(message->handle);
    message->handle = NULL;
}

int64_t sl_kafka_message_time(const struct sl_kafka_message *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = lib()->rd_kafka_message_timestamp(message->handle, &type);
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : ms;
}

bool sl_kafka_message_header(const struct sl_kafka_message *message, size_t i, const char **ret_name,
                             const void **ret_value, size_t *ret_len)
{
    rd_kafka_headers_t *headers;
    return lib()->rd_kafka_message_headers(message->handle, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           lib()->rd_kafka_header_get_all(headers, i, ret_name, ret_value, ret_len) ==
               RD_KAFKA_RESP_ERR_NO_ERROR;
}

const char *sl_kafka_message_text(const struct sl_kafka_message *message)
{
    const rd_kafka_message_t *from = message->handle;
    return from->payload ? from->payload : lib()->rd_kafka_err2str(from->err);
}

#endif
