/* What earlier runs took of several directories, until each of them is watched. There may be millions of files.
 *
 * Zero is an empty list; sl_known_files_done frees it. */
#pragma once

#include "core/contract/arrivals.h"
#include "core/contract/services.h"

struct sl_known_file;

struct sl_known_files {
    struct sl_files files;
    struct sl_known_file *by_dir; /* [sorted] by the directory that each is in; a search needs all of them */
    size_t sorted;
    bool flat; /* a directory in a watched one is no arrival of it */
};
void sl_known_files_done(struct sl_known_files *known);

int sl_known_files_add(struct sl_known_files *known, const struct sl_file *file, struct sl_error *err);
/* Tells the arrivals of this directory what was taken of it. */
int sl_known_files_remind(struct sl_known_files *known, const char *dir, struct sl_arrivals *arrivals,
                          struct sl_error *err);
/* Removes what was taken of a directory. */
int sl_known_files_forget(struct sl_known_files *known, const char *dir, struct sl_error *err);
/* Removes what was taken of directories that were removed, and appends it to ret. */
int sl_known_files_forget_removed(struct sl_known_files *known,
                                  bool (*is_removed)(const void *arg, const char *dir), const void *arg,
                                  struct sl_files *ret, struct sl_error *err);
