/* Files that arrived: the contract between a watched directory (watcher/) and the sources that read its
 * files.
 *
 * A file is named by its path and identified by: inode and birth time (where the file system has
 * none: inode, size and modification time), never the device number. It is taken exactly once per arrival. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct sl_log;

struct sl_file {
    char *path; /* directory as given in the job + "/" + name; owned */
    uint64_t inode;
    int64_t born_ns; /* birth time; INT64_MIN where the file system has none */
    int64_t mtime_ns;
    int64_t size; /* bytes when it was taken: what is read of it */
};

/* A growing list of files; owns the paths. Zero is an empty list. */
struct sl_files {
    struct sl_file *file;
    size_t count, capacity;
};

/* Files with the time of the batch that read each. Zero is an empty list. */
struct sl_owed_files {
    struct sl_files files;
    int64_t *batch_ms; /* [files.count] */
    size_t capacity;   /* of batch_ms */
};
void sl_owed_files_done(struct sl_owed_files *owed);
/* Copies the file. 0 or SL_ENOMEM. */
int sl_owed_files_add(struct sl_owed_files *owed, const struct sl_file *file, int64_t batch_ms);
/* Takes out those without a path. Returns the new number of the one that was number `at`. */
size_t sl_owed_files_pack(struct sl_owed_files *owed, size_t at);

/* What a source could not do with files of committed batches (after), and will try again. */
struct sl_owed {
    struct sl_owed_files now;
    struct sl_owed_files added, done; /* since the engine emptied them */
    size_t next;                      /* of now: where the next try begins */
    bool was_tried;                   /* in this run */
};
void sl_owed_done(struct sl_owed *owed);

void sl_files_done(struct sl_files *files);
/* Appends a copy of the file (path included). 0 or SL_ENOMEM. */
int sl_files_add(struct sl_files *files, const struct sl_file *file);
/* Appends the file and takes its path over, also when it fails. 0 or SL_ENOMEM. */
int sl_files_add_owned(struct sl_files *files, const struct sl_file *file);
/* Sorts those from number `from` on by their paths. */
void sl_files_sort(struct sl_files *files, size_t from);
/* Of files that are sorted: the one at this path, or NULL. */
const struct sl_file *sl_files_find(const struct sl_files *files, const char *path);
bool sl_file_same(const struct sl_file *a, const struct sl_file *b); /* identity; paths are not compared */

/* A watched directory, as a later run knows it again. */
struct sl_watched_home {
    const char *path; /* as the job names it, without slashes at the end */
    uint64_t inode;
    int64_t born_ns; /* INT64_MIN where the file system has none */
    bool is_mounted; /* it is on another file system than the job and than / */
};

struct sl_watched_homes {
    struct sl_watched_home *home; /* [count]; paths are owned */
    size_t count, capacity;
};
void sl_watched_homes_done(struct sl_watched_homes *homes);
/* Appends a copy. 0 or SL_ENOMEM. */
int sl_watched_homes_add(struct sl_watched_homes *homes, const struct sl_watched_home *home);
/* Of homes in the order of their paths: that of this path, or NULL. */
const struct sl_watched_home *sl_watched_homes_find(const struct sl_watched_homes *homes, const char *path);

struct sl_arrivals;

/* Called by the engine's main thread only. */
struct sl_arrivals_ops {
    /* Whether files wait. No system call. */
    bool (*pending)(struct sl_arrivals *arrivals);
    /* Scans the directory now. */
    int (*refresh)(struct sl_arrivals *arrivals, struct sl_error *err);
    /* Removes up to the limits from what waits, earliest seen first, and appends it to `ret` in name order
     * (by bytes). Where `ret` is empty the first one is taken although it is over them alone. */
    int (*take)(struct sl_arrivals *arrivals, uint64_t files_max, uint64_t bytes_max, struct sl_files *ret,
                struct sl_error *err);
    /* At start, before the first take: these were taken in earlier runs, or are planned. */
    int (*remember)(struct sl_arrivals *arrivals, const struct sl_files *files, struct sl_error *err);
    /* With `existing` false, after remember and before the first take. Files that were there when it was opened:
     * is_decided false: are old and appended to `ret`, to be remembered; true: an earlier run has remembered the old
     * ones, and all others are new. May be NULL. */
    int (*decide)(struct sl_arrivals *arrivals, bool is_decided, struct sl_files *ret, struct sl_error *err);
    /* Appends the remembered files that are no longer in the directory since the last call: they need not be
     * remembered any more, neither here nor in the catalog. */
    int (*gone)(struct sl_arrivals *arrivals, struct sl_files *ret, struct sl_error *err);
    /* Optional. The source has put this taken file away, or the directory that it came in: what comes under its name
     * is a new arrival, even where the file system tells the two apart by nothing. */
    int (*removed)(struct sl_arrivals *arrivals, const struct sl_file *file, struct sl_error *err);
    /* Optional. The source has renamed it and given it its name back: that it was absent makes it no new arrival. */
    int (*put_back)(struct sl_arrivals *arrivals, const struct sl_file *file, struct sl_error *err);
    /* Optional, all three. At a start, before the first take: the directories on mounted file systems that earlier runs
     * took files from. Where the path of one now names another one that is not mounted, nothing is read, and nothing is
     * gone, until it names that one again; `accepts` takes what is there. In the order of their paths; copied. */
    int (*remember_homes)(struct sl_arrivals *arrivals, const struct sl_watched_homes *homes, bool accepts,
                          struct sl_error *err);
    /* Appends the directories that the next run has to know, or to forget (is_mounted is false), and was not told of. */
    int (*homes)(struct sl_arrivals *arrivals, struct sl_watched_homes *ret, struct sl_error *err);
    /* Whether this file's directory is one that is waited for. */
    bool (*awaits_home)(const struct sl_arrivals *arrivals, const struct sl_file *file);
    /* Optional. Whether the directory, one of several, was removed, so that nothing of it is remembered any more. */
    bool (*is_removed)(const struct sl_arrivals *arrivals);
    void (*close)(struct sl_arrivals *arrivals);
    /* Optional, of arrivals that are made of those of several directories: number i of them, from 0; NULL after the
     * last. Without it they are of one watched directory. */
    const struct sl_arrivals *(*part)(const struct sl_arrivals *arrivals, size_t i);
    /* Of arrivals that are of no watched directory: how many wait, as far as is known, and how many are remembered. */
    void (*count)(const struct sl_arrivals *arrivals, uint64_t *ret_waiting, uint64_t *ret_taken);
};

struct sl_arrivals {
    const struct sl_arrivals_ops *ops;
};

/* How files of a directory are taken: the file options of docs/manual.md, "Files". Strings are borrowed until close. */
struct sl_arrivals_options {
    bool existing;    /* files already there are taken (newFilesOnly = false); else see `decide` */
    const char *glob; /* filter: names that match, or NULL */
    bool (*accept)(void *arg, const char *name); /* filter: a function on the name, or NULL */
    void *accept_arg;
    int64_t age_min_ms;   /* minAge, 0: none */
    const char *complete; /* marker pattern ("%.done"), or NULL */
    enum { SL_WATCH_AUTO, SL_WATCH_INOTIFY, SL_WATCH_POLL } watch;
    int64_t poll_interval_ms;
    bool flat; /* directories in it are no arrivals: they are watched on their own */
    /* Of one of several directories below this one, NULL otherwise: while this one is there it may be removed or moved away,
     * and what was taken of it is forgotten. */
    const char *base;
};
