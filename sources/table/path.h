/* The path of a table as the job gives it. */
#pragma once

#include "core/contract/operator.h"

enum { SL_TABLE_PLACE_MAX = 4096 };

/* Into text[size], with "sqlite:" where the job has it; NULL: it is too long. */
const char *sl_table_name(const struct sl_node *node, char *text, size_t size);
/* Without "sqlite:"; *ret_is_database tells whether it was there. */
const char *sl_table_place(const struct sl_node *node, char text[SL_TABLE_PLACE_MAX], bool *ret_is_database);
