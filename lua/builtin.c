#include "lua/builtin.h"

#include "lua/arguments.h"
#include "lua/callable.h"
#include "lua/copy.h"
#include "lua/value.h"
#include "ops/builtin/builtin.h"
#include "ops/list.h"

#include <lauxlib.h>
#include <string.h>

static const char type_name[] = "sluice.builtin";

/* How to make the function. Its user value holds the arguments as a list, which keeps what they call alive. */
struct recipe {
    const struct sl_builtin *builtin;
    struct sl_function *function; /* for operators, the context's; made on first use */
    struct sl_function *called;   /* for calls from Lua, owned; NULL: not made, or it cannot be called */
    const char *file;             /* where the job makes it; NULL: never called, say where it is used */
    int line, count;
};

static struct recipe *push_recipe(lua_State *L, const struct sl_builtin *builtin)
{
    struct recipe *recipe = lua_newuserdatauv(L, sizeof *recipe, 1);
    *recipe = (struct recipe){.builtin = builtin};
    luaL_setmetatable(L, type_name);
    return recipe;
}

static bool is_reducer(const struct sl_builtin *builtin)
{
    return strcmp(builtin->family, "reducers") == 0;
}

/* ---- calls from Lua functions ---- */

static void make_callable(lua_State *L, struct recipe *recipe, int first);

/* That of a built-in without arguments is made when it is first needed. */
static struct sl_function *callable_of(lua_State *L, struct recipe *recipe)
{
    if (!recipe->called && !recipe->file && !is_reducer(recipe->builtin))
        make_callable(L, recipe, lua_gettop(L) + 1);
    return recipe->called;
}

/* A built-in among the arguments is called by its own callable, which the list of arguments keeps alive. */
static bool take_callable_argument(lua_State *L, int index, struct sl_arg *ret)
{
    struct recipe *inner = luaL_testudata(L, index, type_name);
    if (lua_isfunction(L, index) || (inner && !callable_of(L, inner)))
        return false;
    *ret = inner ? SL_FN_ARG(inner->called)
                 : (struct sl_arg){.kind = SL_ARG_VALUE,
                                   .value = sl_value_take(L, index, &sl_copy_of(L)->arena)};
    return true;
}

/* Makes the function that calls from Lua use; its arguments lie on the stack from `first` on. The arguments are
 * checked here, so that a mistake is an error of this line. */
static void make_callable(lua_State *L, struct recipe *recipe, int first)
{
    struct sl_error err;
    int count = lua_gettop(L) - first + 1;
    struct sl_arg *arg = sl_arena_calloc(&sl_copy_of(L)->arena, (size_t)count + 1, sizeof *arg);
    if (!arg)
        sl_value_nomem(L);
    for (int i = 0; i < count; i++)
        if (!take_callable_argument(L, first + i, &arg[i]))
            return;
    int r = sl_builtin_make(recipe->builtin, NULL, arg, (size_t)count, &recipe->called, &err);
    if (r == SL_ENOMEM)
        sl_value_nomem(L);
    if (r < 0)
        luaL_error(L, "%s", err.text);
}

static int refuse_call(lua_State *L, const struct recipe *recipe)
{
    const char *name = recipe->builtin->name;
    if (is_reducer(recipe->builtin))
        return luaL_error(L, "sluice.%s is a reducer, for operators such as reduceByKey; it cannot be called",
                          name);
    return luaL_error(
        L,
        "sluice.%s with a Lua function among its arguments cannot be called; it is for an operator, "
        "as in s:filter(sluice.%s(...))",
        name, name);
}

/* local parse = sluice.json("id"), then parse(line): the record's fields are at index 2 and on. */
static int call_recipe(lua_State *L, struct recipe *recipe)
{
    return callable_of(L, recipe) ? sl_callable_call(L, recipe->called) : refuse_call(L, recipe);
}

/* ---- making one ---- */

static bool wants_no_arguments(const struct sl_builtin *builtin)
{
    return !builtin->params || !builtin->params[0].name || builtin->params[0].optional;
}

