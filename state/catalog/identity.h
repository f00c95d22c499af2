/* The name of a checkpoint that other programs know it by. */
#pragma once

#include "state/catalog/catalog_internal.h"

enum { SL_IDENTITY_LEN = 32 };

/* Reads it into catalog->identity; completes it when the catalog is new. SL_EDAMAGED: it is not what it was. */
int sl_identity_open(struct sl_catalog *catalog, struct sl_error *err);
