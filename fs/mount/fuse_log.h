/* Messages of libfuse are logged at level debug: what matters of them is in our own errors already. */
#pragma once

#include "core/base/log.h"

/* From now on; the log must live until sl_fuse_log_end of the same log. */
void sl_fuse_log_begin(struct sl_log *log);
void sl_fuse_log_end(struct sl_log *log);