/* sluice.lower(x): called at once, where x cannot be an argument that makes a function. In a function over records
 * nothing can be made, so that all arguments are values. */
static bool is_direct_call(lua_State *L, const struct sl_builtin *builtin)
{
    if (is_reducer(builtin) || !wants_no_arguments(builtin))
        return false;
    bool takes_text = builtin->params && builtin->params[0].want & SL_WANT_STRING;
    return !takes_text && (sl_copy_of(L)->task || lua_type(L, 2) == LUA_TSTRING);
}

static int refuse_making(lua_State *L, const char *name)
{
    return luaL_error(L,
                      "sluice.%s(...) makes a function, once: write local f = sluice.%s(...) outside of the "
                      "function, and f(...) in it",
                      name, name);
}

/* sluice.split(" "): a new recipe with these arguments, and what it is called with if it is. */
static int make_recipe(lua_State *L, const struct sl_builtin *builtin)
{
    int count = lua_gettop(L) - 1;
    struct recipe *recipe = push_recipe(L, builtin);
    lua_replace(L, 1);
    recipe->count = count;
    sl_copy_where(L, &recipe->file, &recipe->line);
    if (!is_reducer(builtin))
        make_callable(L, recipe, 2);
    lua_createtable(L, count, 0);
    lua_insert(L, 2);
    while (lua_gettop(L) > 2)
        lua_rawseti(L, 2, lua_gettop(L) - 2);
    lua_setiuservalue(L, 1, 1);
    return 1;
}

static int recipe_call(lua_State *L)
{
    struct recipe *called = lua_touserdata(L, 1); /* a metamethod: it is one */
    if (called->file || is_direct_call(L, called->builtin))
        return call_recipe(L, called);
    if (sl_copy_of(L)->task)
        return is_reducer(called->builtin) ? refuse_call(L, called) : refuse_making(L, called->builtin->name);
    return make_recipe(L, called->builtin);
}

static int recipe_to_text(lua_State *L)
{
    const struct recipe *recipe = luaL_checkudata(L, 1, type_name);
    lua_pushfstring(L, "sluice.%s", recipe->builtin->name);
    return 1;
}

static int recipe_free(lua_State *L)
{
    struct recipe *recipe = lua_touserdata(L, 1);
    if (recipe->called)
        recipe->called->ops->free(recipe->called);
    recipe->called = NULL;
    return 0;
}

void sl_builtin_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__call", recipe_call}, {"__tostring", recipe_to_text}, {"__gc", recipe_free}, {NULL, NULL}};
    luaL_newmetatable(L, type_name);
    luaL_setfuncs(L, methods, 0);
    lua_pushstring(L, type_name);
    lua_setfield(L, -2, "__metatable");
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

/* The built-in's own errors are those of the line that made it; those that follow are at the current
 * line of the script. */
static struct sl_function *make(lua_State *L, int index, const struct recipe *recipe)
{
    struct sl_copy *copy = sl_copy_of(L);
    int top = lua_gettop(L);
    sl_copy_declare(L, recipe->builtin->name);
    if (recipe->count)
        push_arguments(L, index, recipe->count);
    const struct sl_arg *argv;
    size_t argc = sl_arguments_take(L, top + 1, NULL, NULL, &argv);
    lua_settop(L, top);
    if (recipe->file)
        sl_context_at(copy->context, recipe->file, recipe->line);
    struct sl_function *function = sl_call_args(copy->context, recipe->builtin->name, argv, argc);
    if (!function)
        sl_copy_raise(L);
    sl_copy_declare(L, recipe->builtin->name);
    return function;
}

/* A recipe that was never called with arguments is shared by the whole job, and its line is where it is used. */
struct sl_function *sl_builtin_take(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    struct recipe *recipe = luaL_checkudata(L, index, type_name);
    if (recipe->function)
        return recipe->function;
    struct sl_function *function = make(L, index, recipe);
    if (recipe->file && !sl_copy_of(L)->query) /* what a query makes is freed with it */
        recipe->function = function;
    return function;
}
