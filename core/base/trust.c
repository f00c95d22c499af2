#include "core/base/trust.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Access control lists as Linux gives them: a version, then entries, all little-endian. */
struct acl_entry {
    uint16_t tag, permissions;
    uint32_t id;
};

enum { ACL_USER = 0x02, ACL_GROUP_OWNER = 0x04, ACL_GROUP = 0x08, ACL_MASK = 0x10, ACL_OTHER = 0x20 };
enum { ACL_WRITE = 2, ACL_ENTRIES_MAX = 1024, LINKS_MAX = 40 };

struct acl {
    uint32_t version;
    struct acl_entry entry[ACL_ENTRIES_MAX];
};

/* ---- who else may write ---- */

static bool lets_write(const struct acl_entry *entry, uint16_t mask, uint32_t group)
{
    uint16_t permissions = le16toh(entry->permissions);
    switch (le16toh(entry->tag)) {
    case ACL_USER:
    case ACL_GROUP:
        return permissions & mask & ACL_WRITE && le32toh(entry->id) != 0;
    case ACL_GROUP_OWNER:
        return permissions & mask & ACL_WRITE && group != 0;
    case ACL_OTHER:
        return permissions & ACL_WRITE;
    default:
        return false;
    }
}

static bool acl_lets_write(const struct acl *acl, size_t count, uint32_t group)
{
    uint16_t mask = UINT16_MAX;
    for (size_t i = 0; i < count; i++)
        if (le16toh(acl->entry[i].tag) == ACL_MASK)
            mask = le16toh(acl->entry[i].permissions);
    for (size_t i = 0; i < count; i++)
        if (lets_write(&acl->entry[i], mask, group))
            return true;
    return false;
}

/* With a list the mode's bits of the group are the list's mask. A list that is too long counts as writable. */
static bool is_writable(const char *path, const struct statx *st)
{
    struct acl acl;
    ssize_t len = lgetxattr(path, "system.posix_acl_access", &acl, sizeof acl);
    if (len < 0 && errno == ERANGE)
        return true;
    if (len >= (ssize_t)sizeof acl.version)
        return acl_lets_write(&acl, ((size_t)len - sizeof acl.version) / sizeof acl.entry[0], st->stx_gid);
    return st->stx_mode & S_IWOTH || (st->stx_mode & S_IWGRP && st->stx_gid != 0);
}

/* ---- walking a path ---- */

struct walk {
    struct sl_io *io;
    char done[PATH_MAX]; /* without symbolic links; "" is the root */
    char rest[PATH_MAX]; /* what is left */
    struct statx st;     /* of done, or of a link that is about to be followed */
    bool is_link;
    char missing[NAME_MAX + 1]; /* what could not be looked at in `done`; "" where all is there */
    int missing_errno;          /* why: ENOENT where nothing has the name */
    bool has_stranger;          /* a link on the way belongs to another user: */
    uint32_t stranger;
    size_t after_links; /* so much of the rest is not from the target of a link */
    int links;
};

static int begin_walk(struct walk *walk, struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    char base[PATH_MAX] = "", link[64];
    *walk = (struct walk){.io = io, .after_links = SIZE_MAX};
    if (path[0] != '/' && dirfd == AT_FDCWD && !getcwd(base, sizeof base))
        return sl_error_sys(err, errno, "finding the working directory");
    if (path[0] != '/' && dirfd != AT_FDCWD) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
        ssize_t len = readlink(link, base, sizeof base - 1);
        if (len < 0)
            return sl_error_sys(err, errno, "finding where %s is", path);
        base[len] = 0;
    }
    int len = snprintf(walk->rest, sizeof walk->rest, "%s/%s", base, path);
    return len < (int)sizeof walk->rest ? 0 : sl_error_sys(err, ENAMETOOLONG, "%s", path);
}

static void go_up(struct walk *walk)
{
    char *slash = strrchr(walk->done, '/');
    if (slash)
        *slash = 0;
}

/* Puts the link's target before what is left. */
static int follow(struct walk *walk, const char *path, struct sl_error *err)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t len = walk->io->ops->readlinkat(walk->io, AT_FDCWD, path, target, sizeof target - 1);
    if (len < 0)
        return sl_error_sys(err, errno, "reading the link %s", path);
    target[len] = 0;
    if (++walk->links > LINKS_MAX)
        return sl_error_sys(err, ELOOP, "%s", path);
    size_t after = strlen(walk->rest);
    walk->after_links = after < walk->after_links ? after : walk->after_links;
    int all = snprintf(rest, sizeof rest, "%s/%s", target, walk->rest);
    if (all >= (int)sizeof rest)
        return sl_error_sys(err, ENAMETOOLONG, "%s", path);
    memcpy(walk->rest, rest, (size_t)all + 1);
    if (target[0] == '/') /* a relative one begins where the link lies, which is `done` */
        walk->done[0] = 0;
    return 0;
}

