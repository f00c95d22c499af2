/* Received logs of sources that the job does not have any more. */
#pragma once

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/base/log.h"
#include "receive/log/frame.h"

/* Records in the log of the source `name` that no batch has used, whose newest committed range is `reached` (empty:
 * none is known). 0 where there is no log. */
int sl_received_leftover(struct sl_io *io, const char *checkpoint, const char *name,
                         const struct sl_buf *reached, uint64_t *ret, struct sl_error *err);
/* Whether a range of a received log ends after another one; `than` empty: after nothing. */
bool sl_received_is_further(const struct sl_buf *range, const struct sl_buf *than);
/* Whether a source of this name has ever received anything, or noted where it begins. */
bool sl_received_has_log(struct sl_io *io, const char *checkpoint, const char *name);
/* Calls visit for the newest positions in the log of the source `name`, as the operator `writer` has written them: a frame of all of
 * them (SL_RECEIVED_FRAME_POSITIONS, its body), then those of later frames (their position). None where there is no log. */
int sl_received_left_positions(struct sl_io *io, const char *checkpoint, const char *name, const char *writer,
                               const struct sl_buf *reached,
                               int (*visit)(void *arg, const struct sl_received_frame *frame,
                                            struct sl_error *err),
                               void *arg, struct sl_error *err);
/* Whether that log has the position of a sender. */
int sl_received_left_position(struct sl_io *io, const char *checkpoint, const char *name, const char *writer,
                              const struct sl_buf *reached, bool *ret, struct sl_error *err);
int sl_received_drop_log(struct sl_io *io, const char *checkpoint, const char *name, struct sl_error *err);
