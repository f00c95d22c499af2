/* The directory for results of tasks, which all machines see. It is opened by its path, wherever a task runs. */
#pragma once

#include "core/base/error.h"
#include "core/base/io.h"

/* The descriptor; SL_EUSAGE where another user has put a directory or link there since the driver made it. */
int sl_exchange_open(struct sl_io *io, const char *path, struct sl_error *err);
