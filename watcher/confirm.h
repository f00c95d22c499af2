/* The first look of a scan at names, by all workers: whether a packed file (watcher/packed_files.h) is there as it was taken.
 * It is true of nearly all names where there are very many; all others are left to the main thread, which alone changes
 * what is known of a directory.
 *
 * sl_name_blocks_new; sl_confirm_known, which fills the first block; then sl_confirm that block, while the next one is read. */
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

/* Where many files are packed: looks at all of them in the order in which they were added, which is mostly that of the kernel's memory and
 * then takes three quarters of the time that the order of the directory takes. Those that are there as they were taken count as met in this
 * scan. Meanwhile reads the names of the directory, of which those that are not packed go into block[0], until it is full; block[1] is used,
 * too. Otherwise just reads block[0]. */
int sl_confirm_known(struct sl_watched_dir *intake, struct sl_scan *names,
                     struct sl_name_block block[static 2], struct sl_error *err);

/* Sets is_confirmed of the block, and reads `next`. */
int sl_confirm(struct sl_watched_dir *intake, struct sl_name_block *block, struct sl_scan *names,
               struct sl_name_block *next, struct sl_error *err);
