#include "lua/load.h"

#include "lua/job_internal.h"
#include "lua/lib/find.h"
#include "lua/lib/gmatch.h"
#include "lua/lib/hints.h"
#include "lua/lib/modules.h"
#include "lua/lib/pure.h"
#include "lua/lib/strict.h"
#include "lua/module.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

/* ---- making the state ---- */

/* Adds the entries of a search path but for those of the working directory, which may be any, such as /tmp. */
static void add_entries(luaL_Buffer *buf, const char *path)
{
    while (path && *path) {
        size_t len = strcspn(path, ";");
        if (len && strncmp(path, "./", 2) != 0) {
            luaL_addchar(buf, ';');
            luaL_addlstring(buf, path, len);
        }
        path += len + (path[len] == ';');
    }
}

/* `own`: the entries of the job's directory. */
static void set_search_path(lua_State *L, const char *field, const char *own)
{
    luaL_Buffer buf;
    lua_getglobal(L, "package");
    lua_getfield(L, -1, field);
    const char *path = lua_tostring(L, -1); /* above it the buffer may have slots */
    luaL_buffinit(L, &buf);
    luaL_addstring(&buf, own);
    add_entries(&buf, path);
    luaL_pushresult(&buf);
    lua_setfield(L, -3, field);
    lua_pop(L, 2);
}

/* Modules are found beside the job. */
static void set_package_path(lua_State *L, const char *dir)
{
    set_search_path(L, "path", lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", dir, dir));
    set_search_path(L, "cpath", lua_pushfstring(L, "%s/?.so", dir));
    lua_pop(L, 2);
}

static void set_arg_table(lua_State *L, const struct sl_job_options *options)
{
    lua_createtable(L, (int)options->argc, 1);
    lua_pushstring(L, options->path);
    lua_rawseti(L, -2, 0);
    for (size_t i = 0; i < options->argc; i++) {
        lua_pushstring(L, options->argv[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setglobal(L, "arg");
}

static int open_state(lua_State *L)
{
    const struct sl_job *job = sl_copy_of(L)->job;
    luaL_openlibs(L);
    sl_find_open(L);
    sl_gmatch_open(L);
    sl_modules_open(L);
    set_package_path(L, job->dir);
    set_arg_table(L, job->options);
    sl_module_open(L);
    sl_pure_open(L);
    sl_strict_open(L);
    return 0;
}

int sl_copy_new(struct sl_job *job, unsigned number, struct sl_copy **ret, struct sl_error *err)
{
    struct sl_copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        return sl_error_nomem(err);
    copy->job = job;
    copy->number = number;
    sl_arena_init(&copy->arena);
    sl_arena_init(&copy->calls_arena);
    copy->L = lua_newstate(sl_lua_memory_alloc, &copy->memory);
    if (!copy->L) {
        sl_copy_free(copy);
        return sl_error_nomem(err);
    }
    *(struct sl_copy **)lua_getextraspace(copy->L) = copy;
    /* Nearly all that functions make is garbage after the record: what stays need not be marked each time. */
    lua_gc(copy->L, LUA_GCGEN, 0, 0);
    lua_pushcfunction(copy->L, open_state);
    if (lua_pcall(copy->L, 0, 0, 0) != LUA_OK) {
        sl_copy_free(copy);
        return sl_error_nomem(err);
    }
    *ret = copy;
    return 0;
}

/* ---- running the script ---- */

/* A first line that begins with # is for the shell; its newline stays, so that lines keep their numbers. */
static const char *skip_shebang(const char *text)
{
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    return text[0] == '#' ? text + strcspn(text, "\n") : text;
}

/* "job.lua:3: ...", as Lua writes it. */
static bool has_line(const char *message)
{
    for (const char *at = message; (at = strchr(at, ':')); at++) {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits && at[1 + digits] == ':')
            return true;
    }
    return false;
}

/* Pushes the compiled script; raises its syntax errors. */
static void push_script(lua_State *L, const struct sl_job *job)
{
    const char *text = skip_shebang(job->text);
    size_t len = job->text_len - (size_t)(text - job->text);
    const char *name = lua_pushfstring(L, "%s%s", job->options->code ? "=" : "@", job->options->path);
    if (luaL_loadbufferx(L, text, len, name, "t") != LUA_OK) {
        const char *hint = sl_hint_of_syntax(lua_tostring(L, -1), text, len);
        if (hint)
            lua_pushfstring(L, "%s; %s", lua_tostring(L, -1), hint);
        if (!has_line(lua_tostring(L, -1))) /* nesting that is too deep, or no text */
            lua_pushfstring(L, "%s: %s", job->options->path, lua_tostring(L, -1));
        lua_error(L);
    }
    lua_remove(L, -2);
}

static int run_script(lua_State *L)
{
    const struct sl_job *job = sl_copy_of(L)->job;
    push_script(L, job);
    if (job->options->code) {
        sl_module_push_scope(L);
        lua_setupvalue(L, -2, 1);
    }
    lua_pushvalue(L, -1);
    lua_call(L, 0, 0);
    if (sl_copy_of(L)->number == 0)
        sl_strict_check(L, job->options->is_checking);
    return 0;
}

int sl_copy_run(struct sl_copy *copy, struct sl_error *err)
{
    lua_pushcfunction(copy->L, run_script);
    return sl_copy_call(copy, 0, err);
}

int sl_copy_load(struct sl_copy *copy, struct sl_error *err)
{
    int r = sl_copy_run(copy, err);
    if (r < 0)
        return r;
    if (!copy->context)
        return sl_error_set(err, SL_EUSAGE,
                            "%s makes no StreamingContext; a job begins with local ssc = "
                            "sluice.StreamingContext { interval = \"1s\" }",
                            copy->job->options->path);
    if (sl_context_status(copy->context) != SL_OK)
        return sl_error_set(err, sl_context_status(copy->context), "%s", sl_context_error(copy->context));
    return 0;
}
