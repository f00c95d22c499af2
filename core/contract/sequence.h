/* Bytes made by many threads, written in one order.
 *
 * sl_sequence_open an item per lane or task; its owner appends to item->buf, calls sl_sequence_more when that
 * has grown, and sl_sequence_close at the end; when all are closed, sl_sequence_finish writes what is left.
 *
 * Memory stays bounded where it can. In a dense sequence the items' partitions are 0, 1, 2 ..., one item
 * each: an item whose turn has come is written at once, by the calling thread, and threads that are far ahead
 * of a slow disk wait for it. Without density it is not known what else may come before, and all is kept until
 * the finish. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/contract/operator.h"

#include <pthread.h>

enum {
    SL_SEQUENCE_MORE_BYTES = 1 << 20,  /* an item's buffer is worth a call of sl_sequence_more */
    SL_SEQUENCE_AHEAD_BYTES = 4 << 20, /* of an item whose turn has not come, in sl_sequence_more_or_wait */
    SL_SEQUENCE_WAITING_BYTES = 32 << 20, /* closed and not yet written: above it threads wait for the disk */
    SL_SEQUENCE_SPARES = 2,               /* memory of written items that the next ones use */
};

struct sl_sequence_item {
    struct sl_position position;
    struct sl_buf buf;
    bool closed;
};

/* Writes the next bytes; never called by two threads at once. */
typedef int sl_sequence_write(void *arg, const void *bytes, size_t len, struct sl_error *err);

struct sl_sequence {
    sl_sequence_write *write;
    void *arg;
    bool dense;
    bool ready; /* lock and condition are initialised */
    pthread_mutex_t lock;
    pthread_cond_t written; /* `waiting` became less, `writing` false, `turn` more, or `failed` true */
    struct sl_sequence_item **item; /* guarded by lock, and so is all below; dense: by partition */
    size_t count, capacity;
    size_t turn;    /* dense: the partition that is written next */
    size_t waiting; /* bytes of closed items that are not written */
    struct sl_buf spare[SL_SEQUENCE_SPARES];
    bool writing; /* some thread is in write() */
    bool failed;
};

void sl_sequence_init(struct sl_sequence *sequence, bool dense, sl_sequence_write *write, void *arg);
void sl_sequence_done(struct sl_sequence *sequence);

int sl_sequence_open(struct sl_sequence *sequence, const struct sl_position *position,
                     struct sl_sequence_item **ret, struct sl_error *err);
/* For the rows of an operator's lane, whose state is the item from here on: dense sequences are those of tasks
 * 0, 1, 2 ... push appends to the item and calls sl_sequence_lane_grown. */
int sl_sequence_lane_open(struct sl_sequence *sequence, struct sl_lane *lane);
int sl_sequence_lane_grown(struct sl_sequence *sequence, const struct sl_lane *lane);
int sl_sequence_lane_close(struct sl_sequence *sequence, const struct sl_lane *lane);
/* Whether the lanes of an operator are dense: its rows come straight from one source or dataset, whose tasks are
 * 0, 1, 2 ..., a lane each. */
bool sl_sequence_is_dense(const struct sl_node *node);

int sl_sequence_more(struct sl_sequence *sequence, struct sl_sequence_item *item, struct sl_error *err);
/* The same for tasks that are begun in order and that call sl_sequence_give_up when they fail: one whose item has grown far
 * before its turn waits for it. */
int sl_sequence_more_or_wait(struct sl_sequence *sequence, struct sl_sequence_item *item,
                             struct sl_error *err);
/* Nothing more is written, and no thread waits. */
void sl_sequence_give_up(struct sl_sequence *sequence);
int sl_sequence_close(struct sl_sequence *sequence, struct sl_sequence_item *item, struct sl_error *err);

/* One thread, after all items were closed. */
int sl_sequence_finish(struct sl_sequence *sequence, struct sl_error *err);
