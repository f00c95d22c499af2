#include "engine/graph/own_dir.h"

#include "engine/graph/lead.h"

#include <string.h>

struct sl_own_dir sl_own_dir_at(const char *dir, const char *where, const char *path)
{
    struct sl_own_dir own = {.where = where};
    size_t len = strlen(dir);
    if (!path || !sl_lead_resolve(dir, path, own.lead))
        return own; /* what is wrong with it is reported when it is opened */
    own.shown = strncmp(path, dir, len) == 0 && path[len] == '/' ? path + len + 1 : path;
    return own;
}

int sl_own_dir_refuse(const struct sl_own_dir *own, const char *what, const char *shown, const char *resolved,
                      struct sl_error *err)
{
    if (!own->shown || !sl_lead_lies_in(resolved, own->lead))
        return 0;
    return sl_error_set(err, SL_EUSAGE, "the %s %s is %s %s; choose a directory outside of it", what, shown,
                        own->where, own->shown);
}
