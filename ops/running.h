/* The result of a window with an inverse, kept from slide to slide: groups in the order of their keys, into
 * which the entering batch is combined and from which the leaving one is taken out. A slide costs what it
 * writes. */
#pragma once

#include "ops/groups.h"

struct sl_running {
    size_t count;
    size_t settled; /* bytes of memory when it held nothing else than what lives */
    struct sl_live {
        struct sl_entry entry;
        uint32_t batches; /* of the window that hold the key */
        bool failed;      /* a group error: not shown until it is forgotten */
    } * live;
    struct sl_memory *memory; /* keys and states */
};

void sl_running_done(struct sl_running *running);

/* Combines a batch that enters the window. Key and state are copied where they are new. */
int sl_running_enter(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_groups *groups);
/* Takes out a batch that leaves. `forget`: a key that no batch holds any more goes. */
int sl_running_leave(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_groups *groups, bool forget);
/* What is shown now, sharing memory with the running groups. The caller unrefs. */
int sl_running_groups(const struct sl_running *running, struct sl_groups **ret);
