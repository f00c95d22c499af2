/* Tests that users write for their jobs (SPEC 11): scripts that `require "sluice.testing"` for case, equal
 * and run, and whose cases are told as TAP.
 *
 *     struct sl_testing testing = {.out = stdout};
 *     sl_testing_run(&testing, path, &err)   any number of times
 *     sl_testing_plan(&testing)              the last line */
#pragma once

#include "core/base/error.h"

#include <stdio.h>

struct sl_testing {
    FILE *out;
    unsigned cases, failed;
};

/* A script that fails outside its cases is a failed case. SL_EUSAGE: it cannot be read. */
int sl_testing_run(struct sl_testing *testing, const char *path, struct sl_error *err);
void sl_testing_plan(const struct sl_testing *testing);
