/* Makes the arrivals of one directory: the calls of core/contract/arrivals.h upon struct sl_watched_dir. */
#pragma once

#include "watcher/watched_dir.h"

/* As sl_watcher_open_arrivals; notify is borrowed. */
int sl_watched_dir_open(const struct sl_services *services, struct sl_notify *notify, const char *dir,
                        const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                        struct sl_error *err);
