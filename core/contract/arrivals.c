#include "core/contract/arrivals.h"

#include "core/base/array.h"

#include <stdlib.h>
#include <string.h>

void sl_files_done(struct sl_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->file[i].path);
    free(files->file);
    *files = (struct sl_files){0};
}

int sl_files_add(struct sl_files *files, const struct sl_file *file)
{
    struct sl_file *grown = sl_array_grow(files->file, files->count, &files->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    files->file = grown;
    struct sl_file copy = *file;
    copy.path = strdup(file->path);
    if (!copy.path)
        return SL_ENOMEM;
    files->file[files->count++] = copy;
    return 0;
}

bool sl_file_same(const struct sl_file *a, const struct sl_file *b)
{
    if (a->inode != b->inode || a->born_ns != b->born_ns)
        return false;
    return a->born_ns != INT64_MIN || (a->size == b->size && a->mtime_ns == b->mtime_ns);
}
