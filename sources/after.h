/* after = "delete" or a directory: what becomes of files when their batch is committed.
 *
 * A file is first renamed to a hidden name beside it (.sluice-<inode>) and looked at there, for between a
 * look and an unlink somebody could have put a newer file in its place: what is not the file that was read
 * goes back. A file that was changed after it was taken stays where it is. A directory that was one arrival
 * goes as a whole, unless something is in it that was not read.
 *
 * All of it may be done again after a crash: what is done already is found missing, or under
 * its hidden name. */
#pragma once

#include "sources/files.h"

/* The files of the source's batch that were read. Trouble with single files is logged. */
int sl_after_batch(struct sl_file_source *source, struct sl_error *err);
