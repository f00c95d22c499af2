/* No wake may be lost between finding nothing to read and parking the read: wakes are numbered, and a read is parked only
 * if the number has not changed since before it tried to read.
 *
 * An interrupt searches the list for its request, under the lock: the thread that removes a read from the list, and no
 * other, replies to it. libfuse holds a lock of the request while it calls interrupted(), so the callback is registered
 * before our lock is taken, and an interrupt that arrived before the read was in the list is checked for. */
#include "fs/mount/waiting.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/uio.h>

struct parked {
    struct parked *next;
    fuse_req_t req;
    struct sl_open *open;
    uint64_t offset;
    size_t size;
};

struct poller {
    struct poller *next;
    struct fuse_pollhandle *handle;
    struct sl_open *open;
};

struct sl_waiting {
    struct sl_tree *tree;
    pthread_mutex_t lock; /* guards what follows */
    struct parked *parked;
    struct poller *poller;
    uint64_t wakes;
    bool ended;
};

struct sl_waiting *sl_waiting_new(struct sl_tree *tree)
{
    struct sl_waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting)
        return NULL;
    waiting->tree = tree;
    pthread_mutex_init(&waiting->lock, NULL);
    return waiting;
}

static void reply_pieces(fuse_req_t req, struct sl_pieces *pieces)
{
    struct iovec vector[SL_PIECES_MAX];
    for (size_t i = 0; i < pieces->count; i++)
        vector[i] = (struct iovec){(void *)(uintptr_t)pieces->piece[i].at, pieces->piece[i].len};
    (void)fuse_reply_iov(req, vector, (int)pieces->count); /* a reader that has ended needs no reply */
    sl_pieces_done(pieces);
}

/* False: nothing to reply yet. */
static bool answer(struct sl_waiting *waiting, fuse_req_t req, struct sl_open *open, uint64_t offset,
                   size_t size)
{
    struct sl_pieces pieces;
    int r = sl_tree_read(waiting->tree, open, offset, size, &pieces);
    if (r == -EAGAIN)
        return false;
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        reply_pieces(req, &pieces);
    return true;
}

/* Removes the read of this request from the list; NULL: it is not in it. Locked. */
static struct parked *take_out(struct sl_waiting *waiting, fuse_req_t req)
{
    struct parked **at = &waiting->parked;
    while (*at && (*at)->req != req)
        at = &(*at)->next;
    struct parked *parked = *at;
    if (parked)
        *at = parked->next;
    return parked;
}

static void interrupted(fuse_req_t req, void *arg)
{
    struct sl_waiting *waiting = arg;
    pthread_mutex_lock(&waiting->lock);
    struct parked *parked = take_out(waiting, req);
    pthread_mutex_unlock(&waiting->lock);
    if (parked)
        (void)fuse_reply_err(req, EINTR);
    free(parked);
}

enum outcome { PARKED, TRY_AGAIN, INTERRUPTED, ENDED };

static enum outcome put_aside(struct sl_waiting *waiting, struct parked *parked, uint64_t wakes)
{
    enum outcome outcome = PARKED;
    pthread_mutex_lock(&waiting->lock);
    if (waiting->ended)
        outcome = ENDED;
    else if (waiting->wakes != wakes)
        outcome = TRY_AGAIN;
    else if (fuse_req_interrupted(parked->req))
        outcome = INTERRUPTED;
    if (outcome == PARKED) {
        parked->next = waiting->parked;
        waiting->parked = parked;
    }
    pthread_mutex_unlock(&waiting->lock);
    return outcome;
}

static uint64_t wakes_so_far(struct sl_waiting *waiting)
{
    pthread_mutex_lock(&waiting->lock);
    uint64_t wakes = waiting->wakes;
    pthread_mutex_unlock(&waiting->lock);
    return wakes;
}

/* Replies, or parks the read; takes parked. */
static void answer_or_park(struct sl_waiting *waiting, struct parked *parked)
{
    enum outcome outcome = TRY_AGAIN;
    while (outcome == TRY_AGAIN) {
        uint64_t wakes = wakes_so_far(waiting);
        if (answer(waiting, parked->req, parked->open, parked->offset, parked->size)) {
            free(parked);
            return;
        }
        outcome = put_aside(waiting, parked, wakes);
    }
    if (outcome == PARKED)
        return; /* and may have been replied to and freed by now */
    if (outcome == ENDED && sl_open_kind_of(parked->open) == SL_OPEN_FEED)
        (void)fuse_reply_buf(parked->req, NULL, 0);
    else if (outcome == ENDED)
        (void)fuse_reply_err(parked->req, ENODEV);
    else
        (void)fuse_reply_err(parked->req, EINTR);
    free(parked);
}

