#ifdef SLUICE_HAS_MICROHTTPD

#include "http/library.h"

#include "core/base/library.h"

#include <pthread.h>

static struct sl_mhd lib; /* written once, before any server is opened */
static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;
static char load_error[256];

static void load(void)
{
#define FUNCTION(name) {#name, offsetof(struct sl_mhd, name)},
    static const struct sl_library_function functions[] = {SL_MHD_FUNCTIONS(FUNCTION)};
#undef FUNCTION
    (void)sl_library_load("libmicrohttpd.so.12", functions, sizeof functions / sizeof *functions, &lib,
                          load_error, sizeof load_error);
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
