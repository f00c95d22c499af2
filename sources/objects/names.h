/* Which objects of a listing are data that may be taken: by their names, markers and ages. */
#pragma once

#include "sources/options.h"

/* Whether this object of a whole listing below options->dir, which is sorted, may be taken at the time now_ms. May call the job's filter: main
 * thread only. */
bool sl_object_is_ready(const struct sl_files *listing, const struct sl_file *file,
                        const struct sl_file_options *options, int64_t now_ms);
