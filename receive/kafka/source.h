/* kafkaStream: ranges of offsets of Kafka's partitions. Kafka keeps the records, so nothing is copied: a plan holds the
 * range of every partition (positions.h), which is read again when the batch is redone.
 *
 * The main thread plans: source.c, with what the watch has heard of the brokers (watch.h). Where the source begins in a
 * new checkpoint is decided once and written to <checkpoint>/received/<source>/start, in the form of a range, before a
 * batch is planned; what a batch has committed comes from the catalog. Workers read splits of the ranges: read.c, over
 * taps, which hold what was fetched of a partition and is not read yet (tap.h); those of other processes, too: elsewhere.c.
 * In a trial rows are given: given.c. */
#pragma once

#include "core/contract/services.h"
#include "core/contract/source.h"
#include "receive/kafka/landmark.h"
#include "receive/kafka/tap.h"
#include "receive/kafka/watch.h"
#include "receive/received.h"

struct sl_kafka_partition {
    char *topic; /* owned */
    int32_t number;
    uint32_t channel;     /* for event time: the same in every run */
    char *place;          /* owned: for dead letters */
    int64_t begin;        /* where the checkpoint began */
    int64_t committed;    /* to here */
    int64_t next;         /* taken to here */
    int64_t newest;       /* there is so much; -1: not known yet */
    int64_t shown_newest; /* the same as the watch has it now; guarded by the lock of the source */
    int64_t from, to;     /* of the batch */
    int64_t short_ns;     /* since when it ends before `next`; 0: it does not */
    uint64_t since;       /* as the watch had it when the tap was trusted */
    bool is_anew;         /* found by a read: its topic is another one */
    struct sl_kafka_landmark landmark; /* of committed batches; replaced between two batches only */
    /* guarded by the lock of the tap */
    struct sl_kafka_landmark read; /* with the batch */
    bool is_checked;               /* the landmark is in the topic that is read */
    struct sl_kafka_tap tap;
};

struct sl_kafka_split {
    struct sl_kafka_partition *partition;
    size_t number; /* among those of the partition */
    int64_t from, to;
    int64_t lost, lost_from, lost_to; /* records that were gone when they were read: how many, from, to */
    struct sl_origin origin;
};

struct sl_kafka_source {
    struct sl_source source; /* first */
    const struct sl_services *services;
    char name[SL_RECEIVED_NAME_MAX], servers[SL_KAFKA_DETAIL_MAX];
    struct sl_field params;
    struct sl_arena arena; /* names of topics */
    struct sl_kafka_topics topics;

    /* options */
    bool has_meta, retries, fails_on_loss, has_group;
    int64_t rate_max, partition_rate_max; /* records per second, 0: no limit */
    int64_t ahead_bytes;                  /* fetched and not read yet, of all partitions together */
    int64_t connect_timeout_ms;
    struct sl_field from_offsets;
    enum sl_kafka_reset { SL_KAFKA_LATEST, SL_KAFKA_EARLIEST, SL_KAFKA_NO_RESET } reset;

    struct sl_kafka_watch *watch;
    struct sl_arrivals *given;        /* of a trial */
    struct sl_kafka_consumer *reader; /* opened by the first read */
    pthread_mutex_t lock;             /* guards reader, dropped, and for reports the offsets of partitions */
    uint64_t dropped;

    /* the main thread's */
    struct sl_kafka_partition **partition; /* in order */
    size_t partitions;
    struct sl_kafka_positions start; /* as the file has it */
    bool
        has_begun; /* there is a start, or a batch: partitions that come later are read from their oldest record */
    bool lacks_room; /* the start of partitions is not durable: nothing is read */
    bool is_settled; /* of a run that ends: what it reads is decided */
    bool has_batch;
    size_t splits;
    struct sl_kafka_split *split;
    struct sl_buf travels; /* what place or found has given last */
    struct sl_arena rows;  /* of a trial: the records of the batch */
    size_t row_count;
    struct sl_field *row; /* [row_count * 3] */
    int64_t number;       /* of a trial: records so far */

