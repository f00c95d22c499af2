/* Which names are data, which are markers of another file, and which are ignored
 * (docs/manual.md, "How a file may arrive, and what happens"). Rules on names only: no system calls. */
#pragma once

#include "core/contract/arrivals.h"

/* Begins with . or _, or ends in ~, .tmp or .part. */
bool sl_name_ignored(const char *name);

/* Whether the filter of the job wants it. */
bool sl_name_wanted(const struct sl_arrivals_options *options, const char *name);

enum { SL_NAME_MAX = 255 };

/* `complete` is a name with one % for the name of the file: "%.done". False when it is not. */
bool sl_marker_valid(const char *complete);
/* The marker of a file; false when its name would be too long to exist. */
bool sl_marker_of(const char *complete, const char *name, char ret[SL_NAME_MAX + 1]);
/* The file whose marker `name` is; false when it is no marker. */
bool sl_marker_for(const char *complete, const char *name, char ret[SL_NAME_MAX + 1]);
