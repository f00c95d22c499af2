/* libcurl, loaded when a job needs it: the functions that requests use. */
#pragma once

#ifdef SLUICE_HAS_S3

#define CURL_DISABLE_TYPECHECK
#include "core/base/error.h"

#include <curl/curl.h>

#define SL_CURL_FUNCTIONS(F)                                                                                 \
    F(curl_global_init)                                                                                      \
    F(curl_easy_init)                                                                                        \
    F(curl_easy_setopt)                                                                                      \
    F(curl_easy_perform)                                                                                     \
    F(curl_easy_getinfo)                                                                                     \
    F(curl_easy_reset)                                                                                       \
    F(curl_easy_cleanup)                                                                                     \
    F(curl_easy_strerror)                                                                                    \
    F(curl_slist_append)                                                                                     \
    F(curl_slist_free_all)                                                                                   \
    F(curl_version_info)

#define SL_CURL_MEMBER(name) __typeof__(name) *name;
struct sl_curl {
    SL_CURL_FUNCTIONS(SL_CURL_MEMBER)
};
#undef SL_CURL_MEMBER

/* SL_EUSAGE: the library is missing or too old; the text says what to install. */
int sl_curl_load(const struct sl_curl **ret, struct sl_error *err);

#endif
