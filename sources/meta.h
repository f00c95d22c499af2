/* meta = true: records get a last field that says where they come from, {line=, mtime=, path=}: the line
 * counted from 1 in the whole file, the time of its last change in ms. Stands between a reader and who reads
 * it. */
#pragma once

#include "sources/files.h"

struct sl_meta {
    struct sl_outlet outlet; /* first: what the reader pushes to */
    struct sl_outlet *out;
    struct sl_task *task;
    const struct sl_file_part *part;
    uint64_t before; /* lines of earlier parts of the file */
};

/* Counts the lines of earlier splits where they are not counted yet. 0 or a failure, SL_EFAIL for one of the file. */
int sl_meta_init(struct sl_meta *meta, const struct sl_file_part *part, size_t p, struct sl_task *task,
                 struct sl_outlet *out);
/* Where `before` lines are known to be before those of the part. */
void sl_meta_init_at(struct sl_meta *meta, const struct sl_file_part *part, uint64_t before,
                     struct sl_task *task, struct sl_outlet *out);
