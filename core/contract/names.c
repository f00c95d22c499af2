#include "core/contract/names.h"

#include <fnmatch.h>
#include <string.h>

static bool ends_in(const char *name, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(name + len - end_len, end, end_len) == 0;
}

bool sl_name_ignored(const char *name)
{
    static const char *const endings[] = {"~", ".tmp", ".part"};
    if (name[0] == '.' || name[0] == '_')
        return true;
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_in(name, len, endings[i]))
            return true;
    return false;
}

bool sl_name_wanted(const struct sl_arrivals_options *options, const char *name)
{
    if (options->glob && fnmatch(options->glob, name, 0) != 0)
        return false;
    return !options->accept || options->accept(options->accept_arg, name);
}

bool sl_marker_valid(const char *complete)
{
    const char *percent = strchr(complete, '%');
    return percent && complete[1] && !strchr(percent + 1, '%') && !strchr(complete, '/');
}

bool sl_marker_of(const char *complete, const char *name, char ret[SL_NAME_MAX + 1])
{
    size_t before = (size_t)(strchr(complete, '%') - complete);
    size_t after = strlen(complete) - before - 1;
    size_t len = strlen(name);
    if (before + len + after > SL_NAME_MAX)
        return false;
    memcpy(ret, complete, before);
    memcpy(ret + before, name, len);
    memcpy(ret + before + len, complete + before + 1, after + 1);
    return true;
}

bool sl_marker_for(const char *complete, const char *name, char ret[SL_NAME_MAX + 1])
{
    size_t before = (size_t)(strchr(complete, '%') - complete);
    const char *end = complete + before + 1;
    size_t len = strlen(name), around = before + strlen(end);
    if (len <= around || len > SL_NAME_MAX || memcmp(name, complete, before) != 0 || !ends_in(name, len, end))
        return false;
    memcpy(ret, name + before, len - around);
    ret[len - around] = 0;
    return true;
}
