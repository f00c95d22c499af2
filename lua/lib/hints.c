#include "lua/lib/hints.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 512, NAME_MAX_BYTES = 32 };

struct hint {
    const char *found, *remedy;
};

/* The remedy of the first row whose text is in the other. */
static const char *first_in(const struct hint *rows, const char *text)
{
    for (; rows->found; rows++)
        if (strstr(text, rows->found))
            return rows->remedy;
    return NULL;
}

static const char *named(const struct hint *rows, const char *name)
{
    for (; rows->found; rows++)
        if (strcmp(rows->found, name) == 0)
            return rows->remedy;
    return NULL;
}

/* ---- at run time ---- */

static const char walk_list[] =
    "a list is walked with for _, v in ipairs(list) do, a map with for k, v in pairs(map) do";
static const char walk_rdd[] = "records are walked with for k, v in rdd:records() do";
static const char of_stream[] =
    "a stream has no values while the graph is built: write map, reduce or count, or foreachRDD";
static const char or_zero[] = "write (x or 0) where x may be nil";
static const char to_number[] = "tonumber(s) makes a number of a string";
static const char with_dot[] = "what sluice has is called with a dot, not a colon: sluice.split(\" \")";
static const char to_string[] = "sluice.str(v) makes a string of any value";

static const struct hint errors[] = {
    {"sluice.stream", of_stream},
    {"attempt to add a '", "strings are joined with .., as in a .. b; tonumber(s) makes a number of one"},
    {"attempt to mod a 'string'", "a format is filled in by string.format(f, ...) or sluice.format(f, ...)"},
    {"attempt to mul a 'string'", "s:rep(n) repeats a string; tonumber(s) makes a number of one"},
    {"attempt to sub a '", to_number},
    {"attempt to div a '", to_number},
    {"attempt to perform arithmetic on a nil value", or_zero},
    {"attempt to perform arithmetic on a table value", walk_list},
    {"attempt to call a table value (for iterator", walk_list},
    {"attempt to call a string value (for iterator",
     "the letters of s are walked with for c in s:gmatch(\".\") do"},
    {"attempt to call a number value (for iterator", "numbers are counted with for i = 1, n do"},
    {"attempt to call a sluice.rdd value (for iterator", walk_rdd},
    {"(table expected, got sluice.rdd)", walk_rdd},
    {"attempt to get length of a sluice.rdd value", "write rdd:count()"},
    {"attempt to concatenate a ", to_string},
    {"attempt to compare number with nil", or_zero},
    {"attempt to compare nil with number", or_zero},
    {"attempt to compare number with string", to_number},
    {"attempt to compare string with number", to_number},
    {"on bad self (string expected, got table)", with_dot},
    {"attempt to compare two table values", "lists have no order in Lua: compare what is in them"},
    {0},
};

/* Methods of Python's lists and dictionaries. */
static const struct hint methods[] = {
    {"append", "write list[#list + 1] = x"},
    {"extend", "write table.move(more, 1, #more, #list + 1, list)"},
    {"insert", "write table.insert(list, i, x)"},
    {"pop", "write table.remove(list, i)"},
    {"remove", "write table.remove(list, i), or map[key] = nil"},
    {"sort", "write table.sort(list)"},
    {"join", "write table.concat(list, sep)"},
    {"items", "write for k, v in pairs(map) do"},
    {"keys", "write for k in pairs(map) do"},
    {"values", "write for _, v in pairs(map) do"},
    {"get", "write map[key] or default"},
    {0},
};

static const char *const string_functions[] = {"upper", "lower",  "len",     "sub",  "find", "match",
                                               "gsub",  "gmatch", "reverse", "byte", "rep"};

/* What stands between `before` and the next quote; false: it is not there. */
static bool name_after(const char *message, const char *before, char name[NAME_MAX_BYTES])
{
    const char *at = strstr(message, before);
    if (!at)
        return false;
    at += strlen(before);
    size_t len = strcspn(at, "'");
    if (at[len] != '\'' || len >= NAME_MAX_BYTES)
        return false;
    memcpy(name, at, len);
    name[len] = 0;
    return true;
}

