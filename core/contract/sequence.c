/* The lock is never held while bytes are written: a thread that finds an item due and no other thread writing sets
 * `writing`, releases the lock, writes, and looks for the next one. Other threads leave their items and continue. */
#include "core/contract/sequence.h"

#include <stdlib.h>

void sl_sequence_init(struct sl_sequence *sequence, bool dense, sl_sequence_write *write, void *arg)
{
    *sequence = (struct sl_sequence){.dense = dense, .write = write, .arg = arg};
    sequence->ready =
        pthread_mutex_init(&sequence->lock, NULL) == 0 && pthread_cond_init(&sequence->written, NULL) == 0;
    sl_assert(sequence->ready);
}

void sl_sequence_done(struct sl_sequence *sequence)
{
    for (size_t i = 0; i < sequence->count; i++) {
        if (sequence->item[i])
            sl_buf_done(&sequence->item[i]->buf);
        free(sequence->item[i]);
    }
    free(sequence->item);
    for (size_t i = 0; i < SL_SEQUENCE_SPARES; i++)
        sl_buf_done(&sequence->spare[i]);
    if (sequence->ready) {
        pthread_cond_destroy(&sequence->written);
        pthread_mutex_destroy(&sequence->lock);
    }
    *sequence = (struct sl_sequence){0};
}

/* The memory of an item that was written is kept for one that is opened later: new memory costs more than the bytes that
 * are written to it. */
static void keep_spare(struct sl_sequence *sequence, struct sl_buf *buf)
{
    for (size_t i = 0; i < SL_SEQUENCE_SPARES; i++)
        if (!sequence->spare[i].bytes) {
            sequence->spare[i] = *buf;
            sl_buf_clear(&sequence->spare[i]);
            sl_buf_init(buf);
            return;
        }
    sl_buf_done(buf);
}

static void take_spare(struct sl_sequence *sequence, struct sl_buf *buf)
{
    for (size_t i = 0; i < SL_SEQUENCE_SPARES && !buf->bytes; i++) {
        *buf = sequence->spare[i];
        sl_buf_init(&sequence->spare[i]);
    }
}

/* Room for item[index]; what lies between stays empty until its lane opens. */
static bool sequence_reach(struct sl_sequence *sequence, size_t index)
{
    if (index >= sequence->capacity) {
        size_t capacity = index < 16 ? 32 : 2 * (index + 1);
        struct sl_sequence_item **item = reallocarray(sequence->item, capacity, sizeof *item);
        if (!item)
            return false;
        sequence->item = item;
        sequence->capacity = capacity;
    }
    while (sequence->count <= index)
        sequence->item[sequence->count++] = NULL;
    return true;
}

static bool sequence_register(struct sl_sequence *sequence, struct sl_sequence_item *item)
{
    pthread_mutex_lock(&sequence->lock);
    size_t index = sequence->dense ? item->position.partition : sequence->count;
    bool room = sequence_reach(sequence, index);
    if (room) {
        sl_assert(!sequence->item[index] && index >= sequence->turn);
        sequence->item[index] = item;
        take_spare(sequence, &item->buf);
    }
    pthread_mutex_unlock(&sequence->lock);
    return room;
}

int sl_sequence_open(struct sl_sequence *sequence, const struct sl_position *position,
                     struct sl_sequence_item **ret, struct sl_error *err)
{
    struct sl_sequence_item *item = calloc(1, sizeof *item);
    if (!item)
        return sl_error_nomem(err);
    item->position = *position;
    sl_buf_init(&item->buf);
    if (!sequence_register(sequence, item)) {
        free(item);
        return sl_error_nomem(err);
    }
    *ret = item;
    return 0;
}

/* Called with the lock held; releases it while it writes. */
static int write_unlocked(struct sl_sequence *sequence, struct sl_sequence_item *item, struct sl_error *err)
{
    sequence->writing = true;
    pthread_mutex_unlock(&sequence->lock);
    int r = item->buf.len ? sequence->write(sequence->arg, item->buf.bytes, item->buf.len, err) : 0;
    pthread_mutex_lock(&sequence->lock);
    sequence->writing = false;
    if (r < 0)
        sequence->failed = true;
    pthread_cond_broadcast(&sequence->written);
    return r;
}

static bool may_write(const struct sl_sequence *sequence)
{
    return sequence->dense && !sequence->writing && !sequence->failed;
}

static bool is_due(const struct sl_sequence *sequence, const struct sl_sequence_item *item)
{
    return may_write(sequence) && item->position.partition == sequence->turn;
}

/* With the lock held. */
static int write_more(struct sl_sequence *sequence, struct sl_sequence_item *item, struct sl_error *err)
{
    if (!is_due(sequence, item))
        return 0;
    int r = write_unlocked(sequence, item, err);
    sl_buf_clear(&item->buf);
    return r;
}

