#include "lua/builtin.h"

#include "lua/arguments.h"
#include "lua/testing/copy.h"
#include "lua/value.h"
#include "ops/builtin/builtin.h"
#include "ops/list.h"

#include <lauxlib.h>

static const char type_name[] = "sluice.builtin";

/* How to make the function. Its user value holds the arguments as a list until then. */
struct recipe {
    const struct sl_builtin *builtin;
    struct sl_function *function; /* made on first use */
    const char *file;             /* where it stands in the job; NULL: never called, say where it is used */
    int line, count;
};

static struct recipe *push_recipe(lua_State *L, const struct sl_builtin *builtin)
{
    struct recipe *recipe = lua_newuserdatauv(L, sizeof *recipe, 1);
    *recipe = (struct recipe){.builtin = builtin};
    luaL_setmetatable(L, type_name);
    return recipe;
}

/* sluice.split(" "): a new recipe with these arguments. */
static int recipe_call(lua_State *L)
{
    const struct recipe *called = luaL_checkudata(L, 1, type_name);
    const char *name = called->builtin->name;
    if (sl_copy_of(L)->task)
        return luaL_error(
            L,
            "sluice.%s makes a function for an operator, as in s:map(sluice.%s ...); a function "
            "over records cannot call it",
            name, name);
    if (called->file)
        return luaL_error(
            L,
            "sluice.%s(...) is a function for an operator, as in s:map(sluice.%s(...)); it cannot "
            "be called again",
            name, name);
    int count = lua_gettop(L) - 1;
    lua_createtable(L, count, 0);
    lua_insert(L, 2);
    while (lua_gettop(L) > 2)
        lua_rawseti(L, 2, lua_gettop(L) - 2);
    struct recipe *recipe = push_recipe(L, called->builtin);
    recipe->count = count;
    sl_copy_where(L, &recipe->file, &recipe->line);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int recipe_to_text(lua_State *L)
{
    const struct recipe *recipe = luaL_checkudata(L, 1, type_name);
    lua_pushfstring(L, "sluice.%s", recipe->builtin->name);
    return 1;
}

void sl_builtin_open(lua_State *L)
{
    luaL_newmetatable(L, type_name);
    lua_pushcfunction(L, recipe_call);
    lua_setfield(L, -2, "__call");
    lua_pushcfunction(L, recipe_to_text);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
}

void sl_builtin_add_all(lua_State *L)
{
    for (size_t i = 0; sl_builtins[i]; i++) {
        push_recipe(L, sl_builtins[i]);
        lua_setfield(L, -2, sl_builtins[i]->name);
    }
}

bool sl_builtin_test(lua_State *L, int index)
{
    return luaL_testudata(L, index, type_name) != NULL;
}

/* Pushes the arguments of the recipe at the index. */
static void push_arguments(lua_State *L, int index, int count)
{
    luaL_checkstack(L, count + 4, "too many arguments");
    lua_getiuservalue(L, index, 1);
    int list = lua_gettop(L);
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, list, i);
    lua_remove(L, list);
}

/* The built-in's own errors are those of the line that made it; whatever follows stands where the script
 * does. */
static struct sl_function *make(lua_State *L, int index, const struct recipe *recipe)
{
    struct sl_copy *copy = sl_copy_of(L);
    int top = lua_gettop(L);
    sl_copy_declare(L, recipe->builtin->name);
    if (recipe->count)
        push_arguments(L, index, recipe->count);
    const struct sl_arg *argv;
    size_t argc = sl_arguments_take(L, top + 1, NULL, &argv);
    lua_settop(L, top);
    if (recipe->file)
        sl_context_at(copy->context, recipe->file, recipe->line);
    struct sl_function *function = sl_call_args(copy->context, recipe->builtin->name, argv, argc);
    if (!function)
        sl_copy_raise(L);
    sl_copy_declare(L, recipe->builtin->name);
    return function;
}

/* A recipe that was never called with arguments is shared by the whole job and stands where it is used. */
struct sl_function *sl_builtin_take(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    struct recipe *recipe = luaL_checkudata(L, index, type_name);
    if (recipe->function)
        return recipe->function;
    struct sl_function *function = make(L, index, recipe);
    if (recipe->file)
        recipe->function = function;
    return function;
}
