/* Grouping by key: the kernel of everything that combines values per key (reduceByKey, count, groupByKey,
 * distinct, windows, joins ...).
 *
 * What is exactly commutative combines in one table per worker; everything else in one table per lane, merged
 * in the order of lanes. Both give the same groups for any number of workers. A key shows the representation
 * seen first in input order (1 or 1.0), by whichever worker.
 *
 * An operator that aggregates has a struct sl_aggregate in its stage's state: init in begin, open/push in the
 * lane functions, finish to get the groups, done in done. */
#pragma once

#include "ops/key/sorted_groups.h"
#include "ops/key/spilled_parts.h"
#include "ops/key/spilled_runs.h"
#include "ops/key/table.h"

#include <pthread.h>

enum sl_key_of { SL_KEY_FIELD, SL_KEY_RECORD, SL_KEY_NONE };

struct sl_aggregate_lane;
struct sl_aggregate_path;
struct sl_shared_table;

/* Lists of values on disk by hash partition, of both sides of an operator on two streams (aggregate_lists.c). */
struct sl_dealt_lists {
    struct sl_spilled_parts parts;
    _Atomic bool is_used; /* something was too large: all further rows go there */
};

/* What a worker combines by itself. */
struct sl_aggregate_own {
    SL_APART struct sl_table table;
    struct sl_shared_table *shared; /* where its rows go first; NULL: to the table (aggregate_shared.c) */
    uint64_t rows;                  /* that the table took since it was looked at */
    size_t groups;                  /* that it had then */
};

struct sl_aggregate {
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    enum sl_key_of key_of;
    /* Optional: the key as group errors show it. */
    void (*show_key)(const struct sl_field *key, struct sl_field *ret);
    bool keeps_failed;            /* failed groups are among the others, not reported: windows keep them */
    unsigned input;               /* whose rows are kept here: 0 or 1 */
    struct sl_aggregate_own *own; /* exact: [workers] */
    bool may_share;
    pthread_mutex_t lock; /* guards lanes and, while they are open, `shared` */
    struct sl_aggregate_lane **lane;
    size_t lanes, lanes_capacity;
    struct sl_aggregate_path *path; /* [paths]: lanes that ended, in order (aggregate_fold.c) */
    size_t paths;
    unsigned parts;                 /* hash partitions that are folded each on its own; a power of two */
    struct sl_shared_table *shared; /* [shared_parts], of hash partitions (aggregate_shared.c); NULL: none */
    unsigned shared_parts;          /* a power of two */

    struct sl_spilled_runs runs;    /* on disk, where memory is bounded (aggregate_spill.c) */
    struct sl_spilled_parts dealt;  /* on disk by hash partition (aggregate_parts.c), where it is open */
    struct sl_aggregate_pace *pace; /* [workers], with it */
    struct sl_dealt_lists *lists;   /* where the reducer is list and it may be too large; or NULL */
    _Atomic uint32_t tables;        /* that were sorted, with either */
    _Atomic size_t held;            /* bytes of lanes that ended */
};

/* Key and value of a record: SL_KEY_FIELD needs pairs (others are record errors), value = what
 * follows the key; SL_KEY_RECORD: the record is the key and the value; SL_KEY_NONE: one group, the
 * record is the value. */
int sl_aggregate_init(struct sl_aggregate *aggregate, struct sl_stage *stage,
                      const struct sl_reducer *reducer, enum sl_key_of key_of);
int sl_aggregate_lane_open(struct sl_aggregate *aggregate, struct sl_lane *lane);
/* A lane's rows are all there: its groups join those of the lanes before it. */
int sl_aggregate_lane_close(struct sl_aggregate *aggregate, struct sl_lane *lane);
int sl_aggregate_push(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in);
/* struct sl_partial: emit and absorb. */
int sl_aggregate_emit(struct sl_aggregate *aggregate, struct sl_lane *lane, sl_partial_row *row, void *arg);
int sl_aggregate_absorb(struct sl_aggregate *aggregate, struct sl_lane *lane,
                        const struct sl_field row[SL_PARTIAL_FIELDS]);
/* Finishes it, and gives its groups in the order of their keys, as rows that sl_aggregate_absorb takes. */
int sl_aggregate_emit_groups(struct sl_aggregate *aggregate, sl_partial_row *row, void *arg);
/* The groups in the order of their keys. */
int sl_aggregate_finish(struct sl_aggregate *aggregate, struct sl_sorted_groups **ret);
void sl_aggregate_done(struct sl_aggregate *aggregate);

/* Whether groups are on disk, or would have to be while they are finished: then sl_aggregate_rows takes the
 * place of sl_aggregate_finish and sl_sorted_groups_finish. */
bool sl_aggregate_is_large(const struct sl_aggregate *aggregate);
int sl_aggregate_rows(struct sl_aggregate *aggregate, enum sl_result_form shape, struct sl_dataset **ret);
/* The same of groups that are kept, as rows of states: struct sl_sorted_groups, rows. file: NULL, or [workers] to write
 * to. */
int sl_aggregate_states(struct sl_aggregate *aggregate, struct sl_spill_file **file, struct sl_dataset **ret);
