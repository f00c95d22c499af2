/* Whether a receiver that fails and is started again advances. Records alone do not tell: a program that ignores the
 * position it is given sends the same ones each time. Its position at each failure does, where it has one.
 *
 * Zeroed, with since_ns set to the start; sl_advance_note at each failure; sl_advance_done. */
#pragma once

#include "receive/received.h"

struct sl_advance {
    int64_t since_ns;        /* when it advanced last */
    uint64_t log_end;        /* at the last failure, or at the start */
    bool has_failed;         /* failed_at is set */
    struct sl_buf failed_at; /* the position at the last failure */
};

void sl_advance_begin(struct sl_advance *advance, const struct sl_received *received);
void sl_advance_done(struct sl_advance *advance);
/* Sets *ret: it has advanced since the last failure. */
int sl_advance_note(struct sl_advance *advance, const struct sl_received *received, bool *ret,
                    struct sl_error *err);
/* A run that ends when its sources have ended does not wait longer than connectTimeout for an advance. */
bool sl_advance_is_late(const struct sl_advance *advance, const struct sl_received *received);
