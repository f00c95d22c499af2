/* A run under test: another door to files, and somebody who is told of every step of engine/commit.c. */
#pragma once

#include "core/io.h"

#include <sluice.h>

struct sl_run_hooks {
    struct sl_io *io; /* NULL: the system's own */
    /* The step of batch t is about to begin; after the last one its name is "done". May be NULL. */
    void (*step)(void *arg, int64_t t, const char *name);
    void *arg;
};

/* sl_run with hooks. */
int sl_run_hooked(struct sl_context *context, const struct sl_run_options *options,
                  const struct sl_run_hooks *hooks);
