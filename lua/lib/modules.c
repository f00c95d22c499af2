#include "lua/lib/modules.h"

#include "core/base/nearest.h"
#include "core/base/trust.h"
#include "lua/copy.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { MODULE_BYTES_MAX = 16 << 20 };

static void check(lua_State *L, const char *path)
{
    struct sl_error err = {0};
    if (sl_trust_as_root(&sl_io_system, path, "run it", &err) < 0)
        luaL_error(L, "%s", err.text);
}

/* A Lua file becomes part of the copy's digest. What cannot be read Lua itself refuses; of a pipe it reads what there is. */
static void take_in(lua_State *L, const char *path)
{
    struct sl_copy *copy = sl_copy_of(L);
    struct sl_error ignored;
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    char *text;
    size_t len;
    if (sl_io_read_file(&sl_io_system, AT_FDCWD, path, MODULE_BYTES_MAX, &text, &len, &ignored) < 0)
        return;
    copy->modules = XXH3_64bits_withSeed(text, len, copy->modules);
    free(text);
}

/* Upvalues of a searcher or loader: Lua's own, and the field of `package` that has the path of such files. */
enum { ORIGINAL = 1, PATH = 2 };

static bool is_library(lua_State *L)
{
    return lua_tostring(L, lua_upvalueindex(PATH))[0] == 'c';
}

/* Checks the file that the name is found at, where it is; Lua's own searcher finds the same. */
static void check_found(lua_State *L, const char *name)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchpath");
    lua_pushstring(L, name);
    lua_getfield(L, -3, lua_tostring(L, lua_upvalueindex(PATH)));
    if (lua_pcall(L, 2, 1, 0) == LUA_OK && lua_isstring(L, -1)) {
        check(L, lua_tostring(L, -1));
        if (!is_library(L))
            take_in(L, lua_tostring(L, -1));
    }
    lua_pop(L, 2);
}

static int search(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    check_found(L, name);
    lua_pushlstring(L, name, strcspn(name, "."));
    if (is_library(L)) /* a library with all of a package's modules */
        check_found(L, lua_tostring(L, -1));
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(ORIGINAL));
    lua_insert(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void wrap_searcher(lua_State *L, int searchers, int number, const char *path)
{
    lua_rawgeti(L, searchers, number);
    lua_pushstring(L, path);
    lua_pushcclosure(L, search, 2);
    lua_rawseti(L, searchers, number);
}

static int load_checked(lua_State *L)
{
    if (lua_isstring(L, 1))
        check(L, lua_tostring(L, 1));
    if (lua_isstring(L, 1) && !is_library(L))
        take_in(L, lua_tostring(L, 1));
    lua_pushvalue(L, lua_upvalueindex(ORIGINAL));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void wrap_loader(lua_State *L, int table, const char *name, const char *path)
{
    lua_getfield(L, table, name);
    lua_pushstring(L, path);
    lua_pushcclosure(L, load_checked, 2);
    lua_setfield(L, table, name);
}

/* The last searcher: the others have found nothing, and a list of every path does not help. */
static int refuse_missing(lua_State *L)
{
    static const char *const ours[] = {"sluice", "sluice.testing"};
    const char *name = luaL_checkstring(L, 1), *nearest = sl_name_nearest(name, ours, 2);
    if (nearest)
        return luaL_error(L, "there is no module %s; did you mean require \"%s\"?", name, nearest);
    return luaL_error(
        L,
        "there is no module %s; modules in Lua are looked for beside the job and in LUA_PATH, those in C in "
        "LUA_CPATH",
        name);
}

/* Searchers: preloaded, Lua files, C libraries, C libraries of whole packages. */
void sl_modules_open(lua_State *L)
{
    lua_getglobal(L, "package");
    wrap_loader(L, lua_gettop(L), "loadlib", "cpath");
    lua_getfield(L, -1, "searchers");
    wrap_searcher(L, lua_gettop(L), 2, "path");
    wrap_searcher(L, lua_gettop(L), 3, "cpath");
    wrap_searcher(L, lua_gettop(L), 4, "cpath");
    lua_pushcfunction(L, refuse_missing);
    lua_rawseti(L, -2, 5);
    lua_pushglobaltable(L);
    wrap_loader(L, lua_gettop(L), "loadfile", "path");
    wrap_loader(L, lua_gettop(L), "dofile", "path");
    lua_pop(L, 3);
}
