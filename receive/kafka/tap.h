/* What was fetched of one partition and is not read yet.
 *
 * The splits of a partition are read in their order where that is possible: a reader pulls messages in pieces, under
 * the lock, and hands them on without it. A reader waits for those of earlier splits, never for those of later ones:
 * an earlier one waits only for still earlier ones, so one of them always continues. A reader that finds the tap elsewhere
 * than where it has to read moves it, which costs a fetch and is right in any order. */
#pragma once

#include "kafka/consumer.h"

#include <pthread.h>

enum { SL_KAFKA_TAP_MESSAGES = 1024 };
#define SL_KAFKA_NO_SPLIT SIZE_MAX

struct sl_kafka_tap {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t owner;      /* the split that is being pulled, or SL_KAFKA_NO_SPLIT */
    size_t next_split; /* all before it are pulled */
    struct sl_kafka_reader *reader;
    int64_t at;    /* all before it was pulled; -1: nothing is known, the reader has to be moved */
    int64_t known; /* no message before it is to come but those in message[] */
    struct sl_kafka_message *message; /* [SL_KAFKA_TAP_MESSAGES], owned; NULL: nothing was read yet */
    size_t first, count;              /* in message[]: not pulled yet */
};

void sl_kafka_tap_init(struct sl_kafka_tap *tap);
void sl_kafka_tap_done(struct sl_kafka_tap *tap);
/* A batch begins: split 0 is the next. */
void sl_kafka_tap_begin(struct sl_kafka_tap *tap);

/* Takes the lock when it is the turn of split `split`; false: *stop was set meanwhile, the lock is not held. */
bool sl_kafka_tap_enter(struct sl_kafka_tap *tap, size_t split, const _Atomic int *stop);
/* Gives the lock back. is_done: the split is pulled, or has failed (then tap->at is -1). */
void sl_kafka_tap_leave(struct sl_kafka_tap *tap, size_t split, bool is_done);

/* With the lock. Nothing of the partition is fetched until the next move. */
void sl_kafka_tap_stop(struct sl_kafka_tap *tap);
/* With the lock. Moves the reader to the offset where it is not there yet. */
int sl_kafka_tap_move(struct sl_kafka_tap *tap, struct sl_kafka_consumer *consumer, const char *topic,
                      int32_t partition, int64_t offset, struct sl_error *err);
/* With the lock. The next message; NULL: none came in timeout_ms (at most, 0: has not come yet), or *ret is below 0. */
struct sl_kafka_message *sl_kafka_tap_peek(struct sl_kafka_tap *tap, int timeout_ms, int *ret,
                                           struct sl_error *err);
/* With the lock, after peek: the message is the caller's, or with `releases` is released. */
void sl_kafka_tap_drop(struct sl_kafka_tap *tap, bool releases);
