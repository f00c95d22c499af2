#include "core/base/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sl_place_find(const char *path, struct sl_place *ret)
{
    char parent[PATH_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t start = len;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (len == 0)
        return ENOENT;
    if (start >= sizeof parent || len - start >= sizeof ret->name)
        return ENAMETOOLONG;
    snprintf(parent, sizeof parent, "%.*s", start ? (int)start : 1, start ? path : ".");
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(len - start), path + start);
    return realpath(parent, ret->dir) ? 0 : errno;
}

int sl_place_join(const struct sl_place *place, char path[static PATH_MAX])
{
    const char *slash = place->dir[1] ? "/" : ""; /* the root directory ends in one */
    int len = snprintf(path, PATH_MAX, "%s%s%s", place->dir, slash, place->name);
    return len < PATH_MAX ? 0 : ENAMETOOLONG;
}
