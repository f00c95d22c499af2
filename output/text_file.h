/* A dataset as one directory, outside the commit of a batch: rdd:saveAsTextFile and saveAsSequenceFile in foreachRDD.
 *
 * `path` (relative to the job) becomes a directory with part-00000, rows as tsv or records of a sequence file, and
 * _SUCCESS, by the same protocol as the outputs' (output/directory.h): complete or not there. Never over anything; only
 * a batch that is redone may find the same bytes there already. */
#pragma once

#include "core/contract/services.h"
#include "core/rows/dataset.h"
#include "output/settings.h"

int sl_text_file_save(const struct sl_services *services, struct sl_field path,
                      const struct sl_dataset *dataset, struct sl_error *err);

/* SL_EFAIL also where a record does not fit the classes: it names the record. */
int sl_sequence_file_save(const struct sl_services *services, struct sl_field path,
                          const struct sl_sequence_settings *settings, const struct sl_dataset *dataset,
                          struct sl_error *err);
