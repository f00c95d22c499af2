/* Reading topics: which there are, how far they reach, and their messages by partition and offset. There is no membership
 * in a group: partitions are read from the offsets that the caller names. Only what was committed is seen.
 *
 * Functions that ask the brokers wait for the answer, at most timeout_ms: SL_EUNREACHABLE with the brokers' last words
 * where there is none. They are for one thread at a time; fetching is for any number of threads, each with partitions of
 * its own. Close after all messages are released. */
#pragma once

#include "kafka/client.h"

struct sl_kafka_consumer;
struct sl_kafka_reader; /* of one partition */

/* `ours` ends with a NULL name and wins over the job's properties. Connects in the background. */
int sl_kafka_consumer_open(const struct sl_field *params, const struct sl_kafka_setting *ours,
                           struct sl_kafka_consumer **ret, struct sl_error *err);
void sl_kafka_consumer_close(struct sl_kafka_consumer *consumer);

/* The topics that there are, in any order, until the callback returns other than 0: of those that were named with
 * sl_kafka_consumer_name, or all of them. partitions -1: there is no such topic, or it cannot be used, and why. */
typedef int sl_kafka_topic_fn(void *arg, const char *topic, int32_t partitions, const char *why);
int sl_kafka_consumer_name(struct sl_kafka_consumer *consumer, const char *topic, struct sl_error *err);
int sl_kafka_consumer_topics(struct sl_kafka_consumer *consumer, bool all, int timeout_ms,
                             sl_kafka_topic_fn *each, void *arg, struct sl_error *err);

struct sl_kafka_mark {
    const char *topic;
    int32_t partition;
    int64_t offset; /* -1: there is none; SL_KAFKA_NO_ANSWER: its leader did not say */
};
enum { SL_KAFKA_NO_ANSWER = -2 };
/* Of each the offset that follows the newest message a reader may see, or that of the oldest there is, or that of the
 * first with the time that `offset` holds, or a later one. *ret_why: of one that got
 * none, a constant text. */
enum sl_kafka_end { SL_KAFKA_NEWEST, SL_KAFKA_OLDEST, SL_KAFKA_AT_TIME };
int sl_kafka_consumer_marks(struct sl_kafka_consumer *consumer, enum sl_kafka_end end,
                            struct sl_kafka_mark *mark, size_t count, int timeout_ms, const char **ret_why,
                            struct sl_error *err);
/* Commits offsets to the group of the property group.id, and waits for the answer of its coordinator. */
int sl_kafka_consumer_commit(struct sl_kafka_consumer *consumer, const struct sl_kafka_mark *mark,
                             size_t count, struct sl_error *err);
/* What the group of the property group.id has committed for one partition: the offset, -1 where there is none, and its
 * metadata into text[size]. */
int sl_kafka_consumer_committed(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                                int timeout_ms, char *text, size_t size, int64_t *ret_offset,
                                struct sl_error *err);
/* What the library has reported since the last call, newest: false: nothing. Serves what it has queued. */
bool sl_kafka_consumer_trouble(struct sl_kafka_consumer *consumer, char *text, size_t size);

/* ---- messages ---- */

enum sl_kafka_kind {
    SL_KAFKA_MESSAGE,
    SL_KAFKA_END,     /* no message lies between the last one and `offset`, where the partition ends now */
    SL_KAFKA_GONE,    /* the offset that was asked for is not there: removed, or not written yet */
    SL_KAFKA_PROBLEM, /* something is tried again: text says what */
    /* Records came that cannot be read, with a wrong checksum, say: text says which. What follows are records after them. */
    SL_KAFKA_UNREADABLE,
};

struct sl_kafka_message {
    enum sl_kafka_kind kind;
    int64_t offset;
    const uint8_t *key, *value; /* NULL: there is none */
    size_t key_len, value_len;
    void *handle; /* rd_kafka_message_t */
};

/* Begins to fetch from the offset; what was fetched before is dropped. */
int sl_kafka_reader_start(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                          int64_t offset, struct sl_kafka_reader **ret, struct sl_error *err);
void sl_kafka_reader_stop(struct sl_kafka_reader *reader);
/* Up to `max` of what has come, waiting for the first at most timeout_ms: how many, each to be released; or a failure. */
int sl_kafka_reader_fetch(struct sl_kafka_reader *reader, int timeout_ms, struct sl_kafka_message *ret,
                          size_t max, struct sl_error *err);
void sl_kafka_message_release(struct sl_kafka_message *message);
/* Ms since the epoch; -1: it has none. */
int64_t sl_kafka_message_time(const struct sl_kafka_message *message);
/* Header number i: false: there are no more. Borrowed until the message is released; value NULL: null. */
bool sl_kafka_message_header(const struct sl_kafka_message *message, size_t i, const char **ret_name,
                             const void **ret_value, size_t *ret_len);
/* Of SL_KAFKA_PROBLEM, SL_KAFKA_UNREADABLE and SL_KAFKA_GONE. */
const char *sl_kafka_message_text(const struct sl_kafka_message *message);
