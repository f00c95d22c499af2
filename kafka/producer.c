#include "kafka/producer.h"

#ifdef SLUICE_HAS_KAFKA

#include "core/base/clock.h"
#include "kafka/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000, SERVE_EVERY = 1000 };

struct sl_kafka_producer {
    rd_kafka_t *handle;
    struct sl_kafka_words words;
    rd_kafka_topic_t *topic;
    rd_kafka_headers_t *headers; /* a copy goes with every message */
    unsigned sent;
};

static const struct sl_kafka_library *lib(void)
{
    return sl_kafka_library();
}

int sl_kafka_producer_open(const struct sl_field *params, const struct sl_kafka_setting *ours,
                           struct sl_kafka_producer **ret, struct sl_error *err)
{
    struct sl_kafka_producer *producer = calloc(1, sizeof *producer);
    if (!producer)
        return sl_error_nomem(err);
    pthread_mutex_init(&producer->words.lock, NULL);
    int r = sl_kafka_handle_new(params, SL_KAFKA_PRODUCER, ours, &producer->words, &producer->handle, err);
    if (r < 0)
        sl_kafka_producer_close(producer);
    else
        *ret = producer;
    return r;
}

void sl_kafka_producer_close(struct sl_kafka_producer *producer)
{
    if (!producer)
        return;
    sl_kafka_producer_no_headers(producer);
    if (producer->topic)
        lib()->rd_kafka_topic_destroy(producer->topic);
    if (producer->handle && !sl_kafka_handle_destroy(producer->handle, 0))
        return;
    pthread_mutex_destroy(&producer->words.lock);
    free(producer);
}

/* A message that the broker refuses fails the transaction; depending on what is called next, its error code tells that the
 * message was refused, or only that the transaction has failed: then the reason is in the log of the library. */
static bool is_too_large(rd_kafka_resp_err_t code, const char *words)
{
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           strstr(words, lib()->rd_kafka_err2str(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
}

/* Neither waiting nor another transaction would change it. */
static bool is_final_error(const rd_kafka_error_t *error)
{
    rd_kafka_resp_err_t code = lib()->rd_kafka_error_code(error);
    bool is_lost = lib()->rd_kafka_error_is_retriable(error) ||
                   lib()->rd_kafka_error_txn_requires_abort(error) || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
                   code == RD_KAFKA_RESP_ERR__TRANSPORT;
    return lib()->rd_kafka_error_is_fatal(error) || !is_lost;
}

static void hint(rd_kafka_resp_err_t code, bool too_large, struct sl_error *err)
{
    if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH)
        sl_error_hint(
            err, "either the batch took longer than transaction.timeout.ms, or a copy of this checkpoint "
                 "is in use elsewhere");
    if (code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT)
        sl_error_hint(err, "set transaction.timeout.ms in params to what the brokers allow");
    if (too_large)
        sl_error_hint(
            err, "set message.max.bytes in params to what the topic allows (its max.message.bytes): then "
                 "messages that are too large are set aside");
}

/* Takes over the error of the library; what it says first, then what it has heard of the brokers. */
static int fail(struct sl_kafka_producer *producer, rd_kafka_error_t *error, const char *act,
                struct sl_error *err)
{
    char words[sizeof producer->words.text] = "";
    if (!error)
        return 0;
    rd_kafka_resp_err_t code = lib()->rd_kafka_error_code(error);
    (void)sl_kafka_words_take(&producer->words, producer->handle, words, sizeof words);
    bool too_large = is_too_large(code, words), is_final = too_large || is_final_error(error);
    sl_error_set(err, is_final ? SL_EFAIL : SL_EUNREACHABLE, "%s: %s%s%s%s", act,
                 lib()->rd_kafka_error_string(error), words[0] ? " (" : "", words, words[0] ? ")" : "");
    hint(code, too_large, err);
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT && !lib()->rd_kafka_error_txn_requires_abort(error))
        err->sys = ETIMEDOUT;
    lib()->rd_kafka_error_destroy(error);
    return err->code;
}

int sl_kafka_producer_init(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err)
{
    return fail(producer, lib()->rd_kafka_init_transactions(producer->handle, timeout_ms),
                "beginning with transactions", err);
}

/* ---- the topic ---- */

static int count_partitions(struct sl_kafka_producer *producer, const char *topic, int timeout_ms,
                            int32_t *ret, struct sl_error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error =
        lib()->rd_kafka_metadata(producer->handle, 0, producer->topic, &metadata, timeout_ms);
    if (error)
        return sl_kafka_unreachable(&producer->words, producer->handle, lib()->rd_kafka_err2str(error), err);
    const struct rd_kafka_metadata_topic *found = metadata->topic_cnt ? &metadata->topics[0] : NULL;
    rd_kafka_resp_err_t why = found ? found->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    int32_t partitions = why ? 0 : found->partition_cnt;
    lib()->rd_kafka_metadata_destroy(metadata);
    if (!partitions)
        return sl_error_set(err, SL_EUNREACHABLE, "the topic %s: %s", topic, lib()->rd_kafka_err2str(why));
    *ret = partitions;
    return 0;
}

