/* By what a topic is recognised: of each partition the last record that a committed batch has read. A topic that was
 * deleted and created again has offsets that mean other records; the names and numbers alone do not show that.
 *
 * Two checks, cheap and certain: no record up to the landmark has a later time than the latest that was read, so an
 * earlier offset with a later time is a reason to look (watch.h asks for it with every question); and the record at the
 * landmark's offset is the one that was read there, or it is not. A landmark that retention or compaction has removed
 * says nothing.
 *
 * The document, <checkpoint>/received/<source>/last, is replaced at most once a second, so it may be older than the
 * newest batch, which is enough to recognise a topic:
 *
 *     {"topic":{"0":[offset,time,latest,"hash"]}, ...}    times in ms since the epoch, -1: none; hash: 16 hex digits */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "kafka/consumer.h"

struct sl_kafka_landmark {
    int64_t offset;    /* -1: nothing was read yet */
    int64_t time_ms;   /* its time; -1: it has none */
    int64_t latest_ms; /* the latest time of all that was read; -1: none has one */
    uint64_t hash;     /* of its key and value */
};

#define SL_KAFKA_NO_LANDMARK ((struct sl_kafka_landmark){.offset = -1, .time_ms = -1, .latest_ms = -1})

struct sl_kafka_landmark_of {
    char *topic; /* owned */
    int32_t partition;
    struct sl_kafka_landmark at;
};

/* Zero is an empty list. In the order of topics and numbers. */
struct sl_kafka_landmarks {
    struct sl_kafka_landmark_of *item;
    size_t count, capacity;
};

void sl_kafka_landmarks_done(struct sl_kafka_landmarks *marks);
/* In order. */
int sl_kafka_landmarks_add(struct sl_kafka_landmarks *marks, const char *topic, int32_t partition,
                           const struct sl_kafka_landmark *at, struct sl_error *err);
/* NULL: there is none. */
const struct sl_kafka_landmark *sl_kafka_landmarks_find(const struct sl_kafka_landmarks *marks,
                                                        const char *topic, int32_t partition);
/* False: out of memory. */
bool sl_kafka_landmarks_append(const struct sl_kafka_landmarks *marks, struct sl_buf *ret);
/* SL_EDAMAGED: it is no such document. The caller calls done, after a failure, too. */
int sl_kafka_landmarks_parse(const void *text, size_t len, struct sl_kafka_landmarks *ret,
                             struct sl_error *err);

/* Takes over what was read elsewhere, in any order of offsets; nothing of one without an offset. */
void sl_kafka_landmark_join(struct sl_kafka_landmark *at, const struct sl_kafka_landmark *other);
/* Takes over the last of some messages that were read, in order. */
void sl_kafka_landmark_move(struct sl_kafka_landmark *at, const struct sl_kafka_message *message,
                            size_t count);
/* Reads the first record at `from`, or after it; the partition must not be read by this consumer meanwhile.
 * *ret_is_other: it is not one of those that were read up to the landmark. SL_EUNREACHABLE: no answer in timeout_ms. */
int sl_kafka_landmark_check(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                            const struct sl_kafka_landmark *at, int64_t from, int timeout_ms,
                            bool *ret_is_other, struct sl_error *err);