/* The next name, which is taken off the rest. False: there is none. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1])
{
    const char *from = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(from, "/");
    if (!len || len > NAME_MAX)
        return false;
    memcpy(name, from, len);
    name[len] = 0;
    memmove(walk->rest, from + len, strlen(from + len) + 1);
    return true;
}

/* Sets walk->st. 0, or -1 and errno. */
static int look_at(struct walk *walk, const char *path)
{
    const struct sl_io_ops *ops = walk->io->ops;
    int r;
    do
        r = ops->statx(walk->io, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &walk->st);
    while (r < 0 && errno == EINTR);
    return r;
}

/* 1: walk->st and ret_path are the next thing on the way; 0: there is nothing more. */
static int step(struct walk *walk, char ret_path[PATH_MAX], struct sl_error *err)
{
    char name[NAME_MAX + 1];
    while (next_name(walk, name)) {
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            go_up(walk);
            continue;
        }
        if (snprintf(ret_path, PATH_MAX, "%s/%s", walk->done, name) >= PATH_MAX)
            return sl_error_sys(err, ENAMETOOLONG, "%s/%s", walk->done, name);
        if (look_at(walk, ret_path) < 0) {
            walk->missing_errno = errno;
            memcpy(walk->missing, name, sizeof name);
            return 0; /* what cannot be looked at cannot be opened: who tries says why */
        }
        walk->is_link = S_ISLNK(walk->st.stx_mode);
        if (!walk->is_link)
            memcpy(walk->done, ret_path, strlen(ret_path) + 1);
        return 1;
    }
    return 0;
}

/* ---- as root ---- */

static int refuse_owner(const char *path, uint32_t owner, const char *act, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "%s belongs to another user (uid %u), so root does not %s; run it as that user, or chown root "
        "%s once you have read it",
        path, owner, act, path);
}

static int check_root_owns(const struct walk *walk, const char *path, const char *act, struct sl_error *err)
{
    const struct statx *st = &walk->st;
    if (st->stx_uid != 0)
        return refuse_owner(path, st->stx_uid, act, err);
    if (walk->is_link || (S_ISDIR(st->stx_mode) && st->stx_mode & S_ISVTX) || !is_writable(path, st))
        return 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "%s can be written by others, so root does not %s; chmod go-w %s, or setfacl -b %s where others "
        "are named in an access control list",
        path, act, path, path);
}

int sl_trust_as_root(struct sl_io *io, const char *path, const char *act, struct sl_error *err)
{
    struct walk walk;
    char at[PATH_MAX] = "/";
    if (geteuid() != 0)
        return 0;
    int r = begin_walk(&walk, io, AT_FDCWD, path, err);
    while (r == 0 && (r = step(&walk, at, err)) > 0) {
        r = check_root_owns(&walk, at, act, err);
        if (r == 0 && walk.is_link)
            r = follow(&walk, at, err);
    }
    return r;
}

/* ---- links ---- */

static int refuse_link(const char *path, uint32_t owner, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "the symbolic link %s belongs to another user (uid %u), who decides where it leads; give "
        "the path that it denotes, or remove it",
        path, owner);
}

/* Afterwards walk->done is the path without links, as far as it exists. Whether links of other users are refused, or
 * noted. */
static int walk_links(struct walk *walk, struct sl_io *io, int dirfd, const char *path, bool refuses,
                      struct sl_error *err)
{
    char at[PATH_MAX];
    int r = begin_walk(walk, io, dirfd, path, err);
    while (r == 0 && (r = step(walk, at, err)) > 0) {
        r = 0;
        uint32_t owner = walk->st.stx_uid;
        bool is_strange = walk->is_link && owner != 0 && owner != geteuid();
        if (is_strange && (refuses || (walk->has_stranger && walk->stranger != owner)))
            return refuse_link(at, owner, err);
        if (is_strange) {
            walk->has_stranger = true;
            walk->stranger = owner;
        }
        if (walk->is_link)
            r = follow(walk, at, err);
    }
    return r;
}

int sl_trust_links(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    struct walk walk;
    return walk_links(&walk, io, dirfd, path, true, err);
}

