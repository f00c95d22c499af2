/* What the job's counters have counted in committed batches: table counter. */
#pragma once

#include "core/rows/field.h"
#include "state/catalog/catalog.h"

struct sl_counted {
    const char *name;
    struct sl_field value; /* an integer or a float */
};

/* Visits end when one returns other than 0, which is a failure: SL_ENOMEM, or SL_EUSAGE where there are too many. */
typedef int sl_counter_visit(void *arg, const char *name, struct sl_field value);
int sl_catalog_each_counter(struct sl_catalog *catalog, sl_counter_visit *visit, void *arg,
                            struct sl_error *err);
/* Within the transaction of a commit. */
int sl_catalog_put_counters(struct sl_catalog *catalog, const struct sl_counted *counted, size_t count,
                            struct sl_error *err);
