/* Reads of next and feed that have to wait, and pollers of them. They occupy no thread: a read without data is
 * parked with its request and tried again after each publish, until it is replied to, interrupted, or the mount ends. */
#pragma once

#include "fs/mount/fuse.h"
#include "fs/tree/tree.h"

struct sl_waiting;

struct sl_waiting *sl_waiting_new(struct sl_tree *tree); /* NULL: out of memory */
void sl_waiting_free(struct sl_waiting *waiting);        /* after sl_waiting_end; NULL is fine */

/* Replies to the request, now or later; with `nonblock` now, with EAGAIN where it would have to wait. */
void sl_waiting_read(struct sl_waiting *waiting, fuse_req_t req, struct sl_open *open, uint64_t offset,
                     size_t size, bool nonblock);
/* Replies to the request. Takes the handle (may be NULL), to notify once when there is something to read. */
void sl_waiting_poll(struct sl_waiting *waiting, fuse_req_t req, struct sl_open *open,
                     struct fuse_pollhandle *handle);
/* The file is being closed: it is no longer polled. */
void sl_waiting_closed(struct sl_waiting *waiting, struct sl_open *open);
/* A version was published: replies to reads that now have data. */
void sl_waiting_wake(struct sl_waiting *waiting);
/* The mount ends: readers that wait, or come later, read the end of feed; next gives ENODEV. */
void sl_waiting_end(struct sl_waiting *waiting);
uint64_t sl_waiting_count(struct sl_waiting *waiting);
