/* What operators that aggregate by key have in common: reduceByKey and its family. An operator names its
 * reducer and shape in one struct sl_by_key and has the rest done by these functions. */
#pragma once

#include "ops/group/aggregate.h"
#include "ops/group/function_reducer.h"

struct sl_by_key {
    struct sl_aggregate aggregate;
    struct sl_function_reducer function; /* where the reducer is a user's */
    enum sl_result_form shape;
    unsigned partitions_param; /* index of numPartitions among the parameters, SL_PARAMS_MAX: none */
};

/* In begin. The reducer of parameter `param`: native, or made of a user's function of two values. */
const struct sl_reducer *sl_by_key_reducer(struct sl_by_key *by_key, struct sl_stage *stage, unsigned param);
int sl_by_key_begin(struct sl_by_key *by_key, struct sl_stage *stage, const struct sl_reducer *reducer,
                    enum sl_key_of key_of, enum sl_result_form shape, unsigned partitions_param);

/* Fit into struct sl_wide as they are, where stage->state is a struct sl_by_key. */
int sl_by_key_lane_open(struct sl_stage *stage, struct sl_lane *lane);
int sl_by_key_lane_close(struct sl_stage *stage, struct sl_lane *lane);
int sl_by_key_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
int sl_by_key_finish(struct sl_stage *stage, struct sl_dataset **ret);
void sl_by_key_done(struct sl_stage *stage);

/* Cuts *dataset into n pieces where parameter `param` (numPartitions) was given. */
int sl_cut_partitions(const struct sl_stage *stage, unsigned param, struct sl_dataset **dataset);

/* Appends a row to partition 0: what operators that give one record show where there are none. */
int sl_append_row(struct sl_dataset *dataset, const struct sl_field *fields, uint32_t width);
/* The row 0. */
int sl_append_zero(struct sl_dataset *dataset);

/* takes_pieces: native reducers do not tell where their input was cut; users' functions may (a zero value is
 * taken once a piece). */
bool sl_always_takes_pieces(const struct sl_node *node);
bool sl_native_takes_pieces(const struct sl_node *node); /* where parameter 0 is a native reducer */

/* For descriptors: all of struct sl_wide where only these differ. */
#define SL_BY_KEY_WIDE(begin_, takes_pieces_)                                                                \
    {                                                                                                        \
        .state_size = sizeof(struct sl_by_key), .begin = (begin_), .lane_open = sl_by_key_lane_open,         \
        .lane_close = sl_by_key_lane_close, .push = sl_by_key_push, .finish = sl_by_key_finish,              \
        .done = sl_by_key_done, .takes_pieces = (takes_pieces_), .bounded = 1                                \
    }
#define SL_PARAM_PARTITIONS                                                                                  \
    {                                                                                                        \
        "numPartitions", SL_WANT_COUNT | SL_WANT_NIL, true, "number of contiguous partitions of the result"  \
    }
