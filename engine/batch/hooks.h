/* A run under test: another way to files, a function that is called at every step of engine/batch/commit.c, and one that
 * waits in its place. */
#pragma once

#include "core/base/io.h"

#include <sluice.h>

struct sl_executor;

struct sl_run_hooks {
    struct sl_io *io; /* NULL: the system's own */
    /* The step of batch t is about to begin; after the last one its name is "done". May be NULL. */
    void (*step)(void *arg, int64_t t, const char *name);
    /* In the place of waiting for room on a disk that is full, and for every run: whether to try again. NULL:
     * a long run waits, others fail. */
    bool (*room)(void *arg);
    void *arg;
    struct sl_executor *executor; /* engine/batch/executor.h; NULL: none */
};

/* sl_run with hooks. */
int sl_run_hooked(struct sl_context *context, const struct sl_run_options *options,
                  const struct sl_run_hooks *hooks);
