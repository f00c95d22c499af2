#include "lua/lib/strict.h"

#include "core/base/nearest.h"
#include "lua/lib/globals.h"
#include "lua/lib/hints.h"
#include "text/number.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 256 };

/* What other languages call it. */
static const struct {
    const char *name, *remedy;
} words[] = {
    {"True", "Lua writes true"},
    {"False", "Lua writes false"},
    {"None", "Lua writes nil"},
    {"null", "Lua writes nil; sluice.null represents it in a table"},
    {"NULL", "Lua writes nil; sluice.null represents it in a table"},
    {"undefined", "Lua writes nil"},
    {"sluice", "begin the job with local sluice = require \"sluice\""},
    {"len", "the length of x is #x"},
    {"str", "use sluice.str(x)"},
    {"int", "use math.tointeger(x), or x // 1 to round down"},
    {"float", "use tonumber(x)"},
    {"round", "use sluice.round(x)"},
    {"abs", "use math.abs(x)"},
    {"max", "use math.max, or sluice.max where a reducer is wanted"},
    {"min", "use math.min, or sluice.min where a reducer is wanted"},
    {"sum", "use sluice.sum where a reducer is wanted"},
    {"isinstance", "use type(x)"},
    {"format", "use string.format, or sluice.format"},
    {"f", "an f-string is sluice.format(\"%s: %d\", k, n)"},
    {"json", "use sluice.json, sluice.parseJson and sluice.toJson"},
    {"re", "use sluice.regex, or string.match with Lua's patterns"},
    {"time", "use sluice.batchTime()"},
    {"datetime", "use sluice.timestamp and sluice.formatTime"},
    {"sleep", "use ssc:awaitTerminationOrTimeout(seconds)"},
    {"random", "use math.random"},
    {"operator", "write function(a, b) return a + b end, or a reducer such as sluice.sum"},
    {"range", "numbers are counted with for i = 1, n do"},
    {"list", "a list is written { 1, 2 }; the values of groupByKey are one"},
    {"dict", "a map is written { name = value }"},
    {"set", "use sluice.set where a reducer is wanted"},
    {"tuple", "a tuple is several values: return k, v"},
    {"sorted", "use table.sort(list), or sluice.list and sluice.largest(n) where a reducer is wanted"},
    {"enumerate", "write for i, v in ipairs(list) do"},
    {"any", "write a loop, or sluice.any where a predicate is wanted"},
    {"all", "write a loop, or sluice.all where a predicate is wanted"},
    {"bool", "write x ~= nil and x ~= 0"},
    {"ord", "use s:byte()"},
    {"chr", "use string.char(n), or utf8.char(n)"},
    {"open", "use io.open(path)"},
    {"exit", "use os.exit(status)"},
    {"sc", "write local sc = sluice.SparkContext()"},
    {"ssc", "write local ssc = sluice.StreamingContext { interval = \"1s\" }"},
    {"SparkContext", "use sluice.SparkContext"},
    {"StreamingContext", "use sluice.StreamingContext"},
    {"SparkConf", "use sluice.SparkConf"},
    {"StorageLevel", "use sluice.StorageLevel"},
};

/* nil on purpose: libraries look for them to learn which Lua it is. */
static const char *const probed[] = {"unpack", "loadstring", "setfenv",  "getfenv", "module", "jit",
                                     "bit",    "bit32",      "newproxy", "gcinfo",  "ngx",    "ffi"};

static const char *remedy_of(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].name, name) == 0)
            return words[i].remedy;
    return NULL;
}

static bool is_probed(const char *name)
{
    for (size_t i = 0; i < sizeof probed / sizeof *probed; i++)
        if (strcmp(probed[i], name) == 0)
            return true;
    return false;
}

struct names {
    const char *name[NAMES_MAX];
    size_t count;
};

static void add_keys(lua_State *L, int table, struct names *names)
{
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        if (names->count < NAMES_MAX && lua_type(L, -2) == LUA_TSTRING)
            names->name[names->count++] = lua_tostring(L, -2);
}

