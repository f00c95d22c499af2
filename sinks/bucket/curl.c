#ifdef SLUICE_HAS_S3

#include "sinks/bucket/curl.h"

#include "core/base/library.h"

#include <pthread.h>
#include <stdio.h>

enum { VERSION_MIN = 0x075500 /* 7.85: signatures with service names, protocols by name */ };

static struct sl_curl lib; /* written once, before any request is made */
static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;
static char load_error[256];

static bool load_from(const char *file)
{
#define FUNCTION(name) {#name, offsetof(struct sl_curl, name)},
    static const struct sl_library_function functions[] = {SL_CURL_FUNCTIONS(FUNCTION)};
#undef FUNCTION
    return sl_library_load(file, functions, sizeof functions / sizeof *functions, &lib, load_error,
                           sizeof load_error);
}

static void load(void)
{
    if (!load_from("libcurl.so.4") && !load_from("libcurl-gnutls.so.4"))
        return;
    load_error[0] = 0; /* of the first name */
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
