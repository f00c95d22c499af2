/* Tasks are of some names each, and one reads the next block. None of them adds or removes anything: a search is safe, and a
 * record is changed by the one task that claims it, for file systems may show a name twice while it is renamed. */
#include "watcher/confirm.h"

#include "core/base/pool.h"
#include "core/contract/names.h"
#include "watcher/consumed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARED_MIN = 1024, /* names: fewer are done before other threads have begun */
    WALKED = 128,      /* records that a thread takes at a time */
};

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

static void clear_block(struct sl_name_block *block)
{
    block->count = 0;
    sl_buf_clear(&block->text);
}

/* At most `most` names; none: there are no more. Counts what is ignored. */
static int read_block(struct sl_name_block *block, size_t most, struct sl_watched_dir *intake,
                      struct sl_scan *names, struct sl_error *err)
{
    const char *name;
    clear_block(block);
    while (block->count < most) {
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

/* ---- known names ---- */

/* Names of the directory that are read meanwhile. */
struct reading {
    struct sl_scan *names;
    struct sl_name_block *others, *some;
};

/* Threads that look at packed files follow one position. */
struct walk {
    struct sl_watched_dir *intake;
    struct reading reading;
    pthread_mutex_t lock; /* guards what follows */
    size_t at;
    bool has_failed;
};

static size_t take_some(struct walk *walk, struct sl_packed_file *ret[static WALKED])
{
    const struct sl_packed_files *packed = &walk->intake->entries.packed;
    size_t count = 0;
    pthread_mutex_lock(&walk->lock);
    while (!walk->has_failed && count < WALKED && (ret[count] = sl_packed_files_walk(packed, &walk->at)))
        count++;
    pthread_mutex_unlock(&walk->lock);
    return count;
}

static int look_at_known(const struct walk *walk, struct sl_packed_file *packed, struct sl_error *err)
{
    char name[SL_PACKED_NAME_MAX + 1];
    bool is_confirmed;
    memcpy(name, packed->name, packed->name_len);
    name[packed->name_len] = 0;
    return look(walk->intake, name, packed, &is_confirmed, err);
}

static bool keep_others(const struct walk *walk)
{
    const struct reading *reading = &walk->reading;
    const char *name[SL_ENTRIES_AT_ONCE];
    struct sl_packed_file *packed[SL_ENTRIES_AT_ONCE];
    for (size_t i = 0; i < reading->some->count; i++)
        name[i] = sl_name_block_get(reading->some, i);
    sl_entries_find_packed_all(&walk->intake->entries, name, reading->some->count, packed);
    for (size_t i = 0; i < reading->some->count; i++)
        if (!packed[i] && !add_name(reading->others, name[i]))
            return false;
    return true;
}

static int read_names(const struct walk *walk, struct sl_error *err)
{
    const struct reading *reading = &walk->reading;
    clear_block(reading->others);
    do {
        int rc = read_block(reading->some, SL_ENTRIES_AT_ONCE, walk->intake, reading->names, err);
        if (rc)
            return rc;
        if (!keep_others(walk))
            return sl_error_nomem(err);
    } while (reading->some->count && reading->others->count + SL_ENTRIES_AT_ONCE <= SL_NAME_BLOCK_MAX);
    return 0;
}

static int walk_on(struct walk *walk, struct sl_error *err)
{
    struct sl_packed_file *packed[WALKED];
    size_t count;
    int rc = 0;
    while (rc == 0 && (count = take_some(walk, packed)))
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = look_at_known(walk, packed[i], err);
    if (rc) {
        pthread_mutex_lock(&walk->lock);
        walk->has_failed = true;
        pthread_mutex_unlock(&walk->lock);
    }
    return rc;
}

static int walk_or_read(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    (void)worker;
    return task ? walk_on(arg, err) : read_names(arg, err);
}

int sl_confirm_known(struct sl_watched_dir *intake, struct sl_scan *names,
                     struct sl_name_block block[static 2], struct sl_error *err)
{
    struct walk walk = {
        .intake = intake, .reading = {names, &block[0], &block[1]}, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (intake->entries.packed.count < SHARED_MIN)
        return read_block(&block[0], SL_NAME_BLOCK_MAX, intake, names, err);
    if (intake->pool)
        return sl_pool_run(intake->pool, 1 + sl_pool_workers(intake->pool), walk_or_read, &walk, err);
    int rc = read_names(&walk, err);
    return rc ? rc : walk_on(&walk, err);
}

/* ---- names of the directory ---- */

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
        return read_block(confirmation->next, SL_NAME_BLOCK_MAX, confirmation->intake, confirmation->names,
                          err);
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
