#include "core/base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

bool sl_library_load(const char *file, const struct sl_library_function *functions, size_t count, void *ret,
                     char *why, size_t size)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(why, size, "%s", dlerror());
        return false;
    }
    for (const struct sl_library_function *at = functions; at < functions + count; at++) {
        void *found = dlsym(handle, at->name);
        memcpy((char *)ret + at->at, &found, sizeof found);
        if (!found) {
            snprintf(why, size, "%s is missing", at->name);
            return false;
        }
    }
    return true;
}
