/* The name that was meant: for errors about unknown methods, options and commands. */
#pragma once

#include <stddef.h>

/* Edit distance (insert, delete, replace, swap neighbours) between two names, ignoring case; names over 64
 * bytes count as 64. */
unsigned sl_name_distance(const char *a, const char *b);

/* The nearest of count names, or NULL if none is near enough to suggest (distance over a third of the
 * length). */
const char *sl_name_nearest(const char *name, const char *const *names, size_t count);