static const char *hint_of_method(const char *message)
{
    char name[NAME_MAX_BYTES];
    bool is_call = name_after(message, "attempt to call a nil value (method '", name) ||
                   name_after(message, "attempt to call a nil value (field '", name);
    return is_call ? named(methods, name) : NULL;
}

static const char *hint_of_dot(const char *message)
{
    char name[NAME_MAX_BYTES];
    if (!strstr(message, "(string expected, got no value)") ||
        !name_after(message, "bad argument #1 to '", name))
        return NULL;
    for (size_t i = 0; i < sizeof string_functions / sizeof *string_functions; i++)
        if (strcmp(string_functions[i], name) == 0)
            return "a method is called with a colon, not a dot: s:upper()";
    return NULL;
}

/* A message that one function raises and another one raises again has its remedy already. */
const char *sl_hint_of_error(const char *message)
{
    const char *remedy = first_in(errors, message);
    remedy = remedy ? remedy : hint_of_method(message);
    remedy = remedy ? remedy : hint_of_dot(message);
    return remedy && !strstr(message, remedy) ? remedy : NULL;
}

/* ---- syntax ---- */

static const struct hint words[] = {
    {"lambda", "Lua writes function(x) return ... end"},
    {"def", "Lua writes local function name(x) ... end"},
    {"import", "Lua writes local m = require \"m\"; what PySpark's modules have is in sluice"},
    {"elif", "Lua writes elseif"},
    {"try", "Lua writes local ok, result = pcall(function() ... end)"},
    {"except", "Lua writes local ok, result = pcall(function() ... end)"},
    {"raise", "Lua writes error(message)"},
    {"global", "Lua's names are global where nothing declares them local"},
    {"is", "Lua writes x == nil, x ~= nil"},
    {"pass", "an empty block is allowed in Lua"},
    {0},
};

static const struct hint signs[] = {
    {"!=", "Lua writes ~="},        {"+=", "Lua writes x = x + y"}, {"-=", "Lua writes x = x - y"},
    {"*=", "Lua writes x = x * y"}, {"/=", "Lua writes x = x / y"}, {"**", "Lua writes x ^ y"},
    {"&&", "Lua writes and"},       {"||", "Lua writes or"},        {0},
};

static const struct hint nears[] = {
    {"near '#'", "Lua's comments begin with --"},
    {"expected near 'if'", "Lua writes condition and x or y"},
    {"']' expected near ':'", "a part of a string is s:sub(from, to), counted from 1"},
    {"near '!'", "Lua writes not x"},
    {"near '['", "a list is written { 1, 2 }"},
    {"near 'in'",
     "whether a list has a value is found with a loop, whether a string has a text with s:find(text, 1, true)"},
    {"near '='",
     "arguments have no names in Lua: give them in their order, or options as a table { name = value }"},
    {"')' expected near ','", "a tuple is several values: return k, v; in a list of records it is { k, v }"},
    {"'}' expected near ':'", "a map is written { name = value } or { [\"name\"] = value }"},
    {"near ':'", "Lua writes if ... then ... end, for ... do ... end, while ... do ... end"},
    {0},
};

/* The line without what stands in quotes, and without its comment. */
static void copy_line(const char *text, size_t len, long number, char line[LINE_MAX_BYTES])
{
    const char *end = text + len;
    size_t count = 0;
    char quote = 0;
    for (; number > 1 && text < end; text++)
        number -= *text == '\n';
    for (; text < end && *text != '\n' && count + 1 < LINE_MAX_BYTES; text++) {
        if (!quote && text + 1 < end && text[0] == '-' && text[1] == '-')
            break;
        if (!quote && (*text == '"' || *text == '\''))
            quote = *text;
        else if (quote && *text == quote)
            quote = 0;
        else if (!quote)
            line[count++] = *text;
    }
    line[count] = 0;
}

