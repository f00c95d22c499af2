#include "watcher/watched_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_MAX = 10 };

void sl_watched_dir_tell(struct sl_watched_dir *intake, enum sl_log_level level, const char *name,
                         const char *what)
{
    struct sl_buf safe;
    if (intake->told++ >= TOLD_MAX)
        return;
    sl_buf_init(&safe);
    if (sl_buf_safe(&safe, name, strlen(name)))
        sl_log(intake->log, level, "%s/%.*s: %s", intake->place.path, (int)safe.len, (char *)safe.bytes,
               what);
    sl_buf_done(&safe);
}

int sl_watched_dir_add_gone(struct sl_watched_dir *intake, const struct sl_file *file)
{
    return intake->durable ? sl_files_add(&intake->gone, file) : 0;
}

char *sl_watched_dir_path(const struct sl_watched_dir *intake, const char *name, const char *part)
{
    const char *dir = intake->place.path;
    size_t dir_len = strlen(dir), name_len = strlen(name), part_len = part ? 1 + strlen(part) : 0;
    char *path = malloc(dir_len + 1 + name_len + part_len + 1);
    if (!path)
        return NULL;
    char *end = mempcpy(path, dir, dir_len);
    *end++ = '/';
    end = mempcpy(end, name, name_len);
    if (part) {
        *end++ = '/';
        end = mempcpy(end, part, part_len - 1);
    }
    *end = 0;
    return path;
}
