/* Where paths of a job lead, whether or not what they name exists yet, and how such places lie to each other. */
#pragma once

#include <limits.h>
#include <stdbool.h>

/* Absolute and without links; relative ones begin at dir. False: it is too long. */
bool sl_lead_resolve(const char *dir, const char *path, char ret[PATH_MAX]);
bool sl_lead_is_url(const char *prefix);
/* The same of what may be a URL of an object store, which leads where it says, and is no path here. */
bool sl_lead_find(const char *dir, const char *path, char ret[PATH_MAX]);

/* What follows takes resolved paths. */

/* Whether `path` is `dir` or lies in it. */
bool sl_lead_lies_in(const char *path, const char *dir);
/* Whether `path` is a directory that `watched` names, which may be a pattern, or lies in one. */
bool sl_lead_is_watched(const char *path, const char *watched);
/* Whether `watched`, which may be a pattern, may name something in `dir`. */
bool sl_lead_may_lie_in(const char *watched, const char *dir);
/* Whether it is on a file system that shows the kernel; of what is not there, the nearest directory above it. */
bool sl_lead_is_of_the_kernel(const char *resolved);
