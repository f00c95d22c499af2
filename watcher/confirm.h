/* The first look of a scan at names, by all workers: whether a packed file (watcher/packed_files.h) is there as it was taken.
 * It is true of nearly all names where there are very many; all others are left to the main thread, which alone changes
 * what is known of a directory.
 *
 * sl_name_blocks_new; sl_name_block_read the first one; then sl_confirm that block, while the next one is read. */
#pragma once

#include "core/base/buf.h"
#include "watcher/scan.h"
#include "watcher/watched_dir.h"

#include <stdint.h>

enum { SL_NAME_BLOCK_MAX = 8192 };

/* Names in the order of the directory, without those that are ignored and markers. */
struct sl_name_block {
    size_t count;
    struct sl_buf text; /* each name ends with 0 */
    uint32_t at[SL_NAME_BLOCK_MAX];
    bool is_confirmed[SL_NAME_BLOCK_MAX];
};

/* NULL: out of memory. */
struct sl_name_block *sl_name_blocks_new(size_t blocks);
void sl_name_blocks_free(struct sl_name_block *block, size_t blocks);

const char *sl_name_block_get(const struct sl_name_block *block, size_t i);

/* Fills the block; empty: there are no more names. Counts what is ignored. */
int sl_name_block_read(struct sl_name_block *block, struct sl_watched_dir *intake, struct sl_scan *names,
                       struct sl_error *err);

/* Sets is_confirmed of the block, and reads `next`. */
int sl_confirm(struct sl_watched_dir *intake, struct sl_name_block *block, struct sl_scan *names,
               struct sl_name_block *next, struct sl_error *err);