static bool is_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static const char *hint_of_words(const char *line)
{
    for (const struct hint *row = words; row->found; row++)
        for (const char *at = line; (at = strstr(at, row->found)); at++)
            if ((at == line || !is_of_name(at[-1])) && !is_of_name(at[strlen(row->found)]))
                return row->remedy;
    return NULL;
}

/* The line that "job.lua:7: ..." names; 0: none. */
static long line_of(const char *message)
{
    const char *at = strstr(message, ": ");
    while (at && at > message && isdigit((unsigned char)at[-1]))
        at--;
    return at && at > message && at[-1] == ':' ? strtol(at, NULL, 10) : 0;
}

/* "..." % (a, b) */
static const char *hint_of_format(const char *message, const char *line)
{
    bool is_format = strstr(message, "')' expected near ','") && strstr(line, "% (");
    return is_format ? "a format is filled in by sluice.format(f, ...)" : NULL;
}

const char *sl_hint_of_syntax(const char *message, const char *text, size_t len)
{
    char line[LINE_MAX_BYTES];
    long number = line_of(message);
    if (number < 1)
        return NULL;
    copy_line(text, len, number, line);
    const char *remedy = hint_of_words(line);
    remedy = remedy ? remedy : first_in(signs, line);
    remedy = remedy ? remedy : hint_of_format(message, line);
    return remedy ? remedy : first_in(nears, message);
}

/* ---- what values do not have ---- */

static const struct hint string_methods[] = {
    {"split", "make local split = sluice.split(\" \") outside, and write split(line)"},
    {"strip", "write sluice.trim(s)"},
    {"trim", "write sluice.trim(s)"},
    {"lstrip", "write s:match(\"^%s*(.*)\")"},
    {"rstrip", "write s:match(\"^(.-)%s*$\")"},
    {"startswith", "write s:sub(1, #prefix) == prefix"},
    {"startsWith", "write s:sub(1, #prefix) == prefix"},
    {"endswith", "write s:sub(-#suffix) == suffix"},
    {"endsWith", "write s:sub(-#suffix) == suffix"},
    {"contains", "write s:find(text, 1, true) ~= nil"},
    {"index", "write s:find(text, 1, true)"},
    {"indexOf", "write s:find(text, 1, true)"},
    {"replace", "make local replace = sluice.replace(from, to) outside, and write replace(s)"},
    {"join", "write table.concat(list, sep)"},
    {"isdigit", "write s:match(\"^%d+$\") ~= nil"},
    {"isalpha", "write s:match(\"^%a+$\") ~= nil"},
    {"length", "write #s"},
    {"isEmpty", "write s == \"\""},
    {"toLowerCase", "write s:lower()"},
    {"toUpperCase", "write s:upper()"},
    {"substring", "write s:sub(first, last), which counts from 1"},
    {"toInt", "write math.tointeger(tonumber(s))"},
    {"toDouble", "write tonumber(s)"},
    {"encode", "a string is bytes already"},
    {"decode", "a string is bytes already"},
    {0},
};

static const char of_foreach[] = "foreachRDD's function gets the time first: function(time, rdd)";
static const char of_state[] = "mapWithState's function gets function(key, value, state, time)";

static const struct hint first_arguments[] = {
    {"collect", of_foreach},
    {"count", of_foreach},
    {"take", of_foreach},
    {"first", of_foreach},
    {"isEmpty", of_foreach},
    {"foreach", of_foreach},
    {"map", of_foreach},
    {"filter", of_foreach},
    {"records", of_foreach},
    {"foreachPartition", of_foreach},
    {"saveAsTextFile", of_foreach},
    {"toDF", of_foreach},
    {"collectAsMap", of_foreach},
    {"top", of_foreach},
    {"get", of_state},
    {"update", of_state},
    {"exists", of_state},
    {"remove", of_state},
    {"isTimingOut", of_state},
    {"getOption", of_state},
    {0},
};

const char *sl_hint_of_string_method(const char *name)
{
    return named(string_methods, name);
}

const char *sl_hint_of_first_argument(const char *field)
{
    return named(first_arguments, field);
}
