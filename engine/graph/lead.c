#include "engine/graph/lead.h"

#include "core/base/pattern.h"

#include <fnmatch.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

/* Goes one step from `at`, which is resolved: up, through a link, or to what does not exist yet. */
static bool step(char at[PATH_MAX], const char *name, size_t len)
{
    char next[PATH_MAX], real[PATH_MAX];
    if (len == 0 || (len == 1 && name[0] == '.'))
        return true;
    if (len == 2 && memcmp(name, "..", 2) == 0) {
        char *slash = strrchr(at, '/');
        slash[slash == at] = 0;
        return true;
    }
    int length = snprintf(next, sizeof next, "%s/%.*s", at[1] ? at : "", (int)len, name);
    if (length < 0 || length >= PATH_MAX)
        return false;
    memcpy(at, realpath(next, real) ? real : next, PATH_MAX);
    return true;
}

/* Name by name, for what is missing may come before "..": the run would make it. */
bool sl_lead_resolve(const char *dir, const char *path, char ret[PATH_MAX])
{
    char whole[PATH_MAX];
    int len = path[0] == '/' ? snprintf(whole, sizeof whole, "%s", path)
                             : snprintf(whole, sizeof whole, "%s/%s", dir, path);
    if (len < 0 || len >= PATH_MAX || whole[0] != '/')
        return false;
    memset(ret, 0, PATH_MAX);
    ret[0] = '/';
    for (const char *at = whole; *at;) {
        size_t name = strcspn(at, "/");
        if (!step(ret, at, name))
            return false;
        at += name + (at[name] == '/');
    }
    return true;
}

bool sl_lead_is_url(const char *prefix)
{
    return strstr(prefix, "://") != NULL; /* an object store */
}

bool sl_lead_find(const char *dir, const char *path, char ret[PATH_MAX])
{
    if (!sl_lead_is_url(path))
        return sl_lead_resolve(dir, path, ret);
    int len = snprintf(ret, PATH_MAX, "%s", path);
    while (len > 0 && len < PATH_MAX && ret[len - 1] == '/')
        ret[--len] = 0;
    return len > 0 && len < PATH_MAX;
}

bool sl_lead_lies_in(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    if (strcmp(dir, "/") == 0)
        return true;
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == 0);
}

bool sl_lead_is_watched(const char *path, const char *watched)
{
    char part[PATH_MAX];
    if (sl_lead_lies_in(path, watched))
        return true;
    for (size_t len = 1; sl_pattern_is(watched) && len <= strlen(path); len++) {
        if (path[len] != '/' && path[len])
            continue;
        snprintf(part, sizeof part, "%.*s", (int)len, path);
        if (fnmatch(watched, part, FNM_PATHNAME | FNM_PERIOD) == 0)
            return true;
    }
    return false;
}

bool sl_lead_may_lie_in(const char *watched, const char *dir)
{
    char part[PATH_MAX];
    size_t len = 0;
    if (sl_lead_lies_in(watched, dir) || !sl_pattern_is(watched))
        return sl_lead_lies_in(watched, dir);
    for (const char *slash = dir; (slash = strchr(slash, '/')) && watched[len]; slash++)
        len += 1 + strcspn(watched + len + 1, "/");
    snprintf(part, sizeof part, "%.*s", (int)len, watched);
    return fnmatch(part, dir, FNM_PATHNAME | FNM_PERIOD) == 0;
}

bool sl_lead_is_of_the_kernel(const char *resolved)
{
    char at[PATH_MAX];
    struct statfs fs;
    memcpy(at, resolved, strlen(resolved) + 1);
    while (statfs(at, &fs) < 0 && at[1]) {
        char *slash = strrchr(at, '/');
        slash[slash == at] = 0;
    }
    return at[1] && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}