void sl_waiting_read(struct sl_waiting *waiting, fuse_req_t req, struct sl_open *open, uint64_t offset,
                     size_t size, bool nonblock)
{
    if (answer(waiting, req, open, offset, size))
        return;
    struct parked *parked = nonblock ? NULL : calloc(1, sizeof *parked);
    if (!parked) {
        (void)fuse_reply_err(req, nonblock ? EAGAIN : ENOMEM);
        return;
    }
    *parked = (struct parked){NULL, req, open, offset, size};
    fuse_req_interrupt_func(req, interrupted, waiting);
    answer_or_park(waiting, parked);
}

/* Removes the pollers of one file, or of all (NULL). */
static struct poller *take_pollers(struct sl_waiting *waiting, const struct sl_open *open)
{
    struct poller *taken = NULL;
    pthread_mutex_lock(&waiting->lock);
    for (struct poller **at = &waiting->poller, *poller; (poller = *at);) {
        if (open && poller->open != open) {
            at = &poller->next;
            continue;
        }
        *at = poller->next;
        poller->next = taken;
        taken = poller;
    }
    pthread_mutex_unlock(&waiting->lock);
    return taken;
}

/* A poller that is notified polls again and registers again; so all are notified, readable or not. Waking a poller does
 * not wait for anything in the kernel, unlike the notifier's notices. */
static void free_pollers(struct poller *poller, bool notify)
{
    for (struct poller *next; poller; poller = next) {
        next = poller->next;
        if (notify)
            (void)fuse_lowlevel_notify_poll(poller->handle);
        fuse_pollhandle_destroy(poller->handle);
        free(poller);
    }
}

/* Keeps the handle; an earlier one of this file is no longer used. Out of memory: the poller is not notified, and polls
 * again after its time-out. */
static void keep_handle(struct sl_waiting *waiting, struct sl_open *open, struct fuse_pollhandle *handle)
{
    struct poller *poller = calloc(1, sizeof *poller);
    if (!poller) {
        fuse_pollhandle_destroy(handle);
        return;
    }
    *poller = (struct poller){NULL, handle, open};
    free_pollers(take_pollers(waiting, open), false);
    pthread_mutex_lock(&waiting->lock);
    poller->next = waiting->poller;
    waiting->poller = poller;
    pthread_mutex_unlock(&waiting->lock);
}

void sl_waiting_poll(struct sl_waiting *waiting, fuse_req_t req, struct sl_open *open,
                     struct fuse_pollhandle *handle)
{
    if (handle)
        keep_handle(waiting, open, handle);
    /* Checked after the handle was kept: what is published in between is seen here or notified. */
    bool readable = sl_tree_readable(waiting->tree, open);
    (void)fuse_reply_poll(req, readable ? POLLIN | POLLRDNORM : 0);
}

void sl_waiting_closed(struct sl_waiting *waiting, struct sl_open *open)
{
    free_pollers(take_pollers(waiting, open), false);
}

static struct parked *take_all(struct sl_waiting *waiting, bool end)
{
    pthread_mutex_lock(&waiting->lock);
    struct parked *parked = waiting->parked;
    waiting->parked = NULL;
    waiting->wakes++;
    waiting->ended = waiting->ended || end;
    pthread_mutex_unlock(&waiting->lock);
    return parked;
}

static void wake(struct sl_waiting *waiting, bool end)
{
    struct parked *parked = take_all(waiting, end);
    for (struct parked *next; parked; parked = next) {
        next = parked->next;
        answer_or_park(waiting, parked);
    }
    free_pollers(take_pollers(waiting, NULL), true);
}

void sl_waiting_wake(struct sl_waiting *waiting)
{
    wake(waiting, false);
}

void sl_waiting_end(struct sl_waiting *waiting)
{
    wake(waiting, true);
}

void sl_waiting_free(struct sl_waiting *waiting)
{
    if (!waiting)
        return;
    sl_assert(!waiting->parked);
    free_pollers(take_pollers(waiting, NULL), false);
    pthread_mutex_destroy(&waiting->lock);
    free(waiting);
}

uint64_t sl_waiting_count(struct sl_waiting *waiting)
{
    uint64_t count = 0;
    pthread_mutex_lock(&waiting->lock);
    for (struct parked *parked = waiting->parked; parked; parked = parked->next)
        count++;
    pthread_mutex_unlock(&waiting->lock);
    return count;
}
