/* One version of a table on its way into memory: rows are added, hashed and, where there is a checkpoint, written to the
 * copy that it keeps; or they are read back from such a copy.
 *
 * A copy is a file named by the hash of its bytes:
 *
 *     "sluice table 1\n"
 *     blocks: the number of bytes (4, little-endian), then rows as in text/row_codec.h
 *
 * The first row of the first block is a list of the names of the columns, empty where they have none, and the number of
 * the key's column from 0. */
#pragma once

#include "core/contract/services.h"
#include "core/contract/task.h"
#include "core/rows/lookup.h"
#include "sources/table/files.h"

struct sl_table_copies {
    struct sl_io *io;
    const char *dir; /* relative to AT_FDCWD; NULL: there is no checkpoint, and no copies are kept */
};

struct sl_version_writer;

/* `names` is a list of strings, or nil; they are copied. */
int sl_version_writer_new(const struct sl_table_copies *copies, const struct sl_field *names, uint32_t key,
                          struct sl_version_writer **ret, struct sl_error *err);
void sl_version_writer_free(
    struct sl_version_writer *writer); /* NULL is fine; the copy is removed if it is not finished */
/* The rows must be wider than the key. */
int sl_version_writer_add(struct sl_version_writer *writer, const struct sl_chunk *chunk,
                          struct sl_error *err);
/* The copy is durable when it returns. Once. */
int sl_version_writer_finish(struct sl_version_writer *writer, uint64_t seed, struct sl_lookup **ret,
                             char ret_hash[SL_TABLE_HASH_MAX], struct sl_error *err);

/* SL_EDAMAGED: the copy is missing or damaged. */
int sl_table_copy_read(const struct sl_table_copies *copies, const char *hash, uint64_t seed,
                       struct sl_lookup **ret, struct sl_error *err);
/* Removes all copies but this one. Best effort. */
void sl_table_copies_keep(const struct sl_table_copies *copies, const char *hash);
