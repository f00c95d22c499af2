/* The keys of a version: from a file name to the records of that key.
 *
 * Built in one pass over the rows when keys/ is first read, immutable afterwards and then read by
 * any number of threads: a hash from names to keys, and per key the chain of its row numbers. Rows of one
 * field have no key and are left out. */
#pragma once

#include "core/base/buf.h"
#include "core/rows/dataset.h"

struct sl_keys;

/* Whether any row has a key; also true where there are no rows. Examines chunks, not rows. */
bool sl_keys_possible(const struct sl_dataset *rows);

/* The rows must stay as long as the index does. NULL: out of memory, or more than 2^32-2 rows. */
struct sl_keys *sl_keys_new(struct sl_dataset *rows);
void sl_keys_free(struct sl_keys *keys);

uint64_t sl_keys_count(const struct sl_keys *keys);
/* The number of the key, in order of first appearance, that has this file name. */
bool sl_keys_find(const struct sl_keys *keys, const char *name, size_t len, uint64_t *ret_key);
/* The key's tsv text, borrowed from the index. */
const uint8_t *sl_keys_text(const struct sl_keys *keys, uint64_t key, size_t *ret_len);
/* Appends the key's records without the key, a line each. False: out of memory. */
bool sl_keys_render(const struct sl_keys *keys, uint64_t key, struct sl_buf *buf);
