#include "output/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { READ_BYTES = 256 << 10 };

/* One comparison. */
struct look {
    struct sl_io *io;
    int fd; /* of the directory */
    const char *shown;
    const struct sl_manifest *manifest;
    bool sync;
    struct sl_error *err;
};

static const struct sl_manifest_file success = {.name = SL_SUCCESS_NAME};

/* What a name in the directory should be; NULL: it should not be there. */
static const struct sl_manifest_file *expected(const struct sl_manifest *manifest, const char *name)
{
    return strcmp(name, SL_SUCCESS_NAME) == 0 ? &success : sl_manifest_find(manifest, name);
}

/* 1: the file's contents have this hash and size; 0: they have not; or a failure. */
static int contents_match(const struct look *look, int fd, const struct sl_manifest_file *file)
{
    XXH3_state_t *hash = XXH3_createState();
    uint8_t *piece = malloc(READ_BYTES);
    ssize_t n = hash && piece ? 1 : sl_error_nomem(look->err);
    uint64_t offset = 0;
    if (n > 0)
        XXH3_64bits_reset(hash);
    while (n > 0 && offset <= file->bytes) {
        n = sl_io_read_at(look->io, fd, piece, READ_BYTES, (off_t)offset, look->shown, look->err);
        if (n > 0)
            XXH3_64bits_update(hash, piece, (size_t)n);
        offset += n > 0 ? (uint64_t)n : 0;
    }
    int r = n < 0 ? (int)n : 1;
    if (r > 0 && file != &success)
        r = offset == file->bytes && XXH3_64bits_digest(hash) == file->hash;
    else if (r > 0)
        r = offset == 0;
    free(piece);
    XXH3_freeState(hash);
    return r;
}

/* The same for the file under its name. Something else than a plain file does not match. */
static int file_matches(const struct look *look, const struct sl_manifest_file *file)
{
    struct statx st;
    if (look->io->ops->statx(look->io, look->fd, file->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE,
                             &st) < 0)
        return errno == ENOENT ? 0
                               : sl_error_sys(look->err, errno, "looking at %s/%s", look->shown, file->name);
    if (!S_ISREG(st.stx_mode) || st.stx_size != file->bytes)
        return 0;
    int fd = sl_io_open_file(look->io, look->fd, file->name, O_RDONLY | O_NOFOLLOW, 0, look->err);
    if (fd < 0)
        return fd;
    int r = contents_match(look, fd, file);
    if (r > 0 && look->sync) {
        int synced = sl_io_sync(look->io, fd, look->shown, look->err);
        r = synced < 0 ? synced : r;
    }
    sl_io_close(look->io, fd);
    return r;
}

/* Lists the directory: 1 if all names are expected ones and none is missing. */
static int names_match(const struct look *look, DIR *dir)
{
    size_t found = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = look->io->ops->readdir(look->io, dir);
        if (!entry && errno)
            return sl_error_sys(look->err, errno, "reading directory %s", look->shown);
        if (!entry)
            return found == look->manifest->count + 1;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!expected(look->manifest, entry->d_name))
            return 0;
        found++;
    }
}

static int list_matches(const struct look *look)
{
    int fd = sl_io_open(look->io, look->fd, ".", O_RDONLY | O_DIRECTORY, 0, look->err);
    if (fd < 0)
        return fd;
    DIR *dir = look->io->ops->fdopendir(look->io, fd);
    if (!dir) {
        int r = sl_error_sys(look->err, errno, "reading directory %s", look->shown);
        sl_io_close(look->io, fd);
        return r;
    }
    int r = names_match(look, dir);
    (void)look->io->ops->closedir(look->io, dir); /* it was only read */
    return r;
}

static int directory_matches(const struct look *look)
{
    int r = list_matches(look);
    if (r > 0)
        r = file_matches(look, &success);
    for (size_t i = 0; r > 0 && i < look->manifest->count; i++)
        r = file_matches(look, &look->manifest->file[i]);
    if (r > 0 && look->sync) {
        int synced = sl_io_sync(look->io, look->fd, look->shown, look->err);
        r = synced < 0 ? synced : r;
    }
    return r;
}

int sl_manifest_matches(struct sl_io *io, int dirfd, const char *name, const char *shown,
                        const struct sl_manifest *manifest, bool sync, bool *ret_same, struct sl_error *err)
{
    struct sl_error opening = {0};
    int fd = sl_io_open(io, dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &opening);
    if (fd < 0 && (opening.sys == ENOTDIR || opening.sys == ELOOP)) {
        *ret_same = false;
        return 0;
    }
    if (fd < 0)
        return sl_error_sys(err, opening.sys, "opening %s", shown);
    struct look look = {.io = io, .fd = fd, .shown = shown, .manifest = manifest, .sync = sync, .err = err};
    int r = directory_matches(&look);
    sl_io_close(io, fd);
    if (r >= 0)
        *ret_same = r > 0;
    return r < 0 ? r : 0;
}
