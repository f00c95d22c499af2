#include "engine/batch/blame.h"

#include "core/base/error.h"
#include "core/contract/site.h"

#include <string.h>

int sl_blame(const struct sl_node *node, int r, struct sl_error *err)
{
    const struct sl_site *site = &node->site;
    size_t len = strlen(site->file);
    bool has_place = strncmp(err->text, site->file, len) == 0 && err->text[len] == ':';
    if (r != SL_EFAIL && r != SL_EFULL && r != SL_EUNREACHABLE)
        return r;
    return has_place ? r : sl_site_wrap(site, err);
}
