/* The marker of an arrival (complete) is put away like it and before it: what an interrupted try leaves is the file, whose
 * next try ends both; and a marker that stays could be taken for that of the next file of the name.
 *
 * Deleted, or renamed into the archive; on another file system a synced copy becomes ARCHIVE/.sluice-OWNER-INODE.marker
 * (the inode is that of the file), the marker is deleted, and the copy gets its name. */
#pragma once

#include "sources/put_away.h"

/* Where the arrival has none, nothing happens. A failure: the arrival is owed, unless sync_failed. */
int sl_put_marker_away(struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err);
