#include "watcher/dir_path.h"

#include "core/base/removed.h"
#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

/* In linux/magic.h, or should be. */
static const struct {
    uint32_t magic;
    const char *kind;
} without_events[] = {
    {0x6969, "NFS"},      {0xFF534D42, "CIFS"},   {0xFE534D42, "SMB"},    {0x517B, "SMB"},
    {0x65735546, "FUSE"}, {0x01021997, "9p"},     {0x00C36400, "Ceph"},   {0x5346414F, "AFS"},
    {0x47504653, "GPFS"}, {0x0BD00BD0, "Lustre"}, {0x6A656A62, "vboxsf"},
};

static char *without_slashes(const char *dir)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    return strndup(dir, len);
}

static bool is_overlay(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

/* What is open is where own links lead, and those of another user only to what belongs to that user: SL_EUSAGE. */
static int check_links(const struct sl_dir_path *place, int fd, struct sl_error *err)
{
    char whole[PATH_MAX];
    int rc = sl_trust_target(place->io, place->base_fd, place->path, whole, err);
    if (rc < 0 || sl_trust_is_at(place->io, fd, whole))
        return rc;
    return sl_error_sys(err, ESTALE, "opening %s",
                        place->path); /* replaced meanwhile: it is looked at again */
}

static bool may_have_links(int sys)
{
    return sys == ELOOP || sys == ENOSYS || sys == EPERM; /* the latter: openat2 cannot be asked */
}

/* A path without links, as most are, is opened by one call: there is nothing to check. err: not NULL. */
static int open_checked(const struct sl_dir_path *place, struct sl_error *err)
{
    int fd =
        sl_io_open(place->io, place->base_fd, place->path, O_RDONLY | O_DIRECTORY | SL_IO_NO_LINKS, 0, err);
    if (fd >= 0 || !may_have_links(err->sys))
        return fd;
    fd = sl_io_open(place->io, place->base_fd, place->path, O_RDONLY | O_DIRECTORY, 0, err);
    int rc = fd < 0 ? fd : check_links(place, fd, err);
    if (rc < 0 && fd >= 0)
        sl_io_close(place->io, fd);
    return rc < 0 ? rc : fd;
}

static int open_directory(struct sl_dir_path *place, int *ret_fd, struct sl_file_stat *ret_who,
                          struct sl_error *err)
{
    int fd = open_checked(place, err);
    if (fd < 0)
        return fd;
    int rc = sl_file_stat_get(place->io, fd, place->path, ".", ret_who, err);
    if (rc == 0 && ret_who->kind == SL_LOOK_ABSENT)
        rc = sl_error_sys(err, ENOENT, "opening %s", place->path);
    if (rc == 0 && ret_who->kind == SL_LOOK_HIDDEN) /* which directory it is decides what is taken from it */
        rc = sl_error_sys(err, ret_who->sys, "looking at %s", place->path);
    if (rc < 0) {
        sl_io_close(place->io, fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int sl_dir_path_open(const struct sl_services *services, const char *dir, struct sl_dir_path *ret,
                     struct sl_error *err)
{
    struct sl_dir_path place = {
        .io = services->io, .base_fd = services->job_dirfd, .path = without_slashes(dir), .fd = -1};
    struct sl_error why = {0};
    if (!place.path)
        return sl_error_nomem(err);
    int rc = open_directory(&place, &place.fd, &place.who, &why);
    if (rc == 0) {
        place.copies_up = is_overlay(place.fd);
        *ret = place;
        return 0;
    }
    free(place.path);
    bool users = why.sys == ENOENT || why.sys == ENOTDIR || why.sys == EACCES;
    if (!users) {
        if (err)
            *err = why;
        return sl_error_wrap(err, "watched directory %s", dir);
    }
    (void)sl_error_sys(err, why.sys, "watched directory %s", dir);
    if (err)
        err->code = SL_EUSAGE;
    (void)sl_error_hint(err, why.sys == EACCES    ? "this user must be able to list it and to read its files"
                             : why.sys == ENOTDIR ? "name the directory that the files are moved into"
                                                  : "make it or correct the job");
    return SL_EUSAGE;
}

void sl_dir_path_close(struct sl_dir_path *place)
{
    sl_dir_path_leave(place);
    free(place->path);
}

void sl_dir_path_leave(struct sl_dir_path *place)
{
    if (place->fd >= 0)
        sl_io_close(place->io, place->fd);
    place->fd = -1;
}

static enum sl_dir_path_state compare(const struct sl_dir_path *place, const struct sl_file_stat *who)
{
    bool here = who->mount == place->who.mount;
    bool same =
        who->inode == place->who.inode && (who->born_ns == place->who.born_ns || (here && place->copies_up));
    /* A mount that came back has another number; another directory in another mount is what lies below a
     * mount that went away. */
    return same && here ? SL_PLACE_SAME : same || here ? SL_PLACE_REPLACED : SL_PLACE_FOREIGN;
}

bool sl_dir_path_is_removed(const struct sl_dir_path *place, const char *base)
{
    uint64_t mount;
    return sl_path_is_absent(place->io, place->base_fd, place->path, base, &mount) &&
           mount == place->who.mount;
}

static bool says_missing(int sys)
{
    return sys == ENOENT || sys == ENOTDIR || sys == ESTALE || sys == ENOTCONN;
}

int sl_dir_path_enter(struct sl_dir_path *place, enum sl_dir_path_state *ret, struct sl_error *err)
{
    struct sl_file_stat who;
    struct sl_error why = {0};
    sl_assert(place->fd < 0);
    int rc = open_directory(place, &place->fd, &who, &why);
    if (rc < 0 && (says_missing(why.sys) || why.sys == EACCES || why.sys == EPERM)) {
        *ret = says_missing(why.sys) ? SL_PLACE_MISSING : SL_PLACE_CLOSED;
        return 0;
    }
    if (rc == SL_EUSAGE) {
        *ret = SL_PLACE_STRANGE;
        return 0;
    }
    if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    *ret = compare(place, &who);
    if (*ret == SL_PLACE_FOREIGN) {
        sl_dir_path_leave(place);
        return 0;
    }
    if (*ret == SL_PLACE_REPLACED)
        place->copies_up = is_overlay(place->fd);
    place->who = who;
    return 0;
}

bool sl_dir_path_has_events(const struct sl_dir_path *place, const char **ret_kind)
{
    struct statfs fs;
    if (fstatfs(place->fd, &fs) < 0) {
        *ret_kind = "a file system of unknown type";
        return false; /* scanning is never wrong */
    }
    for (size_t i = 0; i < sizeof without_events / sizeof *without_events; i++) {
        if ((uint32_t)fs.f_type != without_events[i].magic)
            continue;
        *ret_kind = without_events[i].kind;
        return false;
    }
    return true;
}
