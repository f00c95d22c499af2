/* Where the rows of a table (sources/table/table.c) lie now: one file, the files of a complete output directory, or a database.
 *
 * A place is a path as the job gives it: a file; a directory with _SUCCESS, also through a symlink; or the prefix of
 * another job's output, whose newest complete directory PREFIX-TIME[.SUFFIX] is meant. */
#pragma once

#include "core/base/error.h"
#include "core/base/io.h"
#include "core/contract/arrivals.h"

enum { SL_TABLE_HASH_MAX = 40 }; /* hexadecimal digits and a NUL */

struct sl_table_files {
    bool is_missing; /* of a failure: there is nothing under the path */
    char identity
        [SL_TABLE_HASH_MAX]; /* of names, inodes, sizes and times: another one where something was changed */
    struct sl_files files;   /* with the paths to open, in the order in which they are read */
};

/* Relative paths start at dirfd. SL_EFAIL: says why there is no table now. */
int sl_table_files_find(struct sl_io *io, int dirfd, const char *place, struct sl_table_files *ret,
                        struct sl_error *err);
void sl_table_files_done(struct sl_table_files *files);
