/* The standard streams of the program. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>

/* First thing: streams that are closed are opened, so that no file of ours gets their number and with it what
 * is meant for them. */
void sl_streams_open(void);

/* Bytes of data or file names to stdout: as they are into a file or a pipe; on a terminal, what could disturb it becomes \xNN
 * (sl_buf_safe), but not tabs and newlines. */
int sl_stdout_data(const void *bytes, size_t len, struct sl_error *err);
int sl_stdout_flush(struct sl_error *err);

/* Last thing: the exit status, failed where something that had to be said on stdout was not. */
int sl_streams_close(int status);
