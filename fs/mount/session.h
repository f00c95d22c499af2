/* A FUSE session: mounted at a directory and served by threads of its own until it is stopped. */
#pragma once

#include "core/base/error.h"
#include "fs/mount/fuse.h"

struct sl_session;

struct sl_session_options {
    bool for_others; /* allow_other */
    bool debug;      /* libfuse writes every request and answer to the log */
};

/* Mounts; requests wait until sl_session_serve. SL_EFAIL: FUSE is not available, the text says why. */
int sl_session_mount(const char *dir, const struct sl_session_options *options,
                     const struct fuse_lowlevel_ops *ops, void *userdata, struct sl_session **ret,
                     struct sl_error *err);
int sl_session_serve(struct sl_session *session, struct sl_error *err);
/* Whether another program unmounted it or aborted its connection. Cheap: a poll; /proc is read only after mounts have
 * changed. */
bool sl_session_is_lost(struct sl_session *session);
struct fuse_session *sl_session_fuse(struct sl_session *session);
/* Unmounts, lazily where it is busy, and frees. NULL is fine. */
void sl_session_free(struct sl_session *session);
