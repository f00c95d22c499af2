/* The result of a window with an inverse, kept from slide to slide: groups in the order of their keys, into
 * which the entering batch is combined and from which the leaving one is taken out. A slide costs what it
 * writes. */
#pragma once

#include "ops/blocks.h"

struct sl_running {
    size_t count;
    bool mixed;     /* some key is: see below */
    size_t settled; /* bytes of memory when it held nothing else than what lives */
    struct sl_live {
        struct sl_entry entry;
        uint32_t batches; /* of the window that hold the key */
        bool failed;      /* a group error: not shown until it is forgotten */
        bool mixed;       /* batches of the window show the key differently: 1 and 1.0 */
        bool changed;     /* since it was last saved */
    } * live;
    struct sl_memory *memory; /* keys and states */
    bool tracks;              /* forgotten keys are noted, to be saved */
    size_t gone, gone_capacity;
    struct sl_field *gone_key; /* [gone], in memory */
};

void sl_running_done(struct sl_running *running);

/* Combines a batch that enters the window. Key and state are copied where they are new. */
int sl_running_enter(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_groups *groups);
/* Takes out a batch that leaves. `forget`: a key that no batch holds any more goes. */
int sl_running_leave(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                     const struct sl_groups *groups, bool forget);
/* What changed since the last save, as a keyed section: rows key, state, batches, failed; a key alone was
 * forgotten. Needs running->tracks. */
struct sl_keeper;
int sl_running_save(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                    struct sl_keeper *keeper);
/* Sections oldest first. */
int sl_running_load(struct sl_running *running, struct sl_stage *stage, const struct sl_reducer *reducer,
                    const struct sl_dataset *rows);

/* After batches left and were forgotten: mixed keys look as the oldest batch that is left has them. 0 or
 * SL_ENOMEM. */
int sl_running_show_first(struct sl_running *running, const struct sl_block_level *batches);
/* After a load: notes which keys a batch of the window shows differently. */
void sl_running_mark(struct sl_running *running, const struct sl_groups *groups);

/* What is shown now, sharing memory with the running groups. The caller unrefs. */
int sl_running_groups(const struct sl_running *running, struct sl_groups **ret);
