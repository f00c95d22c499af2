/* Tasks are of some names each, and one reads the next block. None of them adds or removes anything: a search is safe, and a
 * record is changed by the one task that claims it, for file systems may show a name twice while it is renamed. */
#include "watcher/confirm.h"

#include "core/base/pool.h"
#include "core/contract/names.h"
#include "watcher/consumed.h"

#include <stdlib.h>
#include <string.h>

enum { SHARED_MIN = 1024 }; /* names: fewer are done before other threads have begun */

/* ---- blocks ---- */

struct sl_name_block *sl_name_blocks_new(size_t blocks)
{
    struct sl_name_block *block = malloc(blocks * sizeof *block);
    for (size_t i = 0; block && i < blocks; i++) {
        block[i].count = 0;
        sl_buf_init(&block[i].text);
    }
    return block;
}

void sl_name_blocks_free(struct sl_name_block *block, size_t blocks)
{
    for (size_t i = 0; block && i < blocks; i++)
        sl_buf_done(&block[i].text);
    free(block);
}

const char *sl_name_block_get(const struct sl_name_block *block, size_t i)
{
    return (const char *)block->text.bytes + block->at[i];
}

static bool is_wanted(struct sl_watched_dir *intake, const char *name)
{
    char marked[SL_NAME_MAX + 1];
    if (intake->options.complete && sl_marker_for(intake->options.complete, name, marked))
        return false;
    bool is_ignored = sl_name_ignored(name);
    intake->ignored += is_ignored;
    return !is_ignored;
}

static bool add_name(struct sl_name_block *block, const char *name)
{
    block->at[block->count] = (uint32_t)block->text.len;
    block->is_confirmed[block->count++] = false;
    return sl_buf_append(&block->text, name, strlen(name) + 1);
}

int sl_name_block_read(struct sl_name_block *block, struct sl_watched_dir *intake, struct sl_scan *names,
                       struct sl_error *err)
{
    const char *name;
    block->count = 0;
    sl_buf_clear(&block->text);
    while (block->count < SL_NAME_BLOCK_MAX) {
        int rc = sl_scan_next(names, &name, err);
        if (rc || !name)
            return rc;
        if (is_wanted(intake, name) && !add_name(block, name))
            return sl_error_nomem(err);
    }
    return 0;
}

/* ---- names of a block ---- */

struct confirmation {
    struct sl_watched_dir *intake;
    struct sl_name_block *block, *next;
    struct sl_scan *names;
};

static int look(const struct sl_watched_dir *intake, const char *name, struct sl_packed_file *packed,
                bool *ret, struct sl_error *err)
{
    struct sl_file_stat there;
    uint32_t before;
    *ret = packed && !sl_packed_file_claim(packed, (uint32_t)intake->scans, &before);
    if (!packed || *ret)
        return 0; /* it was seen in this scan already */
    int rc = sl_file_stat_get(intake->io, intake->place.fd, intake->place.path, name, &there, err);
    *ret = rc == 0 && sl_consumed_confirm(packed, &there);
    if (!*ret)
        sl_packed_file_unclaim(packed, before);
    return rc;
}

static int look_at_some(const struct confirmation *confirmation, size_t from, struct sl_error *err)
{
    const struct sl_watched_dir *intake = confirmation->intake;
    struct sl_name_block *block = confirmation->block;
    const char *name[SL_ENTRIES_AT_ONCE];
    struct sl_packed_file *packed[SL_ENTRIES_AT_ONCE];
    size_t count = 0;
    for (; count < SL_ENTRIES_AT_ONCE && from + count < block->count; count++)
        name[count] = sl_name_block_get(block, from + count);
    sl_entries_find_packed_all(&intake->entries, name, count, packed);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = look(intake, name[i], packed[i], &block->is_confirmed[from + i], err);
    return rc;
}

static int work(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    const struct confirmation *confirmation = arg;
    (void)worker;
    if (task == 0)
        return sl_name_block_read(confirmation->next, confirmation->intake, confirmation->names, err);
    return look_at_some(confirmation, (task - 1) * SL_ENTRIES_AT_ONCE, err);
}

int sl_confirm(struct sl_watched_dir *intake, struct sl_name_block *block, struct sl_scan *names,
               struct sl_name_block *next, struct sl_error *err)
{
    struct confirmation confirmation = {intake, block, next, names};
    size_t some = (block->count + SL_ENTRIES_AT_ONCE - 1) / SL_ENTRIES_AT_ONCE;
    size_t tasks = 1 + (intake->entries.packed.count ? some : 0);
    if (intake->pool && tasks > 1 && block->count >= SHARED_MIN)
        return sl_pool_run(intake->pool, tasks, work, &confirmation, err);
    int rc = 0;
    for (size_t task = 0; rc == 0 && task < tasks; task++)
        rc = work(&confirmation, task, 0, err);
    return rc;
}
