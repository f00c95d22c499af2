/* Messages between processes over two file descriptors: a head in JSON, and bytes that only the two ends understand.
 *
 *     offset  bytes
 *          0      4  "slm1"
 *          4      4  length of the head, little-endian
 *          8      8  length of the body
 *         16      -  the head: a JSON object with the member "type"
 *          -      -  the body: nothing, or a block (text/block.h), which has a checksum
 *
 * What travels, by type (members of the head):
 *
 *     driver to its caller
 *       hello    version, graph, loaded (the time that the job saw, in seconds), job, partitions
 *       stage    stage, role ("map", "reduce"), tasks, node; of a map: outputs, the operators of which reduce stages of the
 *                batch may want blocks, the same for all maps that have any; of a reduce: inputs (stages). Then as many
 *       task     stage, task: the body is for a worker
 *       drop     stages: their blocks are not needed any more
 *     its caller to the driver
 *       result   stage, task: the body of a worker's report. Once for each task at least; the first one counts
 *       failed   stage, code, text: the stage cannot be done, or a worker's failure that no attempt will mend
 *     to a worker
 *       task     the body of the driver's message
 *       block    the body of a worker's block message: of a reduce, in any order, any number of times
 *       go       all is there
 *     from a worker
 *       block    stage, task, node, partition
 *       report   stage, task
 *       failure  retry (true: another attempt may succeed), code, text
 *       end      blocks (their number): without it the attempt did not happen */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/rows/field.h"

enum { SL_REMOTE_VERSION = 7 };

struct sl_peer {
    int in, out; /* borrowed */
};

struct sl_message {
    struct sl_arena arena; /* of the head */
    struct sl_buf text;    /* of the head */
    struct sl_field head;  /* a map */
    struct sl_buf body;
};
void sl_message_done(struct sl_message *message);

/* The head is the JSON in `head`, without a newline. */
int sl_peer_send(const struct sl_peer *peer, const struct sl_buf *head, const void *body, size_t len,
                 struct sl_error *err);

/* Replaces *message. 1; 0: the other end has closed; SL_EDAMAGED, SL_EFAIL, SL_ENOMEM; SL_ESTOP: *stop is not 0 (looked
 * at several times a second; may be NULL). */
int sl_peer_receive(const struct sl_peer *peer, const _Atomic int *stop, struct sl_message *message,
                    struct sl_error *err);

/* Members of the head: "" and 0 where there is none of that type. The text lives as long as the message. */
const char *sl_message_text(struct sl_message *message, const char *name);
int64_t sl_message_integer(const struct sl_message *message, const char *name);
bool sl_message_is(struct sl_message *message, const char *type);