    /* reports */
    int64_t saved_ns; /* when the landmarks were written */
    bool has_unsaved; /* and there are newer ones */
    struct sl_buf shown;
    uint64_t rate_end;
    int64_t rate_ns;
    double rate;
};

/* ---- options.c ---- */

int sl_kafka_options_read(struct sl_kafka_source *source, const struct sl_node *node, struct sl_error *err);
/* For the descriptor: what can be checked without the brokers. */
int sl_kafka_options_check(const struct sl_node *node, struct sl_error *err);
/* Appends "kafka:a,b". */
bool sl_kafka_options_describe(const struct sl_node *node, struct sl_buf *buf);

/* ---- plan.c ---- */

/* Takes over what the watch has seen; starts new partitions. */
int sl_kafka_plan_merge(struct sl_kafka_source *source, struct sl_error *err);
/* Any thread: what the watch has seen of known partitions since, for reports while a batch runs. */
void sl_kafka_plan_note_newest(struct sl_kafka_source *source);
/* Partitions as a document says: with `committed` their batch was committed. */
int sl_kafka_plan_adopt(struct sl_kafka_source *source, const struct sl_buf *range, bool is_committed,
                        struct sl_error *err);
/* Sets the ranges of the batch. */
void sl_kafka_plan_take(struct sl_kafka_source *source, bool takes_nothing, bool has_rates);
/* Cuts the ranges of the batch into splits. */
int sl_kafka_plan_cut(struct sl_kafka_source *source, struct sl_error *err);
/* In another process: these offsets are the only partition and the only split. One that was read here before goes on from where
 * it is. */
int sl_kafka_plan_only(struct sl_kafka_source *source, const char *topic, int32_t number, int64_t from,
                       int64_t to, struct sl_error *err);
int sl_kafka_plan_load_start(struct sl_kafka_source *source, struct sl_error *err);
/* The ranges of the batch as positions, to be freed by the caller. */
int sl_kafka_plan_positions(const struct sl_kafka_source *source, struct sl_kafka_positions *ret,
                            struct sl_error *err);
void sl_kafka_plan_done(struct sl_kafka_source *source);

/* ---- memory.c: what is remembered beside the catalog, in <checkpoint>/received/<source>/ ---- */

/* The text of a file of the source; NULL where there is none. The caller frees it. */
int sl_kafka_memory_load(const struct sl_kafka_source *source, const char *file, char **ret, size_t *ret_len,
                         struct sl_error *err);
/* Durable when it returns. */
int sl_kafka_memory_save(const struct sl_kafka_source *source, const char *file, const struct sl_buf *text,
                         struct sl_error *err);
/* The landmarks of partitions that there are. */
int sl_kafka_memory_load_landmarks(struct sl_kafka_source *source, struct sl_error *err);
/* After a commit: what the batch has read is the landmark; hands them to the watch, and writes them at times. */
int sl_kafka_memory_settle(struct sl_kafka_source *source, struct sl_error *err);
/* Writes what was not written yet. */
int sl_kafka_memory_flush(struct sl_kafka_source *source, struct sl_error *err);

/* ---- read.c ---- */

int sl_kafka_read(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                  uint64_t *ret_lines);
/* Records of the partition were gone: counted, and reported in the log. */
void sl_kafka_read_lost(struct sl_kafka_source *source, const struct sl_kafka_partition *partition,
                        int64_t count, int64_t from, int64_t to);

/* ---- elsewhere.c: core/contract/source.h ---- */

bool sl_kafka_place(struct sl_source *source, size_t p, struct sl_split_place *ret);
int sl_kafka_adopt(struct sl_source *source, const struct sl_field *range, struct sl_error *err);
void sl_kafka_found(struct sl_source *source, size_t p, struct sl_split_found *ret);
int sl_kafka_note(struct sl_source *source, size_t p, const struct sl_split_found *found,
                  struct sl_error *err);

/* ---- given.c ---- */

int sl_kafka_given_take(struct sl_kafka_source *source, struct sl_error *err);
int sl_kafka_given_read(struct sl_kafka_source *source, struct sl_task *task, struct sl_outlet *out);

/* ---- report.c ---- */

void sl_kafka_report(struct sl_source *source, struct sl_source_report *ret);
