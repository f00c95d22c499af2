/* Files that are handed to a run in place of those that arrive in watched directories: for `sluice try` and
 * for tests of jobs.
 *
 * sl_fed_files_init; sl_fed_files_add_file or sl_fed_files_add_text any number of times; then the run gets &given->io as
 * its door to files and sl_fed_files_open_arrivals as its watcher (arrivals_arg: the given). Each source is given
 * the files of its directory and of the batch given->batch. Texts are in memory; nothing is written. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/services.h"

struct sl_fed_files_file {
    char *dir;  /* the watched directory, as the job names it */
    char *path; /* as messages and dead letters show it */
    size_t batch;
    int fd;
};

struct sl_fed_files {
    struct sl_io io; /* first: opens given files by their path, everything else as the system does */
    struct sl_io_ops ops;
    size_t count, capacity;
    struct sl_fed_files_file *file;
    size_t batch; /* the one that takes next, from 0 */
};

void sl_fed_files_init(struct sl_fed_files *given);
void sl_fed_files_done(struct sl_fed_files *given);

/* An existing regular file, relative to the working directory. */
int sl_fed_files_add_file(struct sl_fed_files *given, const char *dir, const char *path, size_t batch,
                          struct sl_error *err);
/* A file of these bytes, shown as dir/batch-<n>, n from 1. */
int sl_fed_files_add_text(struct sl_fed_files *given, const char *dir, size_t batch,
                          const struct sl_buf *text, struct sl_error *err);

/* services->open_arrivals */
int sl_fed_files_open_arrivals(const struct sl_services *services, const char *dir,
                               const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                               struct sl_error *err);
