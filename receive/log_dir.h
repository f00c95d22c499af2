/* Where the log of a source is: <checkpoint>/received/<source>, the name encoded as keys of a view are. */
#pragma once

#include "core/base/buf.h"

/* Appends the path with a NUL. */
void sl_received_dir(const char *checkpoint, const char *name, struct sl_buf *ret);
