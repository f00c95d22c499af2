/* What the checkpoint knows of the files of a tailStream under another name. */
#pragma once

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/contract/operator.h"

/* Whether the log of the source `name`, another tailStream, has positions of files that the node's glob matches now. Its newest committed
 * range is `reached`. */
int sl_tail_is_known(struct sl_io *io, const char *checkpoint, const char *job_dir,
                     const struct sl_node *node, const char *name, const struct sl_buf *reached, bool *ret,
                     struct sl_error *err);
