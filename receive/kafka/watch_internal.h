/* The watch's inside, for watch.c and watch_marks.c only. */
#pragma once

#include "receive/kafka/watch.h"

struct sl_regex;

struct sl_kafka_list {
    struct sl_kafka_seen *item; /* sorted */
    size_t count, capacity;
};

struct sl_kafka_watch {
    struct sl_kafka_watch_options options;
    struct sl_kafka_consumer *consumer;
    struct sl_regex **pattern; /* [topics.count]: NULL for names */
    pthread_t thread;
    bool is_started;

    /* the thread's */
    struct sl_kafka_list found; /* of the last question for topics */
    struct sl_kafka_landmarks marks;
    uint64_t questions;
    int64_t topics_ns; /* when it was asked; 0: never */
    char missing[SL_KAFKA_DETAIL_MAX];
    char logged[SL_KAFKA_DETAIL_MAX]; /* trouble that the log has */
    int64_t logged_ns;
    bool has_moved;  /* there are more records than services->changed was called for */
    int64_t told_ns; /* when that was */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wanted, heard;
    bool is_stopping, is_connected;
    uint64_t requested, begun, ended, answered; /* numbers of questions, from 1 */
    struct sl_kafka_list view;
    char trouble[SL_KAFKA_DETAIL_MAX];
    int failed;
    struct sl_error failure;
    struct sl_kafka_positions to_commit;
    struct sl_kafka_landmarks new_marks;
    bool has_new_marks;
};

/* ---- watch_marks.c, on the thread of the watch ---- */

/* It was not there for a while: what comes now may be another topic of the same name. */
void sl_kafka_watch_doubt(const struct sl_kafka_watch *watch, struct sl_kafka_seen *seen);
/* The marks of those partitions of which the oldest record is not known, or of all. */
int sl_kafka_watch_find_marks(struct sl_kafka_watch *watch, enum sl_kafka_end end, int timeout_ms,
                              struct sl_error *err);
/* Which partitions are not the ones that were read (landmark.h): a record before the landmark with a later time than any
 * that was read is not one of those. */
int sl_kafka_watch_find_others(struct sl_kafka_watch *watch, int timeout_ms, struct sl_error *err);
