#include "core/contract/arrivals.h"

#include "core/base/array.h"
#include "core/base/bisect.h"

#include <stdlib.h>
#include <string.h>

void sl_files_done(struct sl_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->file[i].path);
    free(files->file);
    *files = (struct sl_files){0};
}

int sl_files_add_owned(struct sl_files *files, const struct sl_file *file)
{
    struct sl_file *grown = sl_array_grow(files->file, files->count, &files->capacity, sizeof *grown);
    if (!grown) {
        free(file->path);
        return SL_ENOMEM;
    }
    files->file = grown;
    files->file[files->count++] = *file;
    return 0;
}

int sl_files_add(struct sl_files *files, const struct sl_file *file)
{
    struct sl_file copy = *file;
    copy.path = strdup(file->path);
    return copy.path ? sl_files_add_owned(files, &copy) : SL_ENOMEM;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct sl_file *)a)->path, ((const struct sl_file *)b)->path);
}

void sl_files_sort(struct sl_files *files, size_t from)
{
    if (files->count > from)
        qsort(files->file + from, files->count - from, sizeof *files->file, compare_paths);
}

const struct sl_file *sl_files_find(const struct sl_files *files, const char *path)
{
    const struct sl_file wanted = {.path = (char *)path};
    return files->count ? bsearch(&wanted, files->file, files->count, sizeof wanted, compare_paths) : NULL;
}

bool sl_file_same(const struct sl_file *a, const struct sl_file *b)
{
    if (a->inode != b->inode || a->born_ns != b->born_ns)
        return false;
    return a->born_ns != INT64_MIN || (a->size == b->size && a->mtime_ns == b->mtime_ns);
}

void sl_watched_homes_done(struct sl_watched_homes *homes)
{
    for (size_t i = 0; i < homes->count; i++)
        free((char *)homes->home[i].path);
    free(homes->home);
    *homes = (struct sl_watched_homes){0};
}

int sl_watched_homes_add(struct sl_watched_homes *homes, const struct sl_watched_home *home)
{
    struct sl_watched_home *grown = sl_array_grow(homes->home, homes->count, &homes->capacity, sizeof *grown);
    struct sl_watched_home copy = *home;
    if (!grown)
        return SL_ENOMEM;
    homes->home = grown;
    copy.path = strdup(home->path);
    if (!copy.path)
        return SL_ENOMEM;
    homes->home[homes->count++] = copy;
    return 0;
}

const struct sl_watched_home *sl_watched_homes_find(const struct sl_watched_homes *homes, const char *path)
{
    size_t at = SL_BISECT(i, 0, homes->count, strcmp(homes->home[i].path, path) < 0);
    return at < homes->count && strcmp(homes->home[at].path, path) == 0 ? &homes->home[at] : NULL;
}

void sl_owed_files_done(struct sl_owed_files *owed)
{
    sl_files_done(&owed->files);
    free(owed->batch_ms);
    *owed = (struct sl_owed_files){0};
}

int sl_owed_files_add(struct sl_owed_files *owed, const struct sl_file *file, int64_t batch_ms)
{
    int64_t *grown = sl_array_grow(owed->batch_ms, owed->files.count, &owed->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    owed->batch_ms = grown;
    grown[owed->files.count] = batch_ms;
    return sl_files_add(&owed->files, file);
}

size_t sl_owed_files_pack(struct sl_owed_files *owed, size_t at)
{
    size_t kept = 0, moved = 0;
    for (size_t i = 0; i < owed->files.count; i++) {
        if (i == at)
            moved = kept;
        if (!owed->files.file[i].path)
            continue;
        owed->files.file[kept] = owed->files.file[i];
        owed->batch_ms[kept++] = owed->batch_ms[i];
    }
    owed->files.count = kept;
    return moved;
}

void sl_owed_done(struct sl_owed *owed)
{
    sl_owed_files_done(&owed->now);
    sl_owed_files_done(&owed->added);
    sl_owed_files_done(&owed->done);
}
