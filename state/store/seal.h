/* The seal: a witness, beside the catalog, of how far the catalog has come.
 *
 * SQLite ends its log at the first frame that does not add up. After a power loss that is right: what follows
 * was never acknowledged. But a byte that rots in the log of a killed process would silently take
 * acknowledged batches back, and their files would be counted twice. So every transaction has a serial
 * number, and after it is durable the number is written here: a catalog that knows less than its seal is
 * damaged.
 *
 * The seal is never synced: what it says after a power loss is old or unreadable, and then it merely proves
 * less. An unreadable seal proves nothing and is no error.
 *
 *     offset  bytes  <checkpoint>/seal
 *          0     12  "sluice-seal "
 *         12     20  serial number, decimal, filled with blanks on the left
 *         32      1  blank
 *         33     16  XXH3-64 of the 33 bytes before, hexadecimal
 *         49      1  newline */
#pragma once

#include "core/base/io.h"

/* *fd: the seal, opened where it is negative and left open for the next time; the caller closes it. */
void sl_seal_write(struct sl_io *io, int dirfd, int *fd, int64_t serial);

/* 0 where there is none that can be read. */
int64_t sl_seal_read(struct sl_io *io, int dirfd);