int sl_sequence_more(struct sl_sequence *sequence, struct sl_sequence_item *item, struct sl_error *err)
{
    pthread_mutex_lock(&sequence->lock);
    int r = write_more(sequence, item, err);
    pthread_mutex_unlock(&sequence->lock);
    return r;
}

int sl_sequence_more_or_wait(struct sl_sequence *sequence, struct sl_sequence_item *item,
                             struct sl_error *err)
{
    pthread_mutex_lock(&sequence->lock);
    while (!is_due(sequence, item) && !sequence->failed && item->buf.len > SL_SEQUENCE_AHEAD_BYTES)
        pthread_cond_wait(&sequence->written, &sequence->lock);
    int r = write_more(sequence, item, err);
    if (sequence->failed)
        sl_buf_clear(&item->buf); /* it will not be written */
    pthread_mutex_unlock(&sequence->lock);
    return r;
}

void sl_sequence_give_up(struct sl_sequence *sequence)
{
    pthread_mutex_lock(&sequence->lock);
    sequence->failed = true;
    pthread_cond_broadcast(&sequence->written);
    pthread_mutex_unlock(&sequence->lock);
}

/* The item whose turn it is, if it is closed. */
static struct sl_sequence_item *sequence_due(const struct sl_sequence *sequence)
{
    if (sequence->turn >= sequence->count)
        return NULL;
    struct sl_sequence_item *item = sequence->item[sequence->turn];
    return item && item->closed ? item : NULL;
}

/* With the lock held. Writes what is due until something is missing. */
static int sequence_drain(struct sl_sequence *sequence, struct sl_error *err)
{
    struct sl_sequence_item *item;
    while (may_write(sequence) && (item = sequence_due(sequence)) != NULL) {
        size_t len = item->buf.len;
        int r = write_unlocked(sequence, item, err);
        if (r < 0)
            return r;
        keep_spare(sequence, &item->buf);
        sequence->waiting -= len;
        sequence->turn++;
        pthread_cond_broadcast(&sequence->written);
    }
    return 0;
}

int sl_sequence_close(struct sl_sequence *sequence, struct sl_sequence_item *item, struct sl_error *err)
{
    pthread_mutex_lock(&sequence->lock);
    item->closed = true;
    sequence->waiting += item->buf.len;
    /* Only a thread that is writing makes room: without one, waiting would be for a lane that may have
     * failed. */
    while (sequence->writing && !sequence->failed && sequence->waiting > SL_SEQUENCE_WAITING_BYTES)
        pthread_cond_wait(&sequence->written, &sequence->lock);
    int r = sequence_drain(sequence, err);
    pthread_mutex_unlock(&sequence->lock);
    return r;
}

int sl_sequence_lane_open(struct sl_sequence *sequence, struct sl_lane *lane)
{
    struct sl_position position = lane->position;
    struct sl_sequence_item *item;
    if (sequence->dense) { /* pieces of partitions, too, are 0, 1, 2 ... */
        position.partition = lane->task->ordinal;
        position.piece = 0;
    }
    int r = sl_sequence_open(sequence, &position, &item, lane->task->err);
    if (r == 0)
        lane->state = item;
    return r;
}

int sl_sequence_lane_grown(struct sl_sequence *sequence, const struct sl_lane *lane)
{
    struct sl_sequence_item *item = lane->state;
    return item->buf.len >= SL_SEQUENCE_MORE_BYTES ? sl_sequence_more(sequence, item, lane->task->err) : 0;
}

int sl_sequence_lane_close(struct sl_sequence *sequence, const struct sl_lane *lane)
{
    return sl_sequence_close(sequence, lane->state, lane->task->err);
}

bool sl_sequence_is_dense(const struct sl_node *node)
{
    const struct sl_node *from = node->input[0];
    while (from->op->kind == SL_OP_NARROW && from->inputs == 1)
        from = from->input[0];
    return from->op->kind == SL_OP_SOURCE || from->op->kind == SL_OP_WIDE;
}

static int item_compare(const void *a, const void *b)
{
    const struct sl_sequence_item *const *left = a, *const *right = b;
    return sl_position_compare(&(*left)->position, &(*right)->position);
}

int sl_sequence_finish(struct sl_sequence *sequence, struct sl_error *err)
{
    sl_assert(!sequence->writing);
    if (!sequence->dense && sequence->count > 1)
        qsort(sequence->item, sequence->count, sizeof *sequence->item, item_compare);
    for (; sequence->turn < sequence->count; sequence->turn++) {
        struct sl_sequence_item *item = sequence->item[sequence->turn];
        if (!item || item->buf.len == 0)
            continue;
        int r = sequence->write(sequence->arg, item->buf.bytes, item->buf.len, err);
        if (r < 0)
            return r;
        sl_buf_done(&item->buf);
    }
    return 0;
}
