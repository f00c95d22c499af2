/* opts.keep: only the newest directories of an output stay. */
#pragma once

#include "core/contract/services.h"
#include "output/settings.h"

/* Removes what is too old at batch t. Only what the catalog knows and whose manifest still matches is
 * touched; directories that were changed since are kept for good. */
int sl_retention_newest(const struct sl_services *services, const struct sl_save_settings *settings,
                        struct sl_bucket **bucket, int64_t t, struct sl_error *err);
