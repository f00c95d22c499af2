/* Pieces of statements that all databases understand. Each returns false when memory is out. */
#pragma once

#include "core/base/buf.h"
#include "sinks/table/database.h"

/* In double quotes. */
bool sl_sql_name(struct sl_buf *sql, const char *name);
bool sl_sql_is_key(const struct sl_table_settings *settings, const char *name);
/* (a, b) of the columns. */
bool sl_sql_columns(struct sl_buf *sql, const struct sl_table_column *column, uint32_t count);
/* The columns of a table to be made with their types and the key, in brackets. */
bool sl_sql_new_columns(struct sl_buf *sql, const struct sl_table_settings *settings,
                        const struct sl_table_column *column, uint32_t count);
/* ON CONFLICT ...: the new row takes the place of the old. */
void sl_sql_upsert(struct sl_buf *sql, const struct sl_table_settings *settings,
                   const struct sl_table_column *column, uint32_t count);