int sl_trust_target(struct sl_io *io, int dirfd, const char *path, char ret[PATH_MAX], struct sl_error *err)
{
    struct walk walk;
    int r = walk_links(&walk, io, dirfd, path, false, err);
    if (r < 0)
        return r;
    if (walk.missing[0] && walk.missing_errno == ENOENT)
        return sl_error_sys(err, ENOENT, "opening %s", path);
    if (walk.missing[0])
        return sl_error_sys(err, walk.missing_errno, "looking at %s/%s", walk.done, walk.missing);
    if (walk.has_stranger && walk.st.stx_uid != walk.stranger)
        return sl_error_set(
            err, SL_EUSAGE,
            "%s: a symbolic link on the way belongs to another user (uid %u) and leads to what is not "
            "that user's, %s; give that path, or remove the link",
            path, walk.stranger, walk.done);
    snprintf(ret, PATH_MAX, "%s", walk.done[0] ? walk.done : "/");
    return 0;
}

/* The kernel's name of what is open. *ret_len < 0: it cannot be asked (no /proc), and the walk has to do. */
static const char *name_of(struct sl_io *io, int fd, char name[PATH_MAX], ssize_t *ret_len)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = *ret_len = io->ops->readlinkat(io, AT_FDCWD, link, name, PATH_MAX - 1);
    name[len < 0 ? 0 : len] = 0;
    return name;
}

/* File systems that ignore case may give the name in another one. */
static bool is_open_at(struct sl_io *io, int fd, const char *done)
{
    char name[PATH_MAX];
    ssize_t len;
    return strcasecmp(name_of(io, fd, name, &len), done[0] ? done : "/") == 0 || len < 0;
}

/* The kernel adds a word to the name of a file that has none any more. */
bool sl_trust_is_at(struct sl_io *io, int fd, const char *path)
{
    char name[PATH_MAX];
    ssize_t len;
    struct stat st;
    size_t path_len = strlen(path);
    if (is_open_at(io, fd, path))
        return true;
    return strncasecmp(name_of(io, fd, name, &len), path, path_len) == 0 &&
           strcmp(name + path_len, " (deleted)") == 0 && io->ops->fstat(io, fd, &st) == 0 && st.st_nlink == 0;
}

enum { OPEN_TRIES = 3 }; /* the owner may move a directory on the way, too */

static int refuse_changing(const char *path, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "%s leads to different files each time it is opened: a directory or link on the way is being "
        "replaced; give a path whose directories others may not write",
        path);
}

int sl_trust_open_dir(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        struct walk walk;
        int r = walk_links(&walk, io, dirfd, path, true, err);
        int fd = r < 0 ? r : sl_io_open(io, dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);
        if (fd < 0 || is_open_at(io, fd, walk.done))
            return fd;
        sl_io_close(io, fd);
    }
    return refuse_changing(path, err);
}

/* ---- making directories ---- */

/* Makes `name` in the directory that is open, unless it is there, and continues in it. 1: something else is there by now,
 * a link perhaps. Closes fd. */
static int make_in(struct sl_io *io, int *fd, const char *name, mode_t mode, const char *path,
                   struct sl_error *err)
{
    int in = *fd, r = 0;
    *fd = -1;
    if (io->ops->mkdirat(io, in, name, mode) < 0 && errno != EEXIST)
        r = sl_error_sys(err, errno, "making directory %s", path);
    if (r == 0) {
        struct sl_error failure;
        *fd = sl_io_open(io, in, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &failure);
        r = *fd >= 0 ? 0 : failure.sys == ENOTDIR || failure.sys == ELOOP ? 1 : *fd;
        if (r < 0 && err)
            *err = failure;
    }
    sl_io_close(io, in);
    return r;
}

/* What the walk did not find, in the directory that it ended in. What a link leads to is not made: a disk may not be mounted
 * there. 1: what is there has changed meanwhile. */
static int make_missing(struct walk *walk, const char *path, mode_t mode, struct sl_error *err)
{
    char name[NAME_MAX + 1];
    if (walk->missing[0] && strlen(walk->rest) > walk->after_links)
        return sl_error_sys(err, ENOENT, "making directory %s: a link on the way leads to %s/%s", path,
                            walk->done, walk->missing);
    int fd = sl_io_open(walk->io, AT_FDCWD, walk->done[0] ? walk->done : "/", O_PATH | O_DIRECTORY, 0, err);
    int r = fd < 0 ? fd : !is_open_at(walk->io, fd, walk->done);
    memcpy(name, walk->missing, sizeof name);
    for (bool any = name[0]; r == 0 && any;) {
        bool is_last = !walk->rest[strspn(walk->rest, "/")];
        r = make_in(walk->io, &fd, name, is_last ? mode : 0777, path, err);
        any = next_name(walk, name);
    }
    if (fd >= 0)
        sl_io_close(walk->io, fd);
    return r;
}

