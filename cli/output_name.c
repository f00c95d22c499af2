#include "cli/output_name.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sl_output_is_called(const char *name, const char *path, int64_t batch_ms)
{
    char time[32];
    size_t len = (size_t)snprintf(time, sizeof time, "-%" PRId64, batch_ms);
    for (const char *at = path; (at = strstr(at, time)); at++) {
        size_t prefix = (size_t)(at - path);
        const char *suffix = at + len;
        if ((*suffix == 0 || *suffix == '.') && strncmp(path, name, prefix) == 0 &&
            (name[prefix] == 0 || strcmp(name + prefix, suffix) == 0))
            return true;
    }
    return strcmp(name, path) == 0;
}

const char *sl_output_name_in_job(struct sl_target *target, const char *name)
{
    char given[PATH_MAX], directory[PATH_MAX], of_job[PATH_MAX];
    const char *slash = strrchr(name, '/');
    int len = snprintf(given, sizeof given, "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
    if (!slash || len >= (int)sizeof given || !realpath(len ? given : "/", directory) ||
        !realpath(target->dir, of_job))
        return NULL;
    size_t inside = strlen(of_job);
    if (strncmp(directory, of_job, inside) != 0 || (directory[inside] != '/' && directory[inside] != 0))
        return NULL;
    len = snprintf(given, sizeof given, "%s%s", directory + inside, slash);
    return len < (int)sizeof given ? sl_arena_text(&target->arena, given + 1, (size_t)len - 1) : NULL;
}
