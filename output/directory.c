#include "output/directory.h"

#include "core/base/ancestors.h"
#include "core/base/array.h"
#include "core/base/trust.h"
#include "core/contract/bucket.h"
#include "output/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    UNSYNCED_MAX = 64, /* files kept open so that all are on their way to the disk before the first sync */
    ASIDE_MAX = 1000,
};

/* ---- 1: the hidden directory ---- */

static int look_at_parent(const struct sl_directory *directory, struct sl_directory_parent *ret,
                          struct sl_error *err)
{
    struct statx st;
    if (directory->io->ops->statx(directory->io, directory->parent_fd, "", AT_EMPTY_PATH,
                                  STATX_INO | STATX_BTIME, &st) < 0)
        return sl_error_sys(err, errno, "looking at directory %s", directory->place->parent);
    *ret = (struct sl_directory_parent){
        .is_known = true,
        .has_birth = st.stx_mask & STATX_BTIME,
        .device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
        .inode = st.stx_ino,
        .born_ns = st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec : 0,
    };
    return 0;
}

static bool is_same(const struct sl_directory_parent *a, const struct sl_directory_parent *b)
{
    return a->is_known && b->is_known && a->has_birth == b->has_birth && a->device == b->device &&
           a->inode == b->inode && a->born_ns == b->born_ns;
}

/* *ret: which one directory->parent_fd is. Closes it where that cannot be found out. */
static int use_parent(struct sl_directory *directory, int fd, struct sl_directory_parent *ret,
                      struct sl_error *err)
{
    directory->parent_fd = fd;
    if (fd < 0)
        return fd;
    int r = look_at_parent(directory, ret, err);
    if (r == 0)
        return 0;
    sl_io_close(directory->io, directory->parent_fd);
    directory->parent_fd = -1;
    return r;
}

/* What was checked once need not be checked again: whatever the path leads through by now, everything that follows is
 * done in the directory that is open. Without a time of birth a later directory may have its number. */
static bool opens_known(struct sl_directory *directory, int dirfd, const struct sl_directory_parent *known)
{
    struct sl_directory_parent found;
    struct sl_error ignored; /* the longer way reports it */
    if (!known->has_birth)
        return false;
    int fd = sl_io_open(directory->io, dirfd, directory->place->parent, O_RDONLY | O_DIRECTORY, 0, &ignored);
    if (use_parent(directory, fd, &found, &ignored) < 0)
        return false;
    if (is_same(&found, known))
        return true;
    sl_io_close(directory->io, directory->parent_fd);
    directory->parent_fd = -1;
    return false;
}

static int open_made(struct sl_directory *directory, int dirfd, bool durable, struct sl_directory_parent *ret,
                     struct sl_error *err)
{
    const char *parent = directory->place->parent;
    int r = sl_trust_make_dirs(directory->io, dirfd, parent, 0777, err);
    r = r < 0 || !durable ? r : sl_ancestors_sync(directory->io, dirfd, parent, err);
    r = r < 0 ? r : sl_trust_open_dir(directory->io, dirfd, parent, err);
    return use_parent(directory, r, ret, err);
}

static int open_parent(struct sl_directory *directory, int dirfd, struct sl_directory_parent *known,
                       struct sl_error *err)
{
    struct sl_directory_parent found, before = *known;
    if (opens_known(directory, dirfd, known))
        return 0;
    int r = open_made(directory, dirfd, directory->durable && !before.is_known, &found, err);
    if (r == 0 && before.is_known && !is_same(&found, &before) && directory->durable) {
        sl_io_close(directory->io, directory->parent_fd);
        directory->parent_fd = -1;
        r = open_made(directory, dirfd, true, &found, err);
    }
    if (r == 0)
        *known = found;
    return r;
}

/* Where others may write the parent, another directory could have taken its place since. */
static int check_ours(const struct sl_directory *directory, struct sl_error *err)
{
    struct stat st;
    if (directory->io->ops->fstat(directory->io, directory->fd, &st) < 0)
        return sl_error_sys(err, errno, "looking at %s/%s", directory->place->parent,
                            directory->place->hidden);
    if (st.st_uid == geteuid())
        return 0;
    return sl_error_set(err, SL_EFAIL,
                        "%s/%s: another user has put a directory there; others should not be able to "
                        "write in %s",
                        directory->place->parent, directory->place->hidden, directory->place->parent);
}

