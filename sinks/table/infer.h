/* The types of a table that is made: from the schema, else from the first rows. */
#pragma once

#include "sinks/table/database.h"

/* What was seen of the values of a column without a type. */
struct sl_table_seen {
    bool boolean, integer, floating, text, bytes, container;
};

void sl_table_see(struct sl_table_seen *seen, const struct sl_field *value);
/* The kind of a column of such values; nothing but nil: text. */
enum sl_table_kind sl_table_kind_of_seen(const struct sl_table_seen *seen);
/* The kind of a type of a schema; DYNAMIC: it says nothing. */
enum sl_table_kind sl_table_kind_of_type(enum sl_column_type type);
