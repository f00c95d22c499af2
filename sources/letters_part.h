/* The letters of one partition, read as records of their source: sources/letters.h. */
#pragma once

#include "sources/files.h"
#include "sources/letters.h"

/* Gives them their origins, which live as long as the letters. SL_ENOMEM or 0. */
int sl_letters_part_prepare(struct sl_file_source *source, struct sl_letters *letters);
/* Those from `first` on that have the branch of the first, at most all. */
size_t sl_letters_part_len(const struct sl_letters *letters, size_t first);

/* Pushes them; those whose branch the job has no more are refused again. */
int sl_letters_part_read(struct sl_file_source *source, const struct sl_letters *letters, size_t first,
                         struct sl_task *task, struct sl_outlet *out);