int sl_trust_make_dirs(struct sl_io *io, int dirfd, const char *path, mode_t mode, struct sl_error *err)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        struct walk walk;
        int r = walk_links(&walk, io, dirfd, path, true, err);
        r = r < 0 ? r : make_missing(&walk, path, mode, err);
        if (r <= 0)
            return r;
    }
    return refuse_changing(path, err);
}

/* ---- our own ---- */

/* What a directory holds: nothing, or ours, of which `mark` is the sign, or something else. */
struct contents {
    bool any, has_mark;
    char first[NAME_MAX + 1]; /* a name in it */
};

/* What every new file system has. */
static bool is_no_content(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0;
}

static int look_inside(struct sl_io *io, int dirfd, const char *shown, const char *mark, struct contents *ret,
                       struct sl_error *err)
{
    int fd = sl_io_open(io, dirfd, ".", O_RDONLY | O_DIRECTORY, 0, err);
    DIR *dir = fd >= 0 ? io->ops->fdopendir(io, fd) : NULL;
    if (fd < 0)
        return fd;
    if (!dir) {
        int r = sl_error_sys(err, errno, "reading directory %s", shown);
        sl_io_close(io, fd);
        return r;
    }
    *ret = (struct contents){0};
    for (struct dirent *entry; (entry = io->ops->readdir(io, dir));) {
        if (is_no_content(entry->d_name))
            continue;
        ret->any = true;
        ret->has_mark = ret->has_mark || strcmp(entry->d_name, mark) == 0;
        snprintf(ret->first, sizeof ret->first, "%s", entry->d_name);
    }
    (void)io->ops->closedir(io, dir); /* nothing was written through it */
    return 0;
}

/* Others must not lose what they read in a directory that was never ours, such as /etc. */
static int refuse_foreign(struct sl_io *io, int dirfd, const char *shown, const char *mark,
                          struct sl_error *err)
{
    struct contents contents;
    int r = look_inside(io, dirfd, shown, mark, &contents, err);
    if (r < 0 || !contents.any || contents.has_mark)
        return r;
    return sl_error_set(err, SL_EUSAGE, "%s is a directory of other files, such as %s; name one of its own",
                        shown, contents.first);
}

/* Afterwards others can do nothing in it; what they may have done before shows. */
static int close_to_others(struct sl_io *io, int dirfd, const char *shown, const char *mark, mode_t mode,
                           struct sl_error *err)
{
    struct contents contents = {0};
    int r = fchmod(dirfd, 0700) < 0 ? sl_error_sys(err, errno, "making the mode of %s 0700", shown) : 0;
    if (r == 0 && mode & (S_IWGRP | S_IWOTH))
        r = look_inside(io, dirfd, shown, mark, &contents, err);
    if (r < 0 || !contents.any)
        return r;
    (void)fchmod(dirfd, mode); /* the next start refuses it as well */
    return sl_error_set(
        err, SL_EUSAGE,
        "%s can be written by others, so its contents may come from another user; check them, then chmod 0700 %s, "
        "or choose another directory",
        shown, shown);
}

static int check_owner(struct sl_io *io, int fd, const char *shown, struct stat *ret, struct sl_error *err)
{
    if (io->ops->fstat(io, fd, ret) < 0)
        return sl_error_sys(err, errno, "looking at %s", shown);
    if (ret->st_uid == geteuid())
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "%s belongs to another user (uid %u); choose another directory, or run as that user",
                        shown, (unsigned)ret->st_uid);
}

int sl_trust_open_own_dir(struct sl_io *io, int dirfd, const char *path, const char *shown,
                          struct sl_error *err)
{
    struct stat st;
    int fd = sl_trust_open_dir(io, dirfd, path, err);
    int r = fd < 0 ? fd : check_owner(io, fd, shown, &st, err);
    if (r < 0 && fd >= 0)
        sl_io_close(io, fd);
    return r < 0 ? r : fd;
}

int sl_trust_own_dir(struct sl_io *io, int dirfd, const char *shown, const char *mark, struct sl_error *err)
{
    struct stat st;
    int r = check_owner(io, dirfd, shown, &st, err);
    if (r < 0 || (st.st_mode & 0777) == 0700)
        return r;
    r = refuse_foreign(io, dirfd, shown, mark, err);
    return r < 0 ? r : close_to_others(io, dirfd, shown, mark, st.st_mode & 07777, err);
}
