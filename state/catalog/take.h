/* Which files are taken, as a transaction changes it. */
#pragma once

#include "state/catalog/catalog_internal.h"

/* `progress` counts what is written. The file is remembered; an older one of its name, which it has replaced, is not any more. */
int sl_catalog_take(const struct sl_catalog *catalog, struct sl_catalog_progress *progress, int64_t source,
                    const struct sl_file *file, bool was_there, struct sl_error *err);
/* The files of a batch. */
int sl_catalog_take_all(const struct sl_catalog *catalog, struct sl_catalog_progress *progress,
                        int64_t source, const struct sl_files *files, struct sl_error *err);
/* gone[sources] are forgotten; newer ones of their names stay. */
int sl_catalog_forget_all(const struct sl_catalog *catalog, struct sl_catalog_progress *progress,
                          const struct sl_files *gone, struct sl_error *err);
