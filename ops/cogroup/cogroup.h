/* Two streams met by key: the kernel of joins, cogroup, subtractByKey and intersection.
 *
 * `meet` is called once for each key, in the order of the keys, and puts the rows that come of it. Where both sides' values
 * are wanted the rows of both are met by hash (ops/cogroup/hash_sides). Where memory is bounded, or the values of a side do
 * not matter, each side is aggregated for itself and the two sorted runs are merged. The stage's state is a struct
 * sl_cogroup. */
#pragma once

#include "ops/cogroup/cogroup_key.h"
#include "ops/group/aggregate.h"

/* What an operator makes of two sides: its sl_op.spec. */
struct sl_cogroup_kind {
    const struct sl_reducer *reducer[2]; /* sl_reducer_list; sl_reducer_nothing: the values do not matter */
    enum sl_key_of key_of;
    bool needs[2];    /* keys that this side has not got give nothing */
    bool shows_lists; /* meet needs the values of a key in memory: a row has all of them */
    int (*meet)(struct sl_cogroup_key *meeting);
};

struct sl_hash_sides;

struct sl_cogroup {
    const struct sl_cogroup_kind *kind;
    struct sl_aggregate side[2]; /* by the number of the input: left, right */
    struct sl_dealt_lists lists; /* of both where their values matter and memory is bounded */
    struct sl_row_buffers piles; /* of rows that come out */
    struct sl_hash_sides *hash;  /* both sides where their values matter and memory is not bounded; or NULL */
};

/* Of every operator of the family. Parameter 1 is numPartitions. */
extern const struct sl_wide sl_cogroup_wide;
