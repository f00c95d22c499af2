/* Opening the files of a plan. Who may write below a watched directory must not decide what else is read: below it no
 * symbolic link is followed, whatever a name became since it was listed. Links in the path that the job gives are the
 * job's. */
#pragma once

#include "sources/files.h"

/* The fd of the file that was planned: the same identity, and at least as long; or a failure. */
int sl_planned_file_open(struct sl_file_source *source, const struct sl_file *file, struct sl_error *err);

/* More than SL_HOLLOW_MIN bytes, of which less than one in SL_HOLLOW_RATIO is stored: the rest are holes, which cost who made
 * the file nothing, and who reads it as much as any bytes. */
enum { SL_HOLLOW_MIN = 1 << 30, SL_HOLLOW_RATIO = 1000 };
bool sl_planned_file_is_hollow(struct sl_file_source *source, const struct sl_file *file);
