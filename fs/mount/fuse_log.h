/* What libfuse has to say goes to the log of the run, as debug: what matters of it is in
 * our errors already. */
#pragma once

#include "core/base/log.h"

/* From now on; the log must live until sl_fuse_log_end of the same log. */
void sl_fuse_log_begin(struct sl_log *log);
void sl_fuse_log_end(struct sl_log *log);
