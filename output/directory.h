/* The durable directory (docs/durability.md, "The order of one batch"): complete under a hidden name first,
 * then visible at once.
 *
 *   1. sl_directory_open     makes the parent, removes what an earlier try left, makes the hidden directory
 *   2. sl_directory_add ...  takes over each file as it is written and starts its write-back
 *   3. sl_directory_seal     adds the empty _SUCCESS, syncs every file, then the directory
 *   4. sl_directory_reveal   renames it, never over anything, and syncs the parent
 *   5. sl_directory_done     closes; what was not revealed is removed
 *
 * In an object store these are the steps of core/contract/bucket.h: parts are objects, and _SUCCESS appears in step 4.
 *
 * A kill between any two calls leaves either nothing under the final name or the complete directory. Without
 * `durable` nothing is synced, and a directory that is there already is not looked into. */
#pragma once

#include "core/contract/services.h"
#include "output/output_dir.h"

struct sl_bucket;

/* Which directory it is: tells it from one of its name that is made later. */
struct sl_directory_parent {
    bool is_known, has_birth;
    uint64_t device, inode;
    int64_t born_ns; /* 0 where the file system does not tell */
};

struct sl_directory {
    struct sl_bucket *bucket; /* it is in an object bucket, core/contract/bucket.h; NULL: in a file system */
    struct sl_io *io;
    const struct sl_output_dir *place; /* borrowed until done */
    bool durable, revealed;
    int parent_fd, fd;           /* fd: the hidden directory; both -1 while closed */
    struct sl_manifest manifest; /* what was added; path stays NULL */
    size_t capacity;
    int *unsynced; /* fds of added files that wait for their sync */
    size_t unsynced_count;
};

/* *known: the parent directory to which a trusted path led (core/base/trust.h) and whose name, and those above it, are
 * durable; zeroed at first. Another one, which was made since, is checked and made so. */
int sl_directory_open(struct sl_directory *directory, struct sl_io *io, int dirfd,
                      const struct sl_output_dir *place, bool durable, struct sl_directory_parent *known,
                      struct sl_error *err);

/* In an object bucket, which is borrowed until done; `mark` says whose it is, stop may be NULL. */
int sl_directory_open_bucket(struct sl_directory *directory, struct sl_bucket *bucket,
                             const struct sl_output_dir *place, const char *mark, const _Atomic int *stop,
                             struct sl_error *err);

/* A file of the directory, written through fd, which it takes over whatever comes. */
int sl_directory_add(struct sl_directory *directory, const struct sl_manifest_file *file, int fd,
                     struct sl_error *err);

int sl_directory_seal(struct sl_directory *directory, struct sl_error *err);

/* What to do when something has the final name and is not what we would have put there. */
enum sl_directory_taken {
    SL_TAKEN_FAIL,    /* SL_EFAIL, naming it and what to do */
    SL_TAKEN_DAMAGED, /* the batch was planned before: SL_EDAMAGED, what was revealed has been changed since */
    SL_TAKEN_ASIDE,   /* overwrite = true: it is renamed to name.~1~, name.~2~ ... */
};
int sl_directory_reveal(struct sl_directory *directory, enum sl_directory_taken taken, struct sl_error *err);

void sl_directory_done(struct sl_directory *directory);
