/* Datasets and disk (core/rows/spill.h): one that was made in memory and is kept for long is moved to disk. */
#pragma once

#include "core/base/error.h"
#include "core/rows/dataset.h"

struct sl_spill;
struct sl_spill_file;

/* Whether some rows are on disk. Not of a deferred dataset. */
bool sl_dataset_is_stored(const struct sl_dataset *dataset);

/* About what its rows take in memory; what several runs share counts with each. */
size_t sl_dataset_bytes(const struct sl_dataset *dataset);

/* The same rows in the same partitions as runs of the file. 0, or a failure. */
int sl_dataset_store(const struct sl_dataset *dataset, const struct sl_spill *spill,
                     struct sl_spill_file *file, struct sl_dataset **ret, struct sl_error *err);
