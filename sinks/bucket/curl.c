#ifdef SLUICE_HAS_S3

#include "sinks/bucket/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { VERSION_MIN = 0x075500 /* 7.85: signatures with service names, protocols by name */ };

static struct sl_curl lib; /* written once, before any request is made */
static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;
static char load_error[256];

static void find_functions(void *handle)
{
#define FIND(name)                                                                                           \
    {                                                                                                        \
        void *found = dlsym(handle, #name);                                                                  \
        memcpy(&lib.name, &found, sizeof found);                                                             \
        if (!found)                                                                                          \
            snprintf(load_error, sizeof load_error, "%s is missing", #name);                                 \
    }
    SL_CURL_FUNCTIONS(FIND)
#undef FIND
}

static void load(void)
{
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        handle = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(load_error, sizeof load_error, "%s", dlerror());
        return;
    }
    find_functions(handle);
    if (load_error[0])
        return;
    const curl_version_info_data *info = lib.curl_version_info(CURLVERSION_NOW);
    if (info->version_num < VERSION_MIN)
        snprintf(load_error, sizeof load_error, "it is version %s, 7.85 or newer is needed", info->version);
    else if (lib.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        snprintf(load_error, sizeof load_error, "it cannot be initialised");
}

int sl_curl_load(const struct sl_curl **ret, struct sl_error *err)
{
    pthread_once(&loaded_once, load);
    *ret = &lib;
    return load_error[0]
               ? sl_error_set(err, SL_EUSAGE,
                              "object stores need libcurl (Debian: libcurl4), which cannot be used: %s",
                              load_error)
               : 0;
}

#endif
