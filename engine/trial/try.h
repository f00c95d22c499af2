/* What `sluice try` asks for beyond sl_try. */
#pragma once

#include <sluice.h>

#include <stdbool.h>
#include <stdio.h>

struct sl_try_options {
    const char *const *files;
    size_t files_count;
    size_t rows;    /* shown of each operator */
    size_t batches; /* at least 1: file k is in batch k, those left over in the last */
    bool finishes;  /* one more batch ends event time */
};

/* As sl_try. */
int sl_try_files(struct sl_context *context, const struct sl_try_options *options, FILE *out);
