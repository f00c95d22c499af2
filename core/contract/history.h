/* What committed batches made and has not been released since: the contract between outputs that keep only their
 * newest directories (output/) and the catalog, which knows them (state/). Main thread only, between the
 * commit of a batch and the next plan. */
#pragma once

#include "core/base/error.h"

struct sl_history;
struct sl_manifest;

struct sl_history_ops {
    /* Calls visit for the directories of this series (struct sl_manifest) except the newest `keep`, oldest first,
     * until it returns other than 0; a failure is returned. The cost does not depend on how many are kept. */
    int (*oldest)(struct sl_history *history, const char *series, uint64_t keep,
                  int (*visit)(void *arg, int64_t time_ms, const char *path), void *arg,
                  struct sl_error *err);
    /* What batch time_ms made at path; the caller calls sl_manifest_done. */
    int (*manifest)(struct sl_history *history, int64_t time_ms, const char *path, struct sl_manifest *ret,
                    struct sl_error *err);
    /* Never shown by oldest again. Durable with the next transaction: until then a restart may show it. */
    int (*release)(struct sl_history *history, int64_t time_ms, const char *path, struct sl_error *err);
};

struct sl_history {
    const struct sl_history_ops *ops;
};
