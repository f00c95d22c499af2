/* A process that runs tasks of other processes' batches: `sluice worker`. It loads the job once, then takes one task
 * after the other from its peer (engine/remote/peer.h) until that closes. It writes nothing but results that are too
 * large for a message, into the directory that the task names. */
#pragma once

#include "engine/remote/peer.h"

struct sl_context;

/* Serves the peer. hash: of the graph that is expected, NULL: any. 0: the peer has closed; SL_EUSAGE: the graph is
 * another one; or what failed apart from tasks. */
int sl_worker_serve(struct sl_context *context, const struct sl_peer *peer, const char *hash, int64_t stage,
                    struct sl_error *err);
