/* Reducers: how values of one group become one value, in separable phases, so that the same phases can run
 * per worker, per split, per batch of a window, or elsewhere.
 *
 * create(first value), merge(value)..., combine(other state)..., finish -> value; inverse takes a state out
 * again (leaving batches of a window). A state is one word; what does not fit is in the arena of the owner
 * of the group. States are never moved by memcpy semantics beyond the word itself.
 *
 * `exact`: any order and grouping of merges and combines gives the same result, so groups may be combined per
 * worker. Otherwise they are built per split and combined in split order.
 *
 * Every function returns 0, a rejection with the message set, or a failure that ends the batch. SL_EREJECT
 * from create or merge is a record error: the record is set aside and the group stays as it was; SL_EGROUP
 * from any, and SL_EREJECT from combine, inverse and finish, is a group error: the group is marked and left
 * out; a combine that gives one leaves the number of records as it was. `other` of combine and inverse stays valid and unchanged; the result may share memory with it. */
#pragma once

#include "core/contract/task.h"

union sl_state {
    int64_t integer;
    double number;
    void *pointer;
};

struct sl_reducer;

struct sl_reducer_ops {
    bool exact;
    bool ignores_values; /* create and merge do not look at the value: it may be any field */
    bool has_own_forms; /* its arguments decide what a state is: with other ones a state of it is of no use */
    /* `keep` is the arena the state lives in: what a state points to is there. */
    int (*create)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret);
    int (*merge)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value);
    /* Optional: merges values[row[k]] into *states[k] for k = 0, 1 ... and returns how many it did; it stops
     * before one that needs merge(). */
    uint32_t (*merge_rows)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                           union sl_state *const *states, const struct sl_field *values, const uint16_t *row,
                           uint32_t count);
    int (*combine)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other);
    /* Optional: combines *others[k] into *states[k] for k = 0, 1 ... and returns how many it did; it stops
     * before one that needs combine(). The results share no memory with the others. */
    uint32_t (*combine_rows)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                             union sl_state *const *states, const union sl_state *const *others,
                             uint32_t count);
    /* NULL: not invertible. */
    int (*inverse)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other);
    /* The value shown; it may point into the state or into task->scratch. */
    int (*finish)(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret);
    /* Every state has a row encoding: a field from which decode builds an equal state in `keep`. For windows
     * and keyed state on disk. encode may point into the state or task->scratch. */
    int (*encode)(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret);
    int (*decode)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *encoded, union sl_state *ret);
    /* Optional, of those that may fail for a group: how many records the state was made of, and setting it after
     * decode, which gives 1. Copies keep it, combine adds and inverse subtracts it. set_records: 0 or SL_ENOMEM. */
    int64_t (*records)(const union sl_state *state);
    int (*set_records)(struct sl_arena *keep, union sl_state *state, int64_t records);
    /* Deep copy of a state into another arena; NULL: the word is the whole state. */
    int (*copy)(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                const union sl_state *state, union sl_state *ret);
};

/* A copy for reducers whose encoded form is cheap: it is encoded, then decoded. */
int sl_reducer_copy_encoded(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                            const union sl_state *state, union sl_state *ret);

/* Reducers with parameters (concat(sep), largest(n), a pair of functions) embed this as
 * their first member. */
struct sl_reducer {
    const struct sl_reducer_ops *ops;
};

/* encode and decode, the number of records included: states are stored by these alone. */
int sl_reducer_encode(const struct sl_reducer *reducer, struct sl_task *task, const union sl_state *state,
                      struct sl_field *ret);
int sl_reducer_decode(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                      const struct sl_field *encoded, union sl_state *ret);

/* How many records the state was made of; 0: the reducer does not count them. */
static inline int64_t sl_reducer_records(const struct sl_reducer *reducer, const union sl_state *state)
{
    return reducer->ops->records ? reducer->ops->records(state) : 0;
}

/* A copy of the state into another arena: *ret. 0, or what copy gave. */
static inline int sl_reducer_copy(const struct sl_reducer *reducer, struct sl_task *task,
                                  struct sl_arena *keep, const union sl_state *state, union sl_state *ret)
{
    *ret = *state;
    return reducer->ops->copy ? reducer->ops->copy(reducer, task, keep, state, ret) : 0;
}
