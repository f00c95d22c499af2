/* One batch, as an object that is stepped: the real clock, the virtual one, --once and tests run the same
 * code.
 *
 * sl_batch_new; then sl_batch_take (or sl_batch_resume for a plan that an earlier process left) decides its
 * inputs; sl_batch_wanted says whether there is anything to do; then sl_batch_step until it returns 0. */
#pragma once

#include "engine/batch/run.h"

struct sl_batch {
    struct sl_run *run;
    int64_t t;
    bool replay;                  /* it was planned and begun before, mostly by an earlier process */
    struct sl_batch_plan plan;    /* what it takes in */
    bool finishes;                /* event time ends with it */
    bool is_missed;               /* its time was missed: what its sources had then is not known */
    int64_t *watermark;           /* [nodes]: of the inputs; of withWatermark: its own */
    bool *said;                   /* [nodes]: the stream has something to say */
    bool *brings;                 /* [nodes]: of sources: it has input */
    struct sl_stage **stage;      /* [nodes]: wide operators and outputs that take part */
    _Atomic uint64_t *rows;       /* [nodes]: records that went into operators */
    _Atomic uint64_t *rows_out;   /* [nodes]: records that operators gave */
    uint64_t **lines;             /* [sources]: per partition, for line numbers in dead letters */
    size_t *partitions;           /* [sources] */
    struct sl_manifest *manifest; /* [nodes]; path NULL: nothing was revealed */
    const struct sl_node *noted;  /* whose files services->inputs and first are; NULL: not known */
    struct sl_files first_files;  /* owns the paths in first that are not the plan's */
    const char *first[SL_INPUT_PATHS_SHOWN];
    uint64_t spoilt; /* batches in a row, with this one, of whose files all had too many errors */
    int64_t started_ms;
    size_t step;
    struct sl_buf report; /* of records set aside, one line; empty: none */
};

int sl_batch_new(struct sl_run *run, int64_t t, struct sl_batch **ret, struct sl_error *err);
void sl_batch_free(struct sl_batch *batch);
int sl_batch_take(struct sl_batch *batch, const struct sl_limits *limits, struct sl_error *err);
/* A batch without input: a time that was missed. */
int sl_batch_take_nothing(struct sl_batch *batch, struct sl_error *err);
/* Takes over the plan. */
int sl_batch_resume(struct sl_batch *batch, struct sl_batch_plan *plan, struct sl_error *err);
/* What its plan says, once more. */
int sl_batch_take_again(struct sl_batch *batch, struct sl_error *err);
bool sl_batch_wanted(const struct sl_batch *batch);

/* At a start: sources of ranges continue after what was committed. */
int sl_batch_go_on(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err);

/* Does the next step of engine/batch/commit.c: 1 if there are more, 0 when the batch is done, or a failure. */
int sl_batch_step(struct sl_batch *batch, struct sl_error *err);
/* What the next step does, for messages: "writing the outputs". Of a batch that is not done. */
const char *sl_batch_step_doing(const struct sl_batch *batch);

/* The rows: everything but what touches the outside. A step of commit.c. */
int sl_batch_execute(struct sl_batch *batch, struct sl_error *err);
/* Discards all effects of the rows: stages and record errors begin again. */
void sl_batch_start_over(struct sl_batch *batch);