static int make_hidden(struct sl_directory *directory, struct sl_error *err)
{
    struct sl_io *io = directory->io;
    const char *hidden = directory->place->hidden;
    int made = io->ops->mkdirat(io, directory->parent_fd, hidden, 0777);
    if (made < 0 && errno == EEXIST) { /* an earlier try left it */
        int r = sl_io_remove_tree(io, directory->parent_fd, hidden, err);
        if (r < 0)
            return sl_error_wrap(err, "%s", directory->place->parent);
        made = io->ops->mkdirat(io, directory->parent_fd, hidden, 0777);
    }
    if (made < 0)
        return sl_error_sys(err, errno, "making directory %s/%s", directory->place->parent, hidden);
    directory->fd = sl_io_open(io, directory->parent_fd, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    return directory->fd < 0 ? directory->fd : check_ours(directory, err);
}

int sl_directory_open(struct sl_directory *directory, struct sl_io *io, int dirfd,
                      const struct sl_output_dir *place, bool durable, struct sl_directory_parent *known,
                      struct sl_error *err)
{
    *directory =
        (struct sl_directory){.io = io, .place = place, .durable = durable, .parent_fd = -1, .fd = -1};
    int r = open_parent(directory, dirfd, known, err);
    if (r == 0)
        r = make_hidden(directory, err);
    if (r < 0)
        sl_directory_done(directory);
    return r;
}

int sl_directory_open_bucket(struct sl_directory *directory, struct sl_bucket *bucket,
                             const struct sl_output_dir *place, const char *mark, const _Atomic int *stop,
                             struct sl_error *err)
{
    *directory = (struct sl_directory){.bucket = bucket, .place = place, .parent_fd = -1, .fd = -1};
    int r = bucket->ops->begin(bucket, place->shown, mark, stop, err);
    if (r < 0)
        directory->bucket = NULL;
    return r;
}

/* ---- 2: its files ---- */

static int sync_files(struct sl_directory *directory, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < directory->unsynced_count; i++) {
        if (r == 0)
            r = sl_io_sync(directory->io, directory->unsynced[i], directory->place->shown, err);
        sl_io_close(directory->io, directory->unsynced[i]);
    }
    directory->unsynced_count = 0;
    return r;
}

static int keep_unsynced(struct sl_directory *directory, int fd, struct sl_error *err)
{
    if (!directory->unsynced)
        directory->unsynced = calloc(UNSYNCED_MAX, sizeof *directory->unsynced);
    if (!directory->unsynced) {
        sl_io_close(directory->io, fd);
        return sl_error_nomem(err);
    }
    (void)directory->io->ops->start_writeback(directory->io, fd); /* a hint: the sync comes later */
    directory->unsynced[directory->unsynced_count++] = fd;
    return directory->unsynced_count < UNSYNCED_MAX ? 0 : sync_files(directory, err);
}

