/* The functions of librdkafka that are used, loaded once; only files of this folder include this. */
#pragma once

#include "kafka/client.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#define SL_KAFKA_FUNCTIONS(F)                                                                                \
    F(rd_kafka_conf_new)                                                                                     \
    F(rd_kafka_conf_destroy)                                                                                 \
    F(rd_kafka_conf_set)                                                                                     \
    F(rd_kafka_conf_get)                                                                                     \
    F(rd_kafka_conf_dump)                                                                                    \
    F(rd_kafka_conf_dump_free)                                                                               \
    F(rd_kafka_conf_set_opaque)                                                                              \
    F(rd_kafka_conf_set_log_cb)                                                                              \
    F(rd_kafka_conf_set_error_cb)                                                                            \
    F(rd_kafka_opaque)                                                                                       \
    F(rd_kafka_new)                                                                                          \
    F(rd_kafka_destroy_flags)                                                                                \
    F(rd_kafka_poll)                                                                                         \
    F(rd_kafka_err2str)                                                                                      \
    F(rd_kafka_err2name)                                                                                     \
    F(rd_kafka_last_error)                                                                                   \
    F(rd_kafka_topic_new)                                                                                    \
    F(rd_kafka_topic_destroy)                                                                                \
    F(rd_kafka_metadata)                                                                                     \
    F(rd_kafka_metadata_destroy)                                                                             \
    F(rd_kafka_topic_partition_list_new)                                                                     \
    F(rd_kafka_topic_partition_list_add)                                                                     \
    F(rd_kafka_topic_partition_list_destroy)                                                                 \
    F(rd_kafka_offsets_for_times)                                                                            \
    F(rd_kafka_commit)                                                                                       \
    F(rd_kafka_committed)                                                                                    \
    F(rd_kafka_consume_start)                                                                                \
    F(rd_kafka_consume_stop)                                                                                 \
    F(rd_kafka_consume)                                                                                      \
    F(rd_kafka_consume_batch)                                                                                \
    F(rd_kafka_message_destroy)                                                                              \
    F(rd_kafka_message_timestamp)                                                                            \
    F(rd_kafka_message_headers)                                                                              \
    F(rd_kafka_header_get_all)                                                                               \
    F(rd_kafka_headers_new)                                                                                  \
    F(rd_kafka_headers_destroy)                                                                              \
    F(rd_kafka_header_add)                                                                                   \
    F(rd_kafka_headers_copy)                                                                                 \
    F(rd_kafka_producev)                                                                                     \
    F(rd_kafka_outq_len)                                                                                     \
    F(rd_kafka_init_transactions)                                                                            \
    F(rd_kafka_begin_transaction)                                                                            \
    F(rd_kafka_commit_transaction)                                                                           \
    F(rd_kafka_abort_transaction)                                                                            \
    F(rd_kafka_send_offsets_to_transaction)                                                                  \
    F(rd_kafka_consumer_group_metadata_new)                                                                  \
    F(rd_kafka_consumer_group_metadata_destroy)                                                              \
    F(rd_kafka_error_code)                                                                                   \
    F(rd_kafka_error_string)                                                                                 \
    F(rd_kafka_error_is_fatal)                                                                               \
    F(rd_kafka_error_is_retriable)                                                                           \
    F(rd_kafka_error_txn_requires_abort)                                                                     \
    F(rd_kafka_error_destroy)

#define SL_KAFKA_MEMBER(name) __typeof__(name) *name;
struct sl_kafka_library {
    SL_KAFKA_FUNCTIONS(SL_KAFKA_MEMBER)
};
#undef SL_KAFKA_MEMBER

/* After sl_kafka_load has succeeded. */
const struct sl_kafka_library *sl_kafka_library(void);

/* The last words of the library about what does not work: its callbacks write them from threads of its own. */
struct sl_kafka_words {
    pthread_mutex_t lock;
    bool is_new;
    char text[256];
};

/* A handle of the library with the job's properties; ours win and end with a NULL name. */
int sl_kafka_handle_new(const struct sl_field *params, enum sl_kafka_role role,
                        const struct sl_kafka_setting *ours, struct sl_kafka_words *words,
                        struct rd_kafka_s **ret, struct sl_error *err);
/* flags: those of rd_kafka_destroy_flags. False: librdkafka has not ended after some seconds, as happens where a topic was
 * removed while it was read. It and its threads stay in the process, so what its callbacks use must not be freed. */
bool sl_kafka_handle_destroy(struct rd_kafka_s *handle, int flags);
/* Serves the handle's callbacks; what they said last. False: nothing new. */
bool sl_kafka_words_take(struct sl_kafka_words *words, struct rd_kafka_s *handle, char *text, size_t size);
/* SL_EUNREACHABLE with the words of the library, or where there are none with `what`. */
int sl_kafka_unreachable(struct sl_kafka_words *words, struct rd_kafka_s *handle, const char *what,
                         struct sl_error *err);
