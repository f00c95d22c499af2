#include "sinks/bucket/ini.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **at, const char **end)
{
    while (*at < *end && is_space(**at))
        ++*at;
    while (*at < *end && is_space((*end)[-1]))
        --*end;
}

static bool is_text(const char *at, const char *end, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(end - at) == len && memcmp(at, text, len) == 0;
}

/* "[name]" */
static bool is_section(const char *at, const char *end, const char *section)
{
    trim(&at, &end);
    if (end - at < 2 || end[-1] != ']')
        return false;
    at++;
    end--;
    trim(&at, &end);
    return is_text(at, end, section);
}

const char *sl_ini_find(const char *text, const char *section, const char *name, struct sl_arena *arena,
                        bool *ret_nomem)
{
    const char *found = NULL;
    bool is_inside = false;
    for (const char *line = text, *next; *line && !found; line = next) {
        const char *end = strchr(line, '\n');
        next = end ? end + 1 : line + strlen(line);
        end = end ? end : next;
        if (*line == '[')
            is_inside = is_section(line, end, section);
        const char *equals = memchr(line, '=', (size_t)(end - line));
        if (!is_inside || !equals || is_space(*line) || *line == '#' || *line == ';')
            continue;
        const char *key = line, *key_end = equals, *value = equals + 1;
        trim(&key, &key_end);
        trim(&value, &end);
        if (!is_text(key, key_end, name))
            continue;
        found = sl_arena_text(arena, value, (size_t)(end - value));
        *ret_nomem |= !found;
    }
    return found;
}
