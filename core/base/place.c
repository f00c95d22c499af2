#include "core/base/place.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sl_place_split(const char *path, struct sl_place *ret)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t start = len;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (len == 0)
        return ENOENT;
    if (start >= sizeof ret->dir || len - start >= sizeof ret->name)
        return ENAMETOOLONG;
    snprintf(ret->dir, sizeof ret->dir, "%.*s", start ? (int)start : 1, start ? path : ".");
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(len - start), path + start);
    return 0;
}

/* Appends the parts of the path to ret->dir. */
static int append(const char *missing, struct sl_place *ret)
{
    size_t used = ret->dir[1] ? strlen(ret->dir) : 0; /* the root directory ends in a slash */
    for (missing += strspn(missing, "/"); *missing; missing += strspn(missing, "/")) {
        size_t len = strcspn(missing, "/");
        if (len == 2 && memcmp(missing, "..", 2) == 0)
            return ENOENT;
        if (used + 1 + len >= sizeof ret->dir)
            return ENAMETOOLONG;
        if (len != 1 || missing[0] != '.')
            used += (size_t)snprintf(ret->dir + used, sizeof ret->dir - used, "/%.*s", (int)len, missing);
        missing += len;
    }
    return 0;
}

int sl_place_find_missing(const char *path, struct sl_place *ret)
{
    char parent[PATH_MAX], there[PATH_MAX];
    int sys = sl_place_split(path, ret);
    if (sys)
        return sys;
    memcpy(parent, ret->dir, sizeof parent);
    size_t len = strlen(parent);
    for (bool found = false; sys == 0 && !found;) {
        snprintf(there, sizeof there, "%.*s", len ? (int)len : 1,
                 len                ? parent
                 : parent[0] == '/' ? "/"
                                    : ".");
        found = realpath(there, ret->dir);
        sys = found || (errno == ENOENT && len) ? 0 : errno;
        while (!found && len && parent[len - 1] == '/')
            len--;
        while (!found && len && parent[len - 1] != '/')
            len--;
    }
    return sys ? sys : append(parent + len, ret);
}

static int join(const char *dir, const char *name, char path[static PATH_MAX])
{
    const char *slash = dir[1] ? "/" : ""; /* the root directory ends in one */
    int len = snprintf(path, PATH_MAX, "%s%s%s", dir, slash, name);
    return len < PATH_MAX ? 0 : ENAMETOOLONG;
}

int sl_place_path_missing(const char *path, char ret[static PATH_MAX])
{
    struct sl_place place;
    int sys = sl_place_find_missing(path, &place);
    return sys ? sys : join(place.dir, place.name, ret);
}

int sl_place_path(const char *path, char ret[static PATH_MAX])
{
    struct sl_place place;
    char dir[PATH_MAX];
    int sys = sl_place_split(path, &place);
    sys = sys ? sys : realpath(place.dir, dir) ? 0 : errno;
    return sys ? sys : join(dir, place.name, ret);
}
