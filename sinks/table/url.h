/* Which database a table is in. */
#pragma once

#include "core/base/error.h"

/* SL_EUSAGE: it is no database that we know, or it has a password in it; the text does not show the URL. */
int sl_table_url_check(const char *url, struct sl_error *err);
/* The file of "sqlite:FILE", or NULL. */
const char *sl_table_url_sqlite(const char *url);
/* The name of a service, or NULL. */
const char *sl_table_url_service(const char *url);
