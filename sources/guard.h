/* Wraps a reader: distinguishes failures of the file it reads from those of its sink, and counts the
 * records of the file and how many of them fail. */
#pragma once

#include "core/contract/task.h"

struct sl_guard {
    struct sl_outlet outlet; /* first: what the reader pushes to */
    struct sl_reject_sink sink;
    struct sl_outlet *out;
    struct sl_reject_sink *sink_before;
    bool failed; /* below */

    const struct sl_chunk *pushed; /* under way; NULL: none */
    bool is_any_seen;
    uint64_t seen[SL_CHUNK_ROWS / 64]; /* its rows that failed already */
    uint64_t records, errors;
    uint32_t line; /* of the first record that failed */
    unsigned node;
    char message[SL_MESSAGE_MAX];
};

/* Until sl_guard_done the task's record errors go through the guard. */
void sl_guard_init(struct sl_guard *guard, struct sl_task *task, struct sl_outlet *out);
void sl_guard_done(struct sl_guard *guard, struct sl_task *task);

/* Whether a failure of this kind is the file's: it is quarantined. Otherwise trying again may help, and the
 * batch fails. */
bool sl_is_file_failure(int result, const struct sl_error *err);
