/* Internals of the aggregate, shared by aggregate*.c and ops/cogroup/ only. */
#pragma once

#include "ops/group/aggregate.h"

struct sl_aggregate_lane {
    struct sl_position position;
    uint32_t number;       /* index in aggregate->lane while rows are pushed */
    struct sl_table table; /* of reducers that are not exact */
    unsigned unfolded;     /* parts of the path that have not taken in its groups yet */
    uint32_t runs;         /* of it on disk */
    bool keeps_values;     /* the table holds lists of values: groups before them are on disk */
};

/* The groups of a hash partition of all lanes of a path that were folded. */
struct sl_aggregate_part {
    SL_APART struct sl_table table;
    uint32_t next; /* the lane that is folded next */
    bool busy;     /* some worker is at it */
};

/* Lanes of one way through unions, in the order of their tasks. */
struct sl_aggregate_path {
    size_t capacity;
    struct sl_aggregate_lane **lane; /* [capacity], by their tasks' ordinals; NULL: not closed yet */
    struct sl_aggregate_part *part;  /* [aggregate->parts]; NULL until two lanes are closed */
};

/* A run of groups on disk has rows (key, mark, state). The mark is made of the kind, the side (the input of
 * the operator whose aggregate it is) and the number of the lane: that which saw the key first (reducers that
 * are exact), or whose group it is. A long list of values is several rows: the first of them may be a state,
 * the others have the kind values. */
enum { SL_SPILLED_FIELDS = 3 };
enum sl_spilled_kind { SL_SPILLED_STATE, SL_SPILLED_EMPTY, SL_SPILLED_FAILED, SL_SPILLED_VALUES };

static inline int64_t sl_spilled_mark(uint32_t lane, unsigned side, enum sl_spilled_kind kind)
{
    return (int64_t)lane << 3 | side << 2 | kind;
}

static inline enum sl_spilled_kind sl_spilled_kind(int64_t mark)
{
    return (enum sl_spilled_kind)(mark & 3);
}

static inline unsigned sl_spilled_side(int64_t mark)
{
    return mark >> 2 & 1;
}

static inline uint32_t sl_spilled_lane(int64_t mark)
{
    return (uint32_t)(mark >> 3);
}

/* Keys and values of a chunk's rows, in the chunk or in task->scratch: aggregate.c. 0 or SL_ENOMEM. */
struct sl_pairs {
    const struct sl_field *key, *value; /* [rows] */
};
extern const struct sl_field sl_no_keys[SL_CHUNK_ROWS]; /* of records that are one group */
int sl_pairs_find(enum sl_key_of key_of, struct sl_task *task, const struct sl_chunk *in,
                  struct sl_pairs *ret);

/* ---- ops/group/aggregate_chunk.c ---- */

/* A chunk whose rows are merged into tables. */
struct sl_chunk_merge {
    struct sl_aggregate *aggregate;
    const struct sl_reducer *reducer; /* the aggregate's, or list where only values are kept */
    struct sl_task *task;
    const struct sl_chunk *in, *shown; /* shown: what record errors are about */
    struct sl_pairs pairs;
    uint32_t lane;
    /* Of the functions below. */
    struct sl_table *table;
    uint32_t count; /* rows whose group has a state already: merged after all groups were found */
    union sl_state *state[SL_CHUNK_ROWS];
    uint16_t row[SL_CHUNK_ROWS];
};

/* All rows of the chunk. 0, or what became of records that are refused. */
int sl_aggregate_merge_chunk(struct sl_chunk_merge *merge, struct sl_table *table);
/* Rows row[rows] of it, in this order, and the hashes of their keys. */
int sl_aggregate_merge_rows(struct sl_chunk_merge *merge, struct sl_table *table, const uint16_t *row,
                            const uint32_t *hash, uint32_t rows);

/* ---- ops/group/aggregate_shared.c ---- */

/* The groups of a hash partition that all workers combine together. */
struct sl_shared_table {
    SL_APART pthread_mutex_t lock; /* guards the table while lanes are open */
    struct sl_table table;
};

/* Before `rows` rows of a worker are merged: whether they are to be merged by sl_aggregate_merge_shared. Moves the groups of
 * its own table to the shared ones where it is of little use. 0, or a failure that ends the batch. */
int sl_aggregate_look(struct sl_aggregate *aggregate, struct sl_task *task, uint32_t rows, bool *ret_shares);
int sl_aggregate_merge_shared(struct sl_chunk_merge *merge);
void sl_aggregate_shared_done(struct sl_aggregate *aggregate);

/* ---- ops/group/aggregate_run.c ---- */

/* The row of a group whose reducer is given; `kind` where it has something: a state, or the list of values that is kept
 * in place of one. In task->scratch. */
int sl_aggregate_group_row(const struct sl_aggregate *aggregate, const struct sl_reducer *reducer,
                           enum sl_spilled_kind kind, struct sl_task *task, const struct sl_group *group,
                           uint32_t lane, struct sl_field row[SL_SPILLED_FIELDS]);
/* The group that a row of a run tells, its key borrowed from the row; the state is in `keep`. */
int sl_aggregate_read_group(const struct sl_aggregate *aggregate, struct sl_task *task, struct sl_arena *keep,
                            const struct sl_field row[SL_SPILLED_FIELDS], struct sl_group *ret);
/* About what a value of a list takes where it is read. */
size_t sl_spilled_bytes_of(const struct sl_field *item);

/* A run of the table's groups, of partitions that were dealt (lane NULL) too. With `needed` only keys that it has. */
int sl_aggregate_sort_table(struct sl_aggregate *aggregate, struct sl_task *task,
                            struct sl_aggregate_lane *lane, struct sl_table *table,
                            const struct sl_table *needed);
