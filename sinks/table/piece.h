/* A piece of a batch: fitted to the columns, and written with one statement where all of it is accepted. */
#pragma once

#include "sinks/table/writer.h"

/* The rows as sl_framed_row_append made them. Rejects those that do not fit and those that the database refuses. */
int sl_table_piece_write(struct sl_table_writer *writer, const struct sl_buf *bytes, uint32_t rows,
                         struct sl_error *err);
