#include "lua/lib/pure.h"

#include "lua/copy.h"
#include "lua/job_internal.h"
#include "lua/lib/calendar.h"
#include "lua/lib/pairs.h"
#include "lua/lib/paths.h"
#include "lua/lib/random.h"

#include <lauxlib.h>
#include <string.h>

static const char clock_remedy[] = "the batch's time is sluice.batchTime(), in milliseconds";
static const char file_remedy[] = "read what is needed at the top of the job, or use foreachRDD";
static const char print_remedy[] = "use stream:pprint(), or stream:print()";
static const char load_remedy[] = "load it at the top of the job";

/* The guard's upvalues: the function it replaces, its name, what to do instead. */
enum { ORIGINAL = 1, NAME = 2, REMEDY = 3 };

/* What reads or changes files, or starts programs. */
static bool touches(const char *name)
{
    static const char *const names[] = {"os.remove", "os.rename", "os.execute", "os.tmpname"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return strncmp(name, "io.", 3) == 0;
}

static int guarded(lua_State *L)
{
    const char *name = lua_tostring(L, lua_upvalueindex(NAME));
    if (!sl_copy_of(L)->task && sl_copy_of(L)->job->options->is_checking && touches(name))
        return luaL_error(
            L,
            "%s is refused while a job is checked or its graph is shown, which touches nothing; put "
            "it into a function of foreachRDD, or run the job",
            name);
    if (sl_copy_of(L)->task)
        return luaL_error(L,
                          "%s is not allowed in a function over records, whose results must depend on its "
                          "arguments only: %s",
                          name, lua_tostring(L, lua_upvalueindex(REMEDY)));
    sl_paths_make_relative(L, name);
    lua_pushvalue(L, lua_upvalueindex(ORIGINAL));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* A process that ends in a batch has not committed it, and one that ends in a command has not done what it was asked for:
 * neither may look as if all was well. */
static int guarded_exit(lua_State *L)
{
    const struct sl_copy *copy = sl_copy_of(L);
    if (!copy->task && copy->in_batch)
        return luaL_error(
            L, "os.exit is refused in foreachRDD, where it would end the run before the batch is committed; "
               "raise an error, which fails the batch, or call ssc:stop(), which ends the run after it");
    if (!copy->task && !copy->job->options->may_exit)
        return luaL_error(
            L, "os.exit is refused while a job is loaded by another command than run; raise an error");
    return guarded(L);
}

/* As guarded, but only the main copy prints. */
static int guarded_print(lua_State *L)
{
    const struct sl_copy *copy = sl_copy_of(L);
    return !copy->task && copy->number > 0 ? 0 : guarded(L);
}

/* Replaces the function on top of the stack by its guard. */
static void push_guard(lua_State *L, lua_CFunction guard, const char *name, const char *remedy)
{
    lua_pushstring(L, name);
    lua_pushstring(L, remedy);
    lua_pushcclosure(L, guard, 3);
}

static void guard_global(lua_State *L, lua_CFunction guard, const char *name, const char *remedy)
{
    if (lua_getglobal(L, name) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        return;
    }
    push_guard(L, guard, name, remedy);
    lua_setglobal(L, name);
}

static const char *remedy_of(const char *prefix, const char *name)
{
    bool is_clock = strcmp(name, "clock") == 0;
    return strcmp(prefix, "os.") == 0 && is_clock ? clock_remedy : file_remedy;
}

/* Those of lua/lib/calendar.h judge by their arguments. */
static bool is_calendar(const char *prefix, const char *name)
{
    return strcmp(prefix, "os.") == 0 && (strcmp(name, "time") == 0 || strcmp(name, "date") == 0);
}

/* Guards every function of the table on top of the stack; metamethods stay. */
static void guard_table(lua_State *L, const char *prefix)
{
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table);) {
        bool is_guarded = lua_type(L, -2) == LUA_TSTRING && !is_calendar(prefix, lua_tostring(L, -2)) &&
                          lua_isfunction(L, -1) && strncmp(lua_tostring(L, -2), "__", 2) != 0;
        if (!is_guarded) {
            lua_pop(L, 1);
            continue;
        }
        const char *name = lua_tostring(L, -2), *full_name = lua_pushfstring(L, "%s%s", prefix, name);
        lua_insert(L, -2);
        push_guard(L, strcmp(full_name, "os.exit") == 0 ? guarded_exit : guarded, full_name,
                   remedy_of(prefix, name));
        lua_pushvalue(L, -3);
        lua_insert(L, -2);
        lua_rawset(L, table);
        lua_pop(L, 1);
    }
}

/* Methods of open files, which a function may have as upvalues. */
static void guard_file_methods(lua_State *L)
{
    if (luaL_getmetatable(L, LUA_FILEHANDLE) == LUA_TTABLE) {
        lua_getfield(L, -1, "__index");
        if (lua_istable(L, -1))
            guard_table(L, "file:");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void sl_pure_open(lua_State *L)
{
    sl_calendar_open(L);
    lua_getglobal(L, "os");
    guard_table(L, "os.");
    lua_getglobal(L, "io");
    guard_table(L, "io.");
    lua_pop(L, 2);
    guard_file_methods(L);
    guard_global(L, guarded_print, "print", print_remedy);
    guard_global(L, guarded, "load", load_remedy);
    guard_global(L, guarded, "loadfile", load_remedy);
    guard_global(L, guarded, "dofile", load_remedy);
    guard_global(L, guarded, "require", load_remedy);
    sl_pairs_open(L);
    sl_random_open(L);
}
