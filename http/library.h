/* libmicrohttpd, loaded when it is first needed: builds without its header and jobs that open no server do not need it. */
#pragma once

#ifdef SLUICE_HAS_MICROHTTPD

#include "core/base/error.h"

#include <microhttpd.h>

#define SL_MHD_FUNCTIONS(F)                                                                                  \
    F(MHD_start_daemon)                                                                                      \
    F(MHD_stop_daemon)                                                                                       \
    F(MHD_queue_response)                                                                                    \
    F(MHD_create_response_from_buffer)                                                                       \
    F(MHD_destroy_response)                                                                                  \
    F(MHD_add_response_header)                                                                               \
    F(MHD_get_connection_info)                                                                               \
    F(MHD_lookup_connection_value)

#define SL_MHD_MEMBER(name) __typeof__(name) *name;
struct sl_mhd {
    SL_MHD_FUNCTIONS(SL_MHD_MEMBER)
};
#undef SL_MHD_MEMBER

/* Any thread; loads it once. NULL: SL_EUSAGE, what to install. */
const struct sl_mhd *sl_mhd_load(struct sl_error *err);

#endif