/* The nearest string key of the table at the index, and of the scope if it is not 0; NULL if none is near. */
static const char *nearest_key(lua_State *L, int table, int scope, const char *name)
{
    struct names names = {.name = {"nil", "true", "false"}, .count = 3}; /* Nil, TRUE */
    add_keys(L, table, &names);
    if (scope)
        add_keys(L, scope, &names);
    return sl_name_nearest(name, names.name, names.count);
}

/* Pushes "NAME is not defined; ...", of a name that neither the globals nor the scope have (0: there is none). Whether
 * there is a name that was probably meant. */
static bool push_undefined(lua_State *L, const char *name, int scope)
{
    const char *remedy = remedy_of(name);
    if (remedy) {
        lua_pushfstring(L, "%s is not defined; %s", name, remedy);
        return true;
    }
    lua_pushglobaltable(L);
    const char *nearest = nearest_key(L, lua_gettop(L), scope, name);
    if (nearest && 4 * sl_name_distance(name, nearest) > strlen(name) + 1)
        nearest = NULL;
    if (nearest)
        lua_pushfstring(L, "%s is not defined; did you mean %s?", name, nearest);
    else
        lua_pushfstring(L, "%s is not defined; a variable is assigned before it is used", name);
    lua_remove(L, -2);
    return nearest != NULL;
}

/* __index of the globals. */
static int no_such_global(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING || is_probed(lua_tostring(L, 2)))
        return 0;
    luaL_where(L, 1);
    (void)push_undefined(L, lua_tostring(L, 2), 0);
    lua_concat(L, 2);
    return lua_error(L);
}

/* __index of a scope. */
static int no_such_name(lua_State *L)
{
    lua_pushglobaltable(L);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING || is_probed(lua_tostring(L, 2)))
        return 1;
    luaL_where(L, 1);
    (void)push_undefined(L, lua_tostring(L, 2), 1);
    lua_concat(L, 2);
    return lua_error(L);
}

void sl_strict_scope(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, no_such_name);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

static const char fields_remedy[] = "the function gets the record's fields: function(key, value)";

/* __index of the table of string functions: reached by s.name, s[2] and string.name alike. */
static int no_such_string_field(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "a string has no field %s; %s; the i-th byte of a string is s:sub(i, i), from 1",
                          luaL_tolstring(L, 2, NULL), fields_remedy);
    const char *name = lua_tostring(L, 2);
    const char *remedy = sl_hint_of_string_method(name);
    if (remedy)
        return luaL_error(L, "a string has no method '%s'; %s", name, remedy);
    const char *nearest = nearest_key(L, 1, 0, name);
    if (nearest)
        return luaL_error(
            L, "a string has no method or field '%s'; did you mean '%s'? If a record was meant: %s", name,
            nearest, fields_remedy);
    return luaL_error(L, "a string has no method or field '%s'; %s", name, fields_remedy);
}

/* __index of numbers. */
static int no_such_number_field(lua_State *L)
{
    const char *remedy = lua_type(L, 2) == LUA_TSTRING ? sl_hint_of_first_argument(lua_tostring(L, 2)) : NULL;
    return luaL_error(L, "a number has no field %s; %s", luaL_tolstring(L, 2, NULL),
                      remedy ? remedy : fields_remedy);
}

/* __tostring of numbers: Lua's text where it reads back as the number, else with the digits that make it do so.
 * print and string.format("%s") use it, too. */
static int number_to_text(lua_State *L)
{
    if (lua_isinteger(L, 1)) {
        lua_pushfstring(L, "%I", lua_tointeger(L, 1));
        return 1;
    }
    char text[SL_FLOAT_TEXT_MAX];
    double number = lua_tonumber(L, 1);
    size_t len = 0;
    for (int digits = 14; digits <= 17; digits++) {
        len = (size_t)snprintf(text, sizeof text, "%.*g", digits, number);
        if (isnan(number) || strtod(text, NULL) == number)
            break;
    }
    lua_pushlstring(L, text, len);
    if (!text[strspn(text, "-0123456789")])
        lua_pushliteral(L, ".0");
    else
        lua_pushliteral(L, "");
    lua_concat(L, 2);
    return 1;
}

