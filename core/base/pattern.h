/* Patterns of paths, as glob() and fnmatch() take them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether the text is a pattern: it has one of * ? [. */
bool sl_pattern_is(const char *text);

/* The pattern of len bytes as an absolute one: where it is relative it begins at `dir`, whose own bytes match only
 * themselves. The caller frees it; NULL: out of memory. */
char *sl_pattern_below(const char *dir, const char *pattern, size_t len);
