/* A shared library that is loaded when something first needs it, so that it may be missing where nothing does: its
 * functions are members of the same names in a struct of pointers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sl_library_function {
    const char *name;
    size_t at; /* of the pointer in the struct, in bytes */
};

/* Loads `file`, such as "libpq.so.5", which stays loaded, and sets the pointers of `functions` in *ret. False: `why`, of
 * `size` bytes, says what is missing, and *ret is not to be used. One thread at a time. */
bool sl_library_load(const char *file, const struct sl_library_function *functions, size_t count, void *ret,
                     char *why, size_t size);
