/* What operators that aggregate by key have in common: reduceByKey and its family. An operator says in its sl_op.spec
 * what it makes of which key, and has the rest done by sl_by_key_wide or, where it does more, by these functions. */
#pragma once

#include "ops/group/aggregate.h"
#include "ops/group/function_reducer.h"

/* Where an operator has its reducer from. */
enum sl_reducer_from {
    SL_REDUCER_OWN,        /* it brings it itself */
    SL_REDUCER_PARAM,      /* parameter 0: a native reducer, or a function of two values */
    SL_REDUCER_CREATE,     /* functions: 0 makes a combined value of the first value, 1 adds a value to one */
    SL_REDUCER_ZERO_VALUE, /* 0 is the combined value to begin with, function 1 adds a value to one */
};

/* An operator of the family. */
struct sl_by_key_spec {
    enum sl_reducer_from from;
    const struct sl_reducer *reducer; /* SL_REDUCER_OWN */
    unsigned
        combine; /* SL_REDUCER_CREATE, SL_REDUCER_ZERO_VALUE: the function that combines combined values */
    enum sl_key_of key_of;
    enum sl_result_form form;
    unsigned partitions; /* index of numPartitions among the parameters, SL_PARAMS_MAX: none */
};

struct sl_by_key {
    struct sl_aggregate aggregate;
    struct sl_function_reducer function; /* where the reducer is a user's */
    enum sl_result_form shape;
    unsigned partitions_param; /* index of numPartitions among the parameters, SL_PARAMS_MAX: none */
};

/* In begin. The reducer that the spec names, which may be made of the user's functions. */
const struct sl_reducer *sl_by_key_reducer(struct sl_by_key *by_key, struct sl_stage *stage,
                                           const struct sl_by_key_spec *spec);
int sl_by_key_init(struct sl_by_key *by_key, struct sl_stage *stage, const struct sl_reducer *reducer,
                   enum sl_key_of key_of, enum sl_result_form shape, unsigned partitions_param);

/* All of an operator whose state is a struct sl_by_key and whose spec a struct sl_by_key_spec. */
extern const struct sl_wide sl_by_key_wide;

/* Fit into struct sl_wide as they are, where state and spec begin with these structs. */
int sl_by_key_begin(struct sl_stage *stage);
int sl_by_key_lane_open(struct sl_stage *stage, struct sl_lane *lane);
int sl_by_key_lane_close(struct sl_stage *stage, struct sl_lane *lane);
int sl_by_key_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
int sl_by_key_finish(struct sl_stage *stage, struct sl_dataset **ret);
void sl_by_key_done(struct sl_stage *stage);
/* Native reducers do not tell where their input was cut; users' functions may (a zero value is taken once a piece). */
bool sl_by_key_takes_pieces(const struct sl_node *node);
bool sl_always_takes_pieces(const struct sl_node *node);

/* Where state and spec begin with these structs. */
extern const struct sl_partial sl_by_key_partial;

/* Cuts *dataset into n pieces where parameter `param` (numPartitions) was given. */
int sl_cut_partitions(const struct sl_stage *stage, unsigned param, struct sl_dataset **dataset);

/* Appends a row to partition 0: what operators that give one record show where there are none. */
int sl_append_row(struct sl_dataset *dataset, const struct sl_field *fields, uint32_t width);
/* The row 0. */
int sl_append_zero(struct sl_dataset *dataset);

/* Parameters and specs that operators share (ops/group/reduce_by_key.c, group_by_key.c): those after an eventWindow have
 * the same. */
extern const struct sl_param sl_reduce_by_key_params[], sl_combine_by_key_params[],
    sl_aggregate_by_key_params[], sl_fold_by_key_params[], sl_group_by_key_params[];
extern const struct sl_by_key_spec sl_reduce_by_key_spec, sl_combine_by_key_spec, sl_aggregate_by_key_spec,
    sl_fold_by_key_spec, sl_group_by_key_spec, sl_count_by_key_spec, sl_count_by_value_spec, sl_distinct_spec,
    sl_count_spec;

#define SL_PARAM_PARTITIONS                                                                                  \
    {                                                                                                        \
        "numPartitions", SL_WANT_COUNT | SL_WANT_NIL, true, "number of contiguous partitions of the result"  \
    }
