#include "core/contract/site.h"

#include "core/base/error.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_MAX = 512 };

static const char *skip(const char *text, const char *start)
{
    size_t len = strlen(start);
    return strncmp(text, start, len) == 0 ? text + len : text;
}

const char *sl_site_strip(const struct sl_site *site, const char *text)
{
    char place[PLACE_MAX], name[PLACE_MAX];
    snprintf(place, sizeof place, "%s:%d: ", site->file, site->line);
    snprintf(name, sizeof name, "%s: ", site->name);
    return skip(skip(text, place), name);
}

bool sl_site_is_in(const struct sl_site *site, const char *text)
{
    char place[PLACE_MAX];
    snprintf(place, sizeof place, "%s:%d: ", site->file, site->line);
    return strstr(text, place) != NULL;
}

int sl_site_wrap(const struct sl_site *site, struct sl_error *err)
{
    if (!err)
        return SL_EFAIL;
    const char *rest = sl_site_strip(site, err->text);
    memmove(err->text, rest, strlen(rest) + 1);
    return sl_error_wrap(err, "%s:%d: %s", site->file, site->line, site->name);
}
