/* One record error as it is kept: engine/batch/rejects.c, and engine/remote/, where it comes from another process; and as a dead
 * letter, a line of JSON. */
#pragma once

#include "engine/batch/rejects.h"

struct sl_reject_entry {
    const struct sl_node *node;
    const struct sl_origin *origin; /* NULL: not from a file */
    uint32_t partition, line;       /* of the source; SL_NO_LINE, SL_GROUP_LINE */
    uint64_t sequence;              /* among those of the partition */
    int64_t event_ms;               /* of a late record; SL_NO_TIME elsewhere */
    int64_t records;                /* of a group; 0: not known, or no group */
    struct sl_span window;          /* that a group is left out of; empty: none of event time */
    uint32_t width;
    bool truncated;
    const struct sl_field *field;
    const char *message;
};

/* Keeps a copy of an entry, as if the task of its partition had just handed it to the sink; its sequence is the caller's.
 * Its origin must stay until sl_rejects_reset. 0 or SL_ENOMEM. */
int sl_rejects_keep(struct sl_rejects *rejects, const struct sl_reject_entry *entry);
/* Adds what another process has counted, kept or not. */
void sl_rejects_count(struct sl_rejects *rejects, unsigned node, uint64_t failed, uint64_t by_file);

/* Appends its dead letter. */
void sl_reject_entry_append(const struct sl_reject_entry *entry, const struct sl_rejects *rejects,
                            int64_t batch_ms, sl_lines_before *before, void *arg, struct sl_buf *buf);
