#include "lua/lib/paths.h"

#include "lua/job_internal.h"

#include <string.h>

/* How many of the first arguments are paths. */
static int path_count(const char *name)
{
    static const char *const one[] = {"io.open", "io.lines", "io.input", "io.output", "os.remove"};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        if (strcmp(one[i], name) == 0)
            return 1;
    return strcmp(name, "os.rename") == 0 ? 2 : 0;
}

void sl_paths_make_relative(lua_State *L, const char *name)
{
    const char *dir = sl_copy_of(L)->job->dir;
    for (int i = 1; i <= path_count(name) && strcmp(dir, ".") != 0; i++) {
        const char *path = lua_type(L, i) == LUA_TSTRING ? lua_tostring(L, i) : NULL;
        if (!path || path[0] == '/')
            continue;
        lua_pushfstring(L, "%s/%s", dir, path);
        lua_replace(L, i);
    }
}