/* The same of all its groups, and its memory is given back. */
int sl_aggregate_make_run(struct sl_aggregate *aggregate, struct sl_task *task,
                          struct sl_aggregate_lane *lane, struct sl_table *table);
/* Whether a table with `more` groups, and what sorting it takes, stays within `share` bytes. */
bool sl_aggregate_table_has_room(const struct sl_table *table, size_t more, size_t share);
/* Room for `more` groups in a table of partitions that were dealt: where it would hold too much, it becomes a run. */
int sl_aggregate_make_run_room(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                               size_t more);

/* ---- ops/group/aggregate_spill.c ---- */

/* Room for `more` groups: where the table would hold too much, it goes to disk. */
int sl_aggregate_make_room(struct sl_aggregate *aggregate, struct sl_task *task,
                           struct sl_aggregate_lane *lane, struct sl_table *table, size_t more);
/* The table's groups become a run or are dealt, and its memory is given back. */
int sl_aggregate_spill_table(struct sl_aggregate *aggregate, struct sl_task *task,
                             struct sl_aggregate_lane *lane, struct sl_table *table);
/* A lane that ends: whether it has to go to disk. */
bool sl_aggregate_must_spill(struct sl_aggregate *aggregate, const struct sl_aggregate_lane *lane);

/* ---- ops/group/aggregate_fold.c ---- */
void sl_aggregate_paths_done(struct sl_aggregate *aggregate);
/* The parts of the path whose first lane this is; NULL: it is not, or nothing was folded. */
struct sl_aggregate_part *sl_aggregate_parts(const struct sl_aggregate *aggregate,
                                             const struct sl_aggregate_lane *lane);
/* The groups of a hash partition of `from` into `to`. With copies `to` owns what it holds
 * afterwards; without, keys and states stay where they are and may be shared, so the memory of
 * `from` must outlive `to`. What task->scratch has stays. */
struct sl_fold {
    struct sl_aggregate *aggregate;
    struct sl_task *task;
    struct sl_table *to;
    const struct sl_table *from;
    unsigned partition, partitions;
    bool copies;
};
int sl_aggregate_fold(const struct sl_fold *fold);

/* ---- ops/group/aggregate_union.c ---- */

/* The groups of a hash partition of tables of an exact reducer, each key once. */
struct sl_union {
    struct sl_aggregate *aggregate;
    struct sl_task *task;
    const struct sl_table *const *table; /* [tables]: none is empty */
    uint8_t *const *seen;                /* [tables] [its slots]: zeros; of the first table NULL */
    size_t tables;
    unsigned partition, partitions;
    struct sl_arena *keep; /* where the groups are, and what becomes of their states */
    int (*add)(void *arg, const struct sl_group *group);
    void *arg;
};
int sl_aggregate_unite(const struct sl_union *all);

/* ---- ops/group/aggregate_parts.c ---- */

/* Groups go to disk by hash partition from now on. 0 or SL_ENOMEM. */
int sl_aggregate_parts_init(struct sl_aggregate *aggregate);
void sl_aggregate_parts_done(struct sl_aggregate *aggregate);
bool sl_aggregate_has_dealt(const struct sl_aggregate *aggregate);
/* Room for `more` groups in the worker's table: where it would hold too much, its groups are dealt. */
int sl_aggregate_deal_if_large(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                               size_t more);
/* Whether the chunk's rows are to be dealt one by one, without the table. */
bool sl_aggregate_deals_rows(struct sl_aggregate *aggregate, const struct sl_task *task, uint32_t rows);
int sl_aggregate_deal_rows(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in,
                           const struct sl_pairs *pairs);
/* All groups become runs in the order of keys. */
int sl_aggregate_sort_parts(struct sl_aggregate *aggregate);

/* ---- ops/group/aggregate_lists.c ---- */

/* Whether rows are to be dealt at once. */
bool sl_aggregate_deals_lists(const struct sl_aggregate *aggregate);
int sl_aggregate_deal_lists(struct sl_aggregate *aggregate, struct sl_task *task,
                            const struct sl_aggregate_lane *lane, struct sl_table *table);
/* The chunk's rows, after what the lane's table has. */
int sl_aggregate_deal_values(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in,
                             const struct sl_pairs *pairs);

/* ---- ops/group/aggregate_merge.c ---- */

/* All groups that are still in memory, on all workers. */
int sl_aggregate_spill_rest(struct sl_aggregate *aggregate);

/* ---- ops/group/aggregate_groups.c ---- */

/* The group's key shows the representation of the earlier lane. Strings have one representation. */
int sl_aggregate_show_lane(struct sl_aggregate *aggregate, struct sl_arena *keep, struct sl_group *group,
                           const struct sl_field *key, uint32_t lane);
static inline int sl_aggregate_show_earlier(struct sl_aggregate *aggregate, struct sl_arena *keep,
                                            struct sl_group *group, const struct sl_field *key, uint32_t lane)
{
    bool is_settled = key->tag == SL_STR || group->first == lane;
    return is_settled ? 0 : sl_aggregate_show_lane(aggregate, keep, group, key, lane);
}

/* Hands a failed group to the sink. 0, or a failure that ends the batch. */
int sl_aggregate_report(const struct sl_aggregate *aggregate, struct sl_task *task,
                        const struct sl_group *group);

/* Brings `from` into `to`, which holds the same key from an earlier table. A group error marks `to`. */
int sl_aggregate_combine_groups(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_arena *keep,
                                struct sl_group *to, const struct sl_group *from);
