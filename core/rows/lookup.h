/* Rows that are found by a key: one version of a reference table (sluice.table).
 *
 * Immutable once it is made, so that all workers share one. Beyond the rows themselves, 16 bytes a
 * field, an index takes 11 to 22 bytes a row, and 4 more where keys have several rows. */
#pragma once

#include "core/rows/dataset.h"

/* No row has the key. */
#define SL_NO_ROW UINT32_MAX

struct sl_lookup_slot;

struct sl_lookup {
    struct sl_rows *rows;       /* a reference; in memory */
    struct sl_dataset *dataset; /* the same rows as one partition */
    uint32_t key;               /* the column of the key, from 0 */
    uint64_t keys;              /* different ones */
    uint64_t seed;
    uint32_t mask;
    struct sl_lookup_slot *slot; /* [mask + 1] */
    uint32_t *next;   /* [rows]: the following row of the same key, SL_NO_ROW after the last; NULL: no key
                                    has two */
    uint32_t columns; /* of `name`; 0: they have none */
    const char *const *name; /* in the arena of the rows */
};

/* Takes a reference to the rows, each of which is wider than `key`. The rows of one key are found in their order.
 * 0; SL_EUSAGE: there are too many rows; SL_ENOMEM. */
int sl_lookup_new(struct sl_rows *rows, uint32_t key, uint64_t seed, struct sl_lookup **ret);
void sl_lookup_free(struct sl_lookup *lookup); /* NULL is fine */

/* The number of the first row with the key, or SL_NO_ROW. */
uint32_t sl_lookup_find(const struct sl_lookup *lookup, const struct sl_field *key);
/* The same for keys[count], at most SL_CHUNK_ROWS: less waiting for memory. */
void sl_lookup_find_all(const struct sl_lookup *lookup, const struct sl_field *keys, uint32_t count,
                        uint32_t *ret_rows);
/* The following row of the same key, or SL_NO_ROW. */
static inline uint32_t sl_lookup_next(const struct sl_lookup *lookup, uint32_t row)
{
    return lookup->next ? lookup->next[row] : SL_NO_ROW;
}

/* Copies the fields of the row without its key to fields[SL_WIDTH_MAX]; returns how many. A row of a key alone has one:
 * true. */
uint32_t sl_lookup_values(const struct sl_lookup *lookup, uint32_t row, struct sl_field *fields);

/* Bytes that it holds. */
uint64_t sl_lookup_bytes(const struct sl_lookup *lookup);
