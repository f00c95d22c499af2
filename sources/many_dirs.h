/* Several watched directories as one: those that a pattern ("logs/2*") names, or a directory with all below it.
 *
 * Each directory has arrivals of its own (core/contract/arrivals.h); this puts them together. Directories that match
 * later are found by looking again, every poll_interval_ms and whenever files are asked for anew; what was made in one
 * before it was watched is found, for its first scan sees it. */
#pragma once

#include "core/contract/services.h"
#include "sources/options.h"

/* Of a source with these options, which are borrowed until close; one directory where it is one, and what a trial is given.
 * SL_EUSAGE: a directory that is named without a pattern does not exist. */
int sl_many_dirs_or_one(const struct sl_services *services, const struct sl_file_options *options,
                        struct sl_arrivals **ret, struct sl_error *err);
