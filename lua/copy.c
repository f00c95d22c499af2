#include "lua/copy.h"
#include "lua/lib/hints.h"

#include "lua/callable.h"
#include "lua/job_internal.h"
#include "lua/phrase.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* ---- the current line of the script ---- */

/* The innermost Lua function that runs; false if there is none. */
static bool innermost_frame(lua_State *L, lua_Debug *info)
{
    for (int level = 0; lua_getstack(L, level, info); level++) {
        lua_getinfo(L, "Sl", info);
        if (info->currentline > 0)
            return true;
    }
    return false;
}

/* The name after Lua's mark of what kind of name it is. */
static const char *file_of(const lua_Debug *info)
{
    return info->source[0] == '@' || info->source[0] == '=' ? info->source + 1 : info->short_src;
}

void sl_copy_where(lua_State *L, const char **ret_file, int *ret_line)
{
    struct sl_copy *copy = sl_copy_of(L);
    lua_Debug info;
    *ret_file = copy->job->options->path;
    *ret_line = 0;
    if (!innermost_frame(L, &info))
        return;
    *ret_line = info.currentline;
    if (strcmp(*ret_file, file_of(&info)) == 0)
        return;
    *ret_file = sl_arena_text(&copy->arena, file_of(&info), strlen(file_of(&info)));
    if (!*ret_file)
        sl_value_nomem(L);
}

void sl_copy_declare(lua_State *L, const char *what)
{
    const struct sl_copy *copy = sl_copy_of(L);
    if (copy->task)
        luaL_error(L, "%s: streams are declared at the top of the job, not in a function over records", what);
    if (copy->is_sealed)
        luaL_error(L, "%s: the job is running, its graph cannot change any more", what);
    if (!copy->context)
        luaL_error(L, "%s: there is no StreamingContext yet", what);
    const char *file;
    int line;
    sl_copy_where(L, &file, &line);
    sl_context_at(copy->context, file, line);
}

void sl_copy_raise(lua_State *L)
{
    const struct sl_context *context = sl_copy_of(L)->context;
    if (sl_context_status(context) == SL_ENOMEM)
        sl_value_nomem(L);
    lua_pushstring(L, sl_context_error(context));
    lua_error(L);
    __builtin_unreachable();
}

/* ---- calls ---- */

static void add_hint(lua_State *L)
{
    const char *hint = sl_hint_of_error(lua_tostring(L, 1));
    if (hint) {
        lua_pushfstring(L, "%s; %s", lua_tostring(L, 1), hint);
        lua_replace(L, 1);
    }
}

/* A message handler: errors raised by C functions that C called have no place yet. */
static int add_place(lua_State *L)
{
    lua_Debug info;
    if (lua_type(L, 1) != LUA_TSTRING)
        return 1;
    add_hint(L);
    lua_settop(L, 1);
    if (!innermost_frame(L, &info))
        return 1;
    const char *file = file_of(&info), *text = lua_tostring(L, 1);
    bool has_place = strncmp(text, SL_COMMAND_LINE, sizeof SL_COMMAND_LINE - 1) == 0 ||
                     strncmp(text, file, strlen(file)) == 0 ||
                     strncmp(text, info.short_src, strlen(info.short_src)) == 0;
    if (!has_place)
        lua_pushfstring(L, "%s:%d: %s", file, info.currentline, text);
    return 1;
}

/* What the handler left as a failure. */
static int call_failed(lua_State *L, const struct sl_copy *copy, int status, struct sl_error *err)
{
    if (status == LUA_ERRMEM || sl_value_is_nomem(L, -1))
        return sl_error_nomem(err);
    if (lua_type(L, -1) == LUA_TSTRING)
        return sl_error_set(err, SL_EUSAGE, "%s", lua_tostring(L, -1));
    return sl_error_set(err, SL_EUSAGE, "%s: the script raised %s as its error", copy->job->options->path,
                        sl_phrase(L, -1));
}

int sl_copy_call(struct sl_copy *copy, int arguments, struct sl_error *err)
{
    lua_State *L = copy->L;
    lua_pushcfunction(L, add_place);
    lua_insert(L, 1);
    int status = lua_pcall(L, arguments, 0, 1);
    int r = status == LUA_OK ? 0 : call_failed(L, copy, status, err);
    lua_settop(L, 0);
    return r;
}

/* ---- the end of a declaration, and of the copy ---- */

void sl_copy_seal(struct sl_copy *copy)
{
    copy->is_sealed = true;
}

void sl_copy_strip(struct sl_copy *copy)
{
    sl_copy_seal(copy);
    sl_context_free(copy->context);
    copy->context = NULL;
    sl_arena_done(&copy->arena);
    sl_arena_init(&copy->arena);
}

void sl_copy_free(struct sl_copy *copy)
{
    if (!copy)
        return;
    if (copy->L)
        lua_close(copy->L);
    sl_lua_memory_done(&copy->memory);
    sl_context_free(copy->context);
    sl_arena_done(&copy->arena);
    sl_arena_done(&copy->calls_arena);
    sl_outside_free(copy->outside);
    free(copy->function);
    free(copy->pending);
    free(copy->random);
    free(copy);
}
