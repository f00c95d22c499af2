/* What `why` and `trace` answer for the file of a table (sluice.table), which no batch takes. */
#pragma once

#include "cli/target.h"

/* Prints the answer and returns 1; 0: the job has no such table. reading: NULL where there is no catalog yet. */
int sl_table_answer_why(struct sl_target *target, struct sl_reading *reading, const char *file,
                        struct sl_error *err);
/* The newest version that batches have used, and the outputs that were made with any; the same results. */
int sl_table_answer_trace(struct sl_target *target, struct sl_reading *reading, const char *file,
                          struct sl_error *err);
