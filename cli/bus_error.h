/* SIGBUS from the file that SQLite shares with readers through memory (catalog.db-shm). On btrfs and its like a store into
 * it needs a new block; where the disk is full, and state/catalog/shared_memory.h could not see that in time, the
 * kernel has no other way to report it. A store that failed is done again when the handler returns: so a run that waits
 * for room waits here, and anything else ends with a message. Every other SIGBUS does what it does by default. */
#pragma once

#include <stdbool.h>

/* From here on it ends the process with exit status 1 and a message. */
void sl_bus_error_open(void);

/* Of a run: `waits` until there is room or *stop is not 0, then with exit status 0: the batch is redone at the next
 * start. In JSON: the message, like the log. */
void sl_bus_error_of_run(bool waits, const volatile int *stop, bool json);
