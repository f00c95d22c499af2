/* The order of durability: the numbered steps of a batch. */
#pragma once

#include "engine/batch/batch.h"

struct sl_commit_step {
    const char *name;  /* for hooks of tests */
    const char *doing; /* for messages: "the batch failed while ..." */
    int (*run)(struct sl_batch *batch, struct sl_error *err);
};

extern const struct sl_commit_step sl_commit_steps[]; /* ends with a NULL name */
