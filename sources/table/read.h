/* Reads the rows of a table with the options of its node (sources/table/table.c): files by the readers of fileStream, databases
 * by a query. A record that cannot be read is a failure of the whole: a table is not used in part. */
#pragma once

#include "core/contract/operator.h"
#include "sources/table/path.h"
#include "sources/table/version.h"

struct sl_reader;

/* Of a format by its name; NULL: tables have no such. */
const struct sl_reader *sl_table_reader(struct sl_field format);

/* What is there now: as sl_table_files_find; of a database, the files that it consists of. */
int sl_table_look(struct sl_io *io, int dirfd, const struct sl_node *node, struct sl_table_files *ret,
                  struct sl_error *err);

/* The names of the columns: of the options schema and columns, of the header, of the query; nil where they have none.
 * They are in the arena. */
int sl_table_names(const struct sl_services *services, const struct sl_node *node,
                   const struct sl_table_files *files, struct sl_arena *arena, struct sl_field *ret,
                   struct sl_error *err);

/* The number of the key's column from 0, by the option key and the names. SL_EFAIL: there is no such column. */
int sl_table_key(const struct sl_node *node, const struct sl_field *names, uint32_t *ret,
                 struct sl_error *err);

int sl_table_read(const struct sl_services *services, const struct sl_node *node,
                  const struct sl_table_files *files, const struct sl_field *names, uint32_t key,
                  struct sl_version_writer *writer, struct sl_error *err);

/* sources/table/sqlite.c: the same for "sqlite:FILE". */
int sl_table_sqlite_names(const struct sl_services *services, const struct sl_node *node,
                          struct sl_arena *arena, struct sl_field *ret, struct sl_error *err);
int sl_table_sqlite_read(const struct sl_services *services, const struct sl_node *node,
                         struct sl_outlet *out, struct sl_error *err);
