/* Operators that see a whole partition: its rows are collected, then something is made of them at once. */
#pragma once

#include "core/contract/operator.h"

/* The first member of such an operator's state. */
struct sl_partition_state {
    struct sl_builder builder; /* for what is pushed in close */
    struct sl_rows *rows;      /* what came so far */
};

int sl_partition_open(struct sl_instance *self);
int sl_partition_push(struct sl_instance *self, const struct sl_chunk *in);
void sl_partition_done(struct sl_instance *self);

/* All rows as one list: records of one field as they are, others as lists. Memory from scratch. */
int sl_partition_list(struct sl_task *task, const struct sl_rows *rows, struct sl_field *ret);
