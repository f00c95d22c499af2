/* The catalog's tables and public views, and which version of them this program knows. */
#pragma once

#include "state/catalog/database.h"

/* Brings an open database to our schema: creates it where the file is new, migrates older ones. *ret_new:
 * it was created. SL_EDAMAGED: not a catalog, damaged, or written by a newer sluice. */
int sl_schema_prepare(const struct sl_database *database, bool *ret_new, struct sl_error *err);

/* For readers: it is one of ours. SL_EDAMAGED otherwise; SL_EUSAGE with ENOENT: nothing is in it yet. */
int sl_schema_check(const struct sl_database *database, struct sl_error *err);
