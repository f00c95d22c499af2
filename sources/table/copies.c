#include "sources/table/copies.h"

#include "sources/tables.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define TABLES "tables"

enum { NAME_LEN = 16 };

static void name_of(const char *key, char ret[NAME_LEN + 1])
{
    snprintf(ret, NAME_LEN + 1, "%016" PRIx64, (uint64_t)XXH3_64bits(key, strlen(key)));
}

void sl_table_copies_path(const char *checkpoint, const char *key, char *ret, size_t size)
{
    char name[NAME_LEN + 1];
    name_of(key, name);
    snprintf(ret, size, "%s/" TABLES "/%s", checkpoint, name);
}

/* NULL: it is not there. */
static DIR *open_directory(struct sl_io *io, int dirfd, const char *path)
{
    struct sl_error ignored;
    int fd = sl_io_open(io, dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &ignored);
    DIR *dir = fd < 0 ? NULL : io->ops->fdopendir(io, fd);
    if (fd >= 0 && !dir)
        sl_io_close(io, fd);
    return dir;
}

static bool is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool is_wanted(const char *name, const char *const *keys, size_t count)
{
    char wanted[NAME_LEN + 1];
    for (size_t i = 0; i < count; i++) {
        name_of(keys[i], wanted);
        if (strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

/* What cannot be removed now is removed at a later start. */
static void remove_copies(struct sl_io *io, int tables, const char *name)
{
    struct dirent *entry;
    DIR *dir = open_directory(io, tables, name);
    while (dir && (entry = io->ops->readdir(io, dir)))
        if (is_entry(entry))
            (void)io->ops->unlinkat(io, dirfd(dir), entry->d_name, 0);
    if (!dir)
        return;
    io->ops->closedir(io, dir);
    (void)io->ops->unlinkat(io, tables, name, AT_REMOVEDIR);
}

void sl_tables_forget_others(struct sl_io *io, const char *checkpoint, const char *const *keys, size_t count)
{
    char path[PATH_MAX];
    struct dirent *entry;
    snprintf(path, sizeof path, "%s/" TABLES, checkpoint);
    DIR *dir = open_directory(io, AT_FDCWD, path);
    while (dir && (entry = io->ops->readdir(io, dir)))
        if (is_entry(entry) && strlen(entry->d_name) == NAME_LEN && !is_wanted(entry->d_name, keys, count))
            remove_copies(io, dirfd(dir), entry->d_name);
    if (dir)
        io->ops->closedir(io, dir);
}

bool sl_tables_have_copies(struct sl_io *io, const char *checkpoint)
{
    char path[PATH_MAX];
    bool any = false;
    struct dirent *entry;
    snprintf(path, sizeof path, "%s/" TABLES, checkpoint);
    DIR *dir = open_directory(io, AT_FDCWD, path);
    while (dir && !any && (entry = io->ops->readdir(io, dir)))
        any = is_entry(entry);
    if (dir)
        io->ops->closedir(io, dir);
    return any;
}
