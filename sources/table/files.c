#include "sources/table/files.h"

#include "core/base/buf.h"
#include "sources/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FILES_MAX = 1 << 20 };

#define SUCCESS "_SUCCESS"

void sl_table_files_done(struct sl_table_files *files)
{
    sl_files_done(&files->files);
    *files = (struct sl_table_files){0};
}

/* ---- identity ---- */

static void add_to_identity(XXH3_state_t *state, const char *name, const struct statx *st)
{
    char text[128];
    int len = snprintf(text, sizeof text, "|%" PRIu64 "|%" PRIu64 "|%lld.%09u|%lld.%09u\n",
                       (uint64_t)st->stx_ino, (uint64_t)st->stx_size, (long long)st->stx_mtime.tv_sec,
                       st->stx_mtime.tv_nsec, (long long)st->stx_ctime.tv_sec, st->stx_ctime.tv_nsec);
    XXH3_128bits_update(state, name, strlen(name));
    XXH3_128bits_update(state, text, (size_t)len);
}

static void finish_identity(XXH3_state_t *state, char ret[SL_TABLE_HASH_MAX])
{
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    snprintf(ret, SL_TABLE_HASH_MAX, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
}

/* ---- the newest directory of a prefix ---- */

/* "NAME-TIME" or "NAME-TIME.SUFFIX": the time, or -1. */
static int64_t time_of(const char *entry, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(entry, name, len) != 0 || entry[len] != '-')
        return -1;
    const char *digits = entry + len + 1;
    size_t count = strspn(digits, "0123456789");
    bool is_one = count > 0 && count < 19 && (digits[count] == 0 || digits[count] == '.');
    return is_one ? strtoll(digits, NULL, 10) : -1;
}

static bool is_complete(struct sl_io *io, int fd, const char *entry)
{
    char path[NAME_MAX + sizeof SUCCESS + 1];
    struct statx st;
    snprintf(path, sizeof path, "%s/" SUCCESS, entry);
    return io->ops->statx(io, fd, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0;
}

static DIR *open_dir(struct sl_io *io, int base, const char *path, struct sl_error *err)
{
    int fd = sl_io_open(io, base, path, O_RDONLY | O_DIRECTORY, 0, err);
    DIR *dir = fd < 0 ? NULL : io->ops->fdopendir(io, fd);
    if (fd >= 0 && !dir) {
        sl_error_sys(err, errno, "reading %s", path);
        sl_io_close(io, fd);
    }
    return dir;
}

/* *ret: the path of the newest complete directory of the prefix; "": there is none. */
static int find_newest(struct sl_io *io, int base, const char *prefix, char ret[PATH_MAX],
                       struct sl_error *err)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(prefix, '/'), *name = slash ? slash + 1 : prefix;
    int64_t newest = -1;
    snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - prefix) + 1 : 1, slash ? prefix : ".");
    ret[0] = 0;
    if (!name[0])
        return 0;
    DIR *dir = open_dir(io, base, parent, err);
    if (!dir)
        return err->sys == ENOENT || err->sys == ENOTDIR ? 0 : err->code;
    for (struct dirent *entry; (entry = io->ops->readdir(io, dir));) {
        int64_t time = time_of(entry->d_name, name);
        if (time <= newest || !is_complete(io, dirfd(dir), entry->d_name))
            continue;
        int len = snprintf(ret, PATH_MAX, "%s%s", slash ? parent : "", entry->d_name);
        newest = len < PATH_MAX ? time : newest;
    }
    io->ops->closedir(io, dir);
    return 0;
}

/* ---- files ---- */

static int add_file(struct sl_table_files *files, XXH3_state_t *state, const char *path,
                    const struct statx *st, struct sl_error *err)
{
    if (!S_ISREG(st->stx_mode))
        return sl_error_set(err, SL_EFAIL, "%s is neither a file nor a directory", path);
    struct sl_file file = sl_identity_of(st, path);
    add_to_identity(state, path, st);
    return sl_files_add(&files->files, &file) < 0 ? sl_error_nomem(err) : 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct sl_file *)a)->path, ((const struct sl_file *)b)->path);
}