static void set_number_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__index", no_such_number_field}, {"__tostring", number_to_text}, {NULL, NULL}};
    lua_pushinteger(L, 0);
    luaL_newlib(L, methods);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* __add of strings: Lua would add the numbers that two strings of digits spell, where Python joins them. A string and a
 * number are added, as Lua does. */
static int add_strings(lua_State *L)
{
    bool has_number = lua_type(L, 1) == LUA_TNUMBER || lua_type(L, 2) == LUA_TNUMBER;
    if (lua_type(L, 2) != LUA_TSTRING && luaL_getmetafield(L, 2, "__add") != LUA_TNIL) {
        lua_insert(L, 1);
        lua_call(L, 2, 1);
        return 1;
    }
    if (!has_number || !lua_isnumber(L, 1) || !lua_isnumber(L, 2))
        return luaL_error(L, "attempt to add a '%s' with a '%s'", luaL_typename(L, 1), luaL_typename(L, 2));
    for (int i = 1; i <= 2; i++) {
        if (lua_type(L, i) == LUA_TSTRING)
            (void)lua_stringtonumber(L, lua_tostring(L, i));
        else
            lua_pushvalue(L, i);
    }
    lua_arith(L, LUA_OPADD);
    return 1;
}

static void set_string_addition(lua_State *L)
{
    lua_pushliteral(L, "");
    if (lua_getmetatable(L, -1)) {
        lua_pushcfunction(L, add_strings);
        lua_setfield(L, -2, "__add");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Gives the table on top of the stack a metatable with this __index. */
static void set_index(lua_State *L, lua_CFunction index)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

void sl_strict_open(lua_State *L)
{
    lua_pushglobaltable(L);
    set_index(L, no_such_global);
    lua_getfield(L, -1, "string");
    set_index(L, no_such_string_field);
    lua_pop(L, 2);
    set_number_metatable(L);
    set_string_addition(L);
}

/* ---- what functions will read ---- */

static bool is_global(lua_State *L, const char *name)
{
    lua_pushglobaltable(L);
    lua_pushstring(L, name);
    bool is_there = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return is_there;
}

/* Whether the environment of the function at the index has it: a one-line job has its own. */
static bool is_in_scope(lua_State *L, int function, const char *name)
{
    if (!lua_getupvalue(L, function, 1))
        return false;
    bool is_there = false;
    if (lua_istable(L, -1)) {
        lua_pushstring(L, name);
        is_there = lua_rawget(L, -2) != LUA_TNIL;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return is_there;
}

static bool is_unknown(lua_State *L, int function, const struct sl_globals *globals, const char *name)
{
    return !is_probed(name) && !sl_globals_assigns(globals, name) && !is_global(L, name) &&
           !is_in_scope(L, function, name);
}

/* Leaves the message of the first such read on the stack; false: there is none. */
static bool push_first(lua_State *L, int function, const char *file, const struct sl_globals *globals,
                       bool all)
{
    for (size_t i = 0; i < globals->reads; i++) {
        const struct sl_global_read *read = &globals->read[i];
        if (!is_unknown(L, function, globals, read->name))
            continue;
        if (!lua_getupvalue(L, function, 1)) /* its environment */
            lua_pushnil(L);
        int scope = lua_gettop(L);
        lua_pushfstring(L, "%s:%d: ", file, read->line);
        bool is_mistaken = push_undefined(L, read->name, lua_istable(L, scope) ? scope : 0);
        lua_concat(L, 2);
        lua_remove(L, scope);
        if (is_mistaken || all)
            return true;
        lua_pop(L, 1);
    }
    return false;
}

void sl_strict_check(lua_State *L, bool all)
{
    int function = lua_gettop(L);
    lua_Debug info;
    lua_pushvalue(L, function);
    lua_getinfo(L, ">S", &info);
    const char *file = info.source[0] == '@' || info.source[0] == '=' ? info.source + 1 : info.short_src;
    struct sl_globals globals;
    sl_globals_init(&globals);
    bool is_found = sl_globals_read(L, &globals) && push_first(L, function, file, &globals, all);
    sl_globals_done(&globals);
    if (is_found)
        lua_error(L);
}
