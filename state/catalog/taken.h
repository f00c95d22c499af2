/* Which files are taken, as a start reads it. */
#pragma once

#include "state/catalog/sources.h"

/* Hands them over to wants->remember; checks the whole table. */
int sl_catalog_read_taken(const struct sl_catalog_sources *job);