int sl_kafka_producer_topic(struct sl_kafka_producer *producer, const char *topic, int timeout_ms,
                            int32_t *ret_partitions, struct sl_error *err)
{
    if (!producer->topic)
        producer->topic = lib()->rd_kafka_topic_new(producer->handle, topic, NULL);
    if (!producer->topic)
        return sl_error_set(err, SL_EFAIL, "the topic %s: %s", topic,
                            lib()->rd_kafka_err2str(lib()->rd_kafka_last_error()));
    return count_partitions(producer, topic, timeout_ms, ret_partitions, err);
}

/* ---- messages ---- */

int sl_kafka_producer_header(struct sl_kafka_producer *producer, const char *name, const char *value,
                             struct sl_error *err)
{
    if (!producer->headers)
        producer->headers = lib()->rd_kafka_headers_new(2);
    if (!producer->headers || lib()->rd_kafka_header_add(producer->headers, name, -1, value, -1))
        return sl_error_nomem(err);
    return 0;
}

void sl_kafka_producer_no_headers(struct sl_kafka_producer *producer)
{
    if (producer->headers)
        lib()->rd_kafka_headers_destroy(producer->headers);
    producer->headers = NULL;
}

int sl_kafka_producer_begin(struct sl_kafka_producer *producer, struct sl_error *err)
{
    return fail(producer, lib()->rd_kafka_begin_transaction(producer->handle), "beginning a transaction",
                err);
}

static int refused(rd_kafka_resp_err_t error, size_t len, struct sl_error *err)
{
    const char *why = lib()->rd_kafka_err2str(error);
    if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return sl_error_set(err, SL_EREJECT, "a message of %zu bytes is larger than message.max.bytes", len);
    return sl_error_set(err, SL_EUNREACHABLE, "sending: %s", why);
}

int sl_kafka_producer_send(struct sl_kafka_producer *producer, int32_t partition, const void *key,
                           size_t key_len, const void *value, size_t value_len, int timeout_ms,
                           struct sl_error *err)
{
    int64_t end_ns = sl_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
    if (++producer->sent % SERVE_EVERY == 0)
        (void)lib()->rd_kafka_poll(producer->handle, 0); /* callbacks */
    for (;;) {
        rd_kafka_headers_t *headers =
            producer->headers ? lib()->rd_kafka_headers_copy(producer->headers) : NULL;
        rd_kafka_resp_err_t error = lib()->rd_kafka_producev(
            producer->handle, RD_KAFKA_V_RKT(producer->topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY((void *)key, key_len),
            RD_KAFKA_V_VALUE((void *)value, value_len), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (!error)
            return 0;
        if (headers)
            lib()->rd_kafka_headers_destroy(headers);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return refused(error, key_len + value_len, err);
        if (sl_monotonic_ns() >= end_ns)
            return 1;
        (void)lib()->rd_kafka_poll(producer->handle, 20);
    }
}

size_t sl_kafka_producer_queued(struct sl_kafka_producer *producer)
{
    return (size_t)lib()->rd_kafka_outq_len(producer->handle);
}

/* ---- the end ---- */

int sl_kafka_producer_note(struct sl_kafka_producer *producer, const char *group, const char *topic,
                           int64_t offset, const char *metadata, int timeout_ms, struct sl_error *err)
{
    rd_kafka_topic_partition_list_t *list = lib()->rd_kafka_topic_partition_list_new(1);
    rd_kafka_consumer_group_metadata_t *name = lib()->rd_kafka_consumer_group_metadata_new(group);
    rd_kafka_topic_partition_t *at = list ? lib()->rd_kafka_topic_partition_list_add(list, topic, 0) : NULL;
    int r = SL_ENOMEM;
    if (at && name) {
        at->offset = offset;
        at->metadata = strdup(metadata); /* the list's */
        at->metadata_size = at->metadata ? strlen(metadata) : 0;
    }
    if (at && name && at->metadata)
        r = fail(producer,
                 lib()->rd_kafka_send_offsets_to_transaction(producer->handle, list, name, timeout_ms),
                 "noting the batch", err);
    else
        sl_error_nomem(err);
    if (name)
        lib()->rd_kafka_consumer_group_metadata_destroy(name);
    if (list)
        lib()->rd_kafka_topic_partition_list_destroy(list);
    return r;
}

int sl_kafka_producer_commit(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err)
{
    return fail(producer, lib()->rd_kafka_commit_transaction(producer->handle, timeout_ms),
                "committing the transaction", err);
}

int sl_kafka_producer_abort(struct sl_kafka_producer *producer, int timeout_ms, struct sl_error *err)
{
    return fail(producer, lib()->rd_kafka_abort_transaction(producer->handle, timeout_ms),
                "taking the transaction back", err);
}

#endif
