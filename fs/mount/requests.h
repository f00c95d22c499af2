/* What the kernel asks of a mount, answered from its tree. */
#pragma once

#include "fs/mount/fuse.h"
#include "fs/mount/waiting.h"
#include "fs/tree/tree.h"

/* The userdata of the session these are used with. */
struct sl_requests {
    struct sl_tree *tree;
    struct sl_waiting *waiting;
};

extern const struct fuse_lowlevel_ops sl_requests_ops;