static int add_entry(struct sl_io *io, int fd, const char *path, const char *name,
                     struct sl_table_files *files, struct sl_error *err)
{
    char whole[PATH_MAX];
    struct statx st;
    if (name[0] == '.' || name[0] == '_')
        return 0;
    if (snprintf(whole, sizeof whole, "%s/%s", path, name) >= (int)sizeof whole ||
        files->files.count >= FILES_MAX)
        return sl_error_set(err, SL_EFAIL, "%s holds too many files, or too long names", path);
    if (io->ops->statx(io, fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        return sl_error_sys(err, errno, "reading %s", whole);
    struct sl_file file = sl_identity_of(&st, whole);
    if (!S_ISREG(st.stx_mode))
        return 0;
    return sl_files_add(&files->files, &file) < 0 ? sl_error_nomem(err) : 0;
}

/* Sorted; the identity is that of all. */
static int add_directory(struct sl_io *io, int base, const char *path, struct sl_table_files *files,
                         XXH3_state_t *state, struct sl_error *err)
{
    int r = 0;
    if (!is_complete(io, base, path))
        return sl_error_set(err, SL_EFAIL, "%s is a directory without " SUCCESS ": it is not complete", path);
    DIR *dir = open_dir(io, base, path, err);
    if (!dir)
        return err->code;
    for (struct dirent *entry; r == 0 && (entry = io->ops->readdir(io, dir));)
        r = add_entry(io, dirfd(dir), path, entry->d_name, files, err);
    io->ops->closedir(io, dir);
    if (files->files.count)
        qsort(files->files.file, files->files.count, sizeof *files->files.file, by_path);
    for (size_t i = 0; r == 0 && i < files->files.count; i++) {
        const struct sl_file *file = &files->files.file[i];
        char text[96];
        int len = snprintf(text, sizeof text, "|%" PRIu64 "|%" PRId64 "|%" PRId64 "\n", file->inode,
                           file->size, file->mtime_ns);
        XXH3_128bits_update(state, file->path, strlen(file->path));
        XXH3_128bits_update(state, text, (size_t)len);
    }
    return r;
}

static int find(struct sl_io *io, int base, const char *place, struct sl_table_files *ret,
                XXH3_state_t *state, struct sl_error *err)
{
    char newest[PATH_MAX];
    struct statx st;
    if (strlen(place) >= PATH_MAX - 32)
        return sl_error_set(err, SL_EFAIL, "the path of the table is too long");
    if (io->ops->statx(io, base, place, 0, STATX_BASIC_STATS | STATX_BTIME, &st) == 0)
        return S_ISDIR(st.stx_mode) ? add_directory(io, base, place, ret, state, err)
                                    : add_file(ret, state, place, &st, err);
    if (errno != ENOENT && errno != ENOTDIR)
        return sl_error_sys(err, errno, "reading %s", place);
    int r = find_newest(io, base, place, newest, err);
    if (r == 0 && newest[0])
        return add_directory(io, base, newest, ret, state, err);
    ret->is_missing = r == 0;
    return r < 0 ? r
                 : sl_error_set(err, SL_EFAIL,
                                "%s: there is no such file, and no complete output directory of that prefix",
                                place);
}

int sl_table_files_find(struct sl_io *io, int base, const char *place, struct sl_table_files *ret,
                        struct sl_error *err)
{
    XXH3_state_t *state = XXH3_createState();
    *ret = (struct sl_table_files){0};
    if (!state)
        return sl_error_nomem(err);
    XXH3_128bits_reset(state);
    int r = find(io, base, place, ret, state, err);
    if (r == 0)
        finish_identity(state, ret->identity);
    else
        sl_files_done(&ret->files);
    XXH3_freeState(state);
    return r;
}
