/* Readable inodes are immutable, or are opened without caching, so names, attributes, pages and listings may stay in the
 * kernel's caches for ever; notices (fs/mount/notifier.c) remove what is replaced.
 *
 * No lock is held across a reply. */
#include "fs/mount/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const double FOREVER_S = 1e9;
enum { MAX_READ_BYTES = 1 << 20 }; /* as in the mount options */

static struct sl_tree *tree_of(fuse_req_t req)
{
    return ((struct sl_requests *)fuse_req_userdata(req))->tree;
}

static struct sl_waiting *waiting_of(fuse_req_t req)
{
    return ((struct sl_requests *)fuse_req_userdata(req))->waiting;
}

static struct sl_open *opened(const struct fuse_file_info *info)
{
    return (struct sl_open *)(uintptr_t)info->fh;
}

static void want(struct fuse_conn_info *conn, unsigned capability)
{
    if (conn->capable & capability)
        conn->want |= capability;
}

static void init(void *userdata, struct fuse_conn_info *conn)
{
    want(conn, FUSE_CAP_CACHE_SYMLINKS);
    want(conn, FUSE_CAP_READDIRPLUS);
    want(conn, FUSE_CAP_READDIRPLUS_AUTO);
    want(conn, FUSE_CAP_PARALLEL_DIROPS);
    want(conn, FUSE_CAP_ASYNC_READ);
    /* The bytes are in memory: splicing them is slower than copying. The contents of an inode never change. */
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                              FUSE_CAP_AUTO_INVAL_DATA);
    conn->max_read = MAX_READ_BYTES;
}

static struct stat stat_of(const struct sl_attr *attr)
{
    int64_t ms = attr->mtime_ms % 1000 < 0 ? attr->mtime_ms % 1000 + 1000 : attr->mtime_ms % 1000;
    struct timespec time = {(attr->mtime_ms - ms) / 1000, ms * 1000000};
    return (struct stat){
        .st_ino = attr->ino,
        .st_mode = attr->mode,
        .st_nlink = 1,
        .st_uid = geteuid(),
        .st_gid = getegid(),
        .st_size = (off_t)attr->size,
        .st_blocks = (blkcnt_t)((attr->size + 511) / 512),
        .st_atim = time,
        .st_mtim = time,
        .st_ctim = time,
    };
}

static struct fuse_entry_param entry_of(const struct sl_attr *attr)
{
    return (struct fuse_entry_param){
        .ino = attr->ino,
        .attr = stat_of(attr),
        .attr_timeout = attr->lasting ? FOREVER_S : 0,
        .entry_timeout = FOREVER_S,
    };
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct sl_tree *tree = tree_of(req);
    struct sl_attr attr;
    int r = sl_tree_lookup(tree, parent, name, &attr);
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
        return;
    }
    struct fuse_entry_param entry = entry_of(&attr);
    if (fuse_reply_entry(req, &entry) < 0)
        sl_tree_forget(tree, attr.ino, 1); /* the request was interrupted: no reader has it */
}

static void forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
    sl_tree_forget(tree_of(req), ino, lookups);
    fuse_reply_none(req);
}

static void forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        sl_tree_forget(tree_of(req), forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    struct sl_attr attr;
    int r = sl_tree_getattr(tree_of(req), ino, &attr);
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
        return;
    }
    struct stat st = stat_of(&attr);
    (void)fuse_reply_attr(req, &st, attr.lasting ? FOREVER_S : 0);
}

static void readlink_of(fuse_req_t req, fuse_ino_t ino)
{
    char target[PATH_MAX];
    int r = sl_tree_readlink(tree_of(req), ino, target, sizeof target);
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        (void)fuse_reply_readlink(req, target);
}

/* ---- directories ---- */

static void opendir_of(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    info->cache_readdir = info->keep_cache = sl_tree_lasting(tree_of(req), ino);
    (void)fuse_reply_open(req, info);
}

struct listed {
    fuse_req_t req;
    bool plus;
    char *buf;
    size_t size, used;
};

static bool add_entry(void *arg, const char *name, const struct sl_attr *attr, bool known, uint64_t next)
{
    struct listed *listed = arg;
    struct fuse_entry_param entry = entry_of(attr);
    size_t left = listed->size - listed->used, needed;
    if (!known)
        entry.ino = 0; /* name and type only; the rest by a lookup */
    if (listed->plus)
        needed =
            fuse_add_direntry_plus(listed->req, listed->buf + listed->used, left, name, &entry, (off_t)next);
    else
        needed =
            fuse_add_direntry(listed->req, listed->buf + listed->used, left, name, &entry.attr, (off_t)next);
    if (needed > left)
        return false;
    listed->used += needed;
    return true;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, bool plus)
{
    struct listed listed = {req, plus, malloc(size), size, 0};
    int r = listed.buf ? sl_tree_list(tree_of(req), ino, (uint64_t)at, plus, add_entry, &listed) : -ENOMEM;
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        (void)fuse_reply_buf(req, listed.buf, listed.used);
    free(listed.buf);
}

static void readdir_of(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *info)
{
    list(req, ino, size, at, false);
}

static void readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *info)
{
    list(req, ino, size, at, true);
}

/* ---- files ---- */

static void open_of(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    struct sl_tree *tree = tree_of(req);
    struct sl_open *open;
    int r = sl_tree_open(tree, ino, &open);
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
        return;
    }
    enum sl_open_kind kind = sl_open_kind_of(open);
    info->fh = (uintptr_t)open;
    info->keep_cache = kind == SL_OPEN_FIXED;
    info->direct_io = kind != SL_OPEN_FIXED;
    info->nonseekable = kind == SL_OPEN_NEXT || kind == SL_OPEN_FEED;
    info->noflush = true;
    if (fuse_reply_open(req, info) < 0)
        sl_tree_close(tree, open); /* interrupted: there will be no release */
}

static void read_of(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
    sl_waiting_read(waiting_of(req), req, opened(info), (uint64_t)offset, size, info->flags & O_NONBLOCK);
}

static void release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    sl_waiting_closed(waiting_of(req), opened(info));
    sl_tree_close(tree_of(req), opened(info));
    (void)fuse_reply_err(req, 0);
}

static void poll_of(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info,
                    struct fuse_pollhandle *handle)
{
    sl_waiting_poll(waiting_of(req), req, opened(info), handle);
}

/* ---- extended attributes ---- */

static void reply_xattr(fuse_req_t req, int r, const struct sl_buf *buf, size_t size)
{
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else if (size == 0)
        (void)fuse_reply_xattr(req, buf->len);
    else if (size < buf->len)
        (void)fuse_reply_err(req, ERANGE);
    else
        (void)fuse_reply_buf(req, (const char *)buf->bytes, buf->len);
}

static void getxattr_of(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    reply_xattr(req, sl_tree_xattr(tree_of(req), ino, name, &buf), &buf, size);
    sl_buf_done(&buf);
}

static void listxattr_of(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    reply_xattr(req, sl_tree_xattr_names(tree_of(req), ino, &buf), &buf, size);
    sl_buf_done(&buf);
}

const struct fuse_lowlevel_ops sl_requests_ops = {
    .init = init,
    .lookup = lookup,
    .forget = forget,
    .forget_multi = forget_multi,
    .getattr = getattr,
    .readlink = readlink_of,
    .opendir = opendir_of,
    .readdir = readdir_of,
    .readdirplus = readdirplus,
    .open = open_of,
    .read = read_of,
    .release = release,
    .poll = poll_of,
    .getxattr = getxattr_of,
    .listxattr = listxattr_of,
};