static int note_file(struct sl_directory *directory, const struct sl_manifest_file *file,
                     struct sl_error *err)
{
    struct sl_manifest *manifest = &directory->manifest;
    struct sl_manifest_file *grown =
        sl_array_grow(manifest->file, manifest->count, &directory->capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    manifest->file = grown;
    manifest->file[manifest->count++] = *file;
    return 0;
}

int sl_directory_add(struct sl_directory *directory, const struct sl_manifest_file *file, int fd,
                     struct sl_error *err)
{
    int r = note_file(directory, file, err);
    if (directory->bucket)
        return r;
    if (r == 0 && directory->durable)
        return keep_unsynced(directory, fd, err);
    sl_io_close(directory->io, fd);
    return r;
}

/* ---- 3: complete and on disk ---- */

static int add_success(struct sl_directory *directory, struct sl_error *err)
{
    int fd =
        sl_io_open(directory->io, directory->fd, SL_SUCCESS_NAME, O_WRONLY | O_CREAT | O_EXCL, 0666, err);
    if (fd < 0)
        return sl_error_wrap(err, "%s", directory->place->shown);
    if (directory->durable)
        return keep_unsynced(directory, fd, err);
    sl_io_close(directory->io, fd);
    return 0;
}

static int file_compare(const void *a, const void *b)
{
    return strcmp(((const struct sl_manifest_file *)a)->name, ((const struct sl_manifest_file *)b)->name);
}

int sl_directory_seal(struct sl_directory *directory, struct sl_error *err)
{
    struct sl_manifest *manifest = &directory->manifest;
    if (manifest->count > 1)
        qsort(manifest->file, manifest->count, sizeof *manifest->file, file_compare);
    if (directory->bucket)
        return directory->bucket->ops->complete(directory->bucket, manifest, err);
    int r = add_success(directory, err);
    if (r < 0 || !directory->durable)
        return r;
    r = sync_files(directory, err);
    return r < 0 ? r : sl_io_sync(directory->io, directory->fd, directory->place->shown, err);
}

/* ---- 4: visible ---- */

/* Renames within the parent, never over anything. 0, or 1: something has the name. */
static int rename_new(struct sl_directory *directory, const char *from, const char *to, struct sl_error *err)
{
    struct sl_io *io = directory->io;
    int fd = directory->parent_fd;
    struct statx st;
    if (io->ops->renameat2(io, fd, from, fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    int sys = errno;
    if (sys == EEXIST)
        return 1;
    /* Some file systems (NFS, old FUSE ones) do not know the flag: look, then rename. */
    if (sys == EINVAL || sys == ENOSYS) {
        if (io->ops->statx(io, fd, to, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0)
            return 1;
        sys = errno;
        if (sys == ENOENT && io->ops->renameat2(io, fd, from, fd, to, 0) == 0)
            return 0;
        sys = sys == ENOENT ? errno : sys;
    }
    return sl_error_sys(err, sys, "renaming to %s/%s", directory->place->parent, to);
}

/* "name.~1~" as cp and mv call numbered backups: watched directories ignore such names. */
static int move_aside(struct sl_directory *directory, struct sl_error *err)
{
    char aside[NAME_MAX + 16];
    for (int number = 1; number <= ASIDE_MAX; number++) {
        snprintf(aside, sizeof aside, "%s.~%d~", directory->place->name, number);
        int r = rename_new(directory, directory->place->name, aside, err);
        if (r <= 0)
            return r;
    }
    return sl_error_set(err, SL_EFAIL, "moving %s aside: %d older ones are there; remove some",
                        directory->place->shown, ASIDE_MAX);
}

/* Something has our name: ours from before a crash, or a stranger's. */
static int reveal_again(struct sl_directory *directory, enum sl_directory_taken taken, struct sl_error *err)
{
    const struct sl_output_dir *place = directory->place;
    bool same = false;
    int r = 0;
    if (directory->durable)
        r = sl_manifest_matches(directory->io, directory->parent_fd, place->name, place->shown,
                                &directory->manifest, true, &same, err);
    if (r < 0)
        return r;
    if (same)
        return sl_io_remove_tree(directory->io, directory->parent_fd, place->hidden, err);
    switch (taken) {
    case SL_TAKEN_ASIDE:
        r = move_aside(directory, err);
        r = r < 0 ? r : rename_new(directory, place->hidden, place->name, err);
        if (r <= 0)
            return r;
        break;
    case SL_TAKEN_DAMAGED:
        return sl_error_set(
            err, SL_EDAMAGED,
            "%s exists and is not what this batch, planned before a restart, writes; move it away if "
            "nothing has read it",
            place->shown);
    case SL_TAKEN_FAIL:
        break;
    }
    return sl_error_set(
        err, SL_EFAIL,
        "%s exists and is not what this batch would write; move it away; with overwrite = true, batches that are "
        "planned from then on do so themselves",
        place->shown);
}

int sl_directory_reveal(struct sl_directory *directory, enum sl_directory_taken taken, struct sl_error *err)
{
    if (directory->bucket)
        return directory->bucket->ops->reveal(directory->bucket, err);
    int r = rename_new(directory, directory->place->hidden, directory->place->name, err);
    if (r > 0)
        r = reveal_again(directory, taken, err);
    if (r < 0)
        return r;
    directory->revealed = true;
    return directory->durable ? sl_io_sync(directory->io, directory->parent_fd, directory->place->parent, err)
                              : 0;
}

/* ---- 5 ---- */

void sl_directory_done(struct sl_directory *directory)
{
    if (directory->bucket)
        directory->bucket->ops->end(directory->bucket);
    for (size_t i = 0; i < directory->unsynced_count; i++)
        sl_io_close(directory->io, directory->unsynced[i]);
    if (directory->io && directory->fd >= 0)
        sl_io_close(directory->io, directory->fd);
    if (directory->io && directory->parent_fd >= 0) {
        /* The failure that led here is reported already, and the next try removes it too. */
        if (!directory->revealed)
            (void)sl_io_remove_tree(directory->io, directory->parent_fd, directory->place->hidden, NULL);
        sl_io_close(directory->io, directory->parent_fd);
    }
    free(directory->unsynced);
    sl_manifest_done(&directory->manifest);
    *directory = (struct sl_directory){.parent_fd = -1, .fd = -1};
}
