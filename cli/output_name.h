/* Which output a name means that the user gave: its prefix, as the job has it or as it is seen from here, one of its
 * directories, or the link to the newest. */
#pragma once

#include "cli/target.h"

/* "out/counts-1000.txt" of batch 1000 is called "out/counts", "out/counts.txt" and by its path. */
bool sl_output_is_called(const char *name, const char *path, int64_t batch_ms);

/* What the job calls the path; in the target's arena. NULL: it is in no directory below the job's, or there is none. */
const char *sl_output_name_in_job(struct sl_target *target, const char *name);
