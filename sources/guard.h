/* Stands around a reader: tells failures of the file it reads from those of whoever takes its rows. */
#pragma once

#include "core/contract/task.h"

struct sl_guard {
    struct sl_outlet outlet; /* first: what the reader pushes to */
    struct sl_reject_sink sink;
    struct sl_outlet *out;
    struct sl_reject_sink *sink_before;
    bool failed; /* below */
};

/* Until sl_guard_done the task's record errors go through the guard. */
void sl_guard_init(struct sl_guard *guard, struct sl_task *task, struct sl_outlet *out);
void sl_guard_done(struct sl_guard *guard, struct sl_task *task);

/* Whether a failure of this kind is the file's: it is set aside. Otherwise trying again may help, and the
 * batch fails. */
bool sl_is_file_failure(int result, const struct sl_error *err);
