/* What the brokers have: a thread asks them which partitions there are and how far they reach, as long as the source
 * is open, and whenever a batch is planned. What it last heard is the view.
 *
 * Where the brokers do not answer, or a topic is missing, that is logged once, and once a minute as long as it lasts;
 * the thread continues to ask. */
#pragma once

#include "core/contract/services.h"
#include "kafka/consumer.h"
#include "receive/kafka/landmark.h"
#include "receive/kafka/positions.h"

#include <pthread.h>
#include <stdatomic.h>

struct sl_node;

enum { SL_KAFKA_DETAIL_MAX = 256 };

/* Which topics are read: names, or patterns that begin with '^' (PCRE2). */
struct sl_kafka_topics {
    const char *const *name;
    size_t count;
    bool has_patterns;
};

/* A partition as the brokers have it. */
struct sl_kafka_seen {
    char *topic; /* owned */
    int32_t partition;
    int64_t oldest;       /* there was, when it was first seen */
    int64_t newest_first; /* the offset after the newest record then */
    int64_t newest;       /* and now */
    uint64_t since;       /* the question since which every answer has had it */
    uint64_t other;       /* the hash of a landmark at whose offset there is another record; 0: of none */
    int64_t earlier;      /* an offset before the landmark with a later time that was looked into; -1: none */
    int64_t newest_then;  /* the newest one when the landmark was compared; -1: never */
    int64_t compared_ns;  /* when that was */
};

struct sl_kafka_watch_options {
    const struct sl_node *node;
    const struct sl_services *services;
    const char *name;  /* of the source, for the log */
    const char *label; /* the servers, for status */
    struct sl_field params;
    struct sl_kafka_topics topics;
    int64_t period_ms;  /* between two questions that no caller asked for */
    int64_t topics_ms;  /* between two questions for topics */
    int64_t timeout_ms; /* connectTimeout */
    bool retries;
};

struct sl_kafka_watch;

/* Connects to nothing yet. The options are borrowed until close but for the struct itself. */
int sl_kafka_watch_open(const struct sl_kafka_watch_options *options, struct sl_kafka_watch **ret,
                        struct sl_error *err);
int sl_kafka_watch_start(struct sl_kafka_watch *watch, struct sl_error *err);
/* Ends the thread; what is to be committed to the group is, where the brokers answer. */
void sl_kafka_watch_close(struct sl_kafka_watch *watch);

/* Asks again and waits for the answer, at most wait_ms, and not at all where the brokers did not answer last time unless
 * `insists`; *ret_is_fresh: there was one. *question: 0, or what the last call left there, then that one is waited for
 * on. A failure of the thread, which ends the run. */
int sl_kafka_watch_ask(struct sl_kafka_watch *watch, int64_t wait_ms, bool insists, uint64_t *question,
                       bool *ret_is_fresh, struct sl_error *err);
/* Calls `each` for all partitions in order, with the lock held. Nothing before all of them were heard of. */
int sl_kafka_watch_each(struct sl_kafka_watch *watch,
                        int (*each)(void *arg, const struct sl_kafka_seen *seen, struct sl_error *err),
                        void *arg, struct sl_error *err);
/* What is in the way now into text[size], "" where nothing is: brokers, or a missing topic. */
bool sl_kafka_watch_trouble(struct sl_kafka_watch *watch, char *text, size_t size);
/* Whether anything was heard, and the newest question was answered. */
bool sl_kafka_watch_is_connected(struct sl_kafka_watch *watch);
/* These offsets (`to`) are to be committed to the group; takes them. */
void sl_kafka_watch_commit(struct sl_kafka_watch *watch, struct sl_kafka_positions *positions);
/* What was read last: the thread compares it with what the brokers have. Takes them. */
void sl_kafka_watch_landmarks(struct sl_kafka_watch *watch, struct sl_kafka_landmarks *marks);
