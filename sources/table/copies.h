/* The directories of the copies that a checkpoint keeps of tables: tables/<hash of the table's key>/. */
#pragma once

#include <stddef.h>

void sl_table_copies_path(const char *checkpoint, const char *key, char *ret, size_t size);
