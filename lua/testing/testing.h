/* Tests that users write for their jobs (docs/manual.md, "Testing a job"): scripts that `require
 * "sluice.testing"` for case, equal and run, and whose cases are reported as TAP.
 *
 *     struct sl_testing testing = {.out = stdout};
 *     sl_testing_run(&testing, path, &err)   any number of times
 *     sl_testing_plan(&testing)              the last line */
#pragma once

#include "core/base/error.h"
#include "sluice.h"

#include <stdio.h>

struct sl_testing {
    FILE *out;
    unsigned cases, failed;
    sl_log_function *on_log; /* of the runs under test: sl_context_on_log; NULL: silent */
    void *log_arg;
};

/* A script that fails outside its cases is a failed case. SL_EUSAGE: it cannot be read. */
int sl_testing_run(struct sl_testing *testing, const char *path, struct sl_error *err);
void sl_testing_plan(const struct sl_testing *testing);
