#ifdef SLUICE_HAS_MICROHTTPD

#include "http/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct sl_mhd lib; /* written once, before any server is opened */
static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;
static char load_error[256];

static void load(void)
{
    void *handle = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(load_error, sizeof load_error, "%s", dlerror());
        return;
    }
#define FIND(name)                                                                                           \
    {                                                                                                        \
        void *found = dlsym(handle, #name);                                                                  \
        memcpy(&lib.name, &found, sizeof found);                                                             \
        if (!found)                                                                                          \
            snprintf(load_error, sizeof load_error, "%s is missing", #name);                                 \
    }
    SL_MHD_FUNCTIONS(FIND)
#undef FIND
}

const struct sl_mhd *sl_mhd_load(struct sl_error *err)
{
    pthread_once(&loaded_once, load);
    if (!load_error[0])
        return &lib;
    sl_error_set(err, SL_EUSAGE, "HTTP needs libmicrohttpd: %s", load_error);
    sl_error_hint(err, "install it (Debian: libmicrohttpd12)");
    return NULL;
}

#endif
