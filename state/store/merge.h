/* Merging segments: several neighbours become one with the same meaning (core/contract/state_writer.h). */
#pragma once

#include "state/store/segment.h"

struct sl_segment_merge_input {
    const char *path;
    uint64_t bytes, hash;
};

struct sl_segment_merge {
    struct sl_io *io;
    int dirfd;
    size_t count;
    const struct sl_segment_merge_input *input; /* oldest first */
    bool from_oldest;                           /* nothing comes before them: removals need not be kept */
    int64_t last_ms; /* newest committed batch: batch sections that are not wanted any more are dropped */
    const char *const *drop; /* keys that are not wanted, ends with NULL; may be NULL */
    const char *path;        /* of the result */
    const _Atomic int *stop; /* not 0: give up with SL_ESTOP */
};

/* *ret_bytes is 0 where nothing is left: then there is no file. */
int sl_segment_merge_run(const struct sl_segment_merge *merge, uint64_t *ret_bytes, uint64_t *ret_hash,
                         struct sl_error *err);
