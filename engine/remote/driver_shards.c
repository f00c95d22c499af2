/* Which files are the shards of the operators' states, in the batch under way and in the next one. */
#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "engine/remote/driver_internal.h"
#include "engine/remote/exchange.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Without groups so few keys are updated here: a stage of tasks takes longer to begin. */
enum { FEW_KEYS = 10000 };
/* SL_STATE_AUTO: a batch that took longer, and longer for each key, and for each record where functions are called for these. A
 * task has to read its shard, and the driver takes in what changed, and merges what functions gave of records: some hundred
 * nanoseconds each. */
enum { LONG_NS = 1000000000, LONG_ITEM_NS = 1000 };
/* Files that are written at the same time. */
enum { WRITERS = 64 };

/* ---- the process ---- */

int sl_shards_open(struct sl_remote_driver *driver, struct sl_error *err)
{
    driver->shards = calloc(driver->run->pipelines->nodes + 1, sizeof *driver->shards);
    return driver->shards ? 0 : sl_error_nomem(err);
}

static void drop(const struct sl_remote_driver *driver, struct sl_shard **list)
{
    for (size_t p = 0; *list && p < (size_t)driver->partitions; p++)
        sl_shard_done(&(*list)[p]);
    free(*list);
    *list = NULL;
}

void sl_shards_close(struct sl_remote_driver *driver)
{
    for (size_t n = 0; driver->shards && n < driver->run->pipelines->nodes; n++) {
        drop(driver, &driver->shards[n].now);
        drop(driver, &driver->shards[n].next);
    }
    free(driver->shards);
    driver->shards = NULL;
}

/* ---- which ones hold ---- */

void sl_shards_forget(struct sl_remote_driver *driver, const struct sl_node *node)
{
    drop(driver, &driver->shards[node->number].now);
    drop(driver, &driver->shards[node->number].next);
}

/* The batch that made them was committed, or was given up and what operators keep was taken back. */
static void settle(struct sl_remote_driver *driver, struct sl_shards *shards)
{
    const struct sl_run *run = driver->run;
    if (!shards->next)
        return;
    bool is_committed = run->any && run->last_ms >= shards->next_ms;
    struct sl_shard **past = is_committed ? &shards->now : &shards->next;
    drop(driver, past);
    if (is_committed)
        shards->now = shards->next;
    shards->next = NULL;
}

void sl_shards_begin(struct sl_remote_driver *driver, const struct sl_batch *batch)
{
    for (size_t n = 0; n < batch->run->pipelines->nodes; n++) {
        settle(driver, &driver->shards[n]);
        if (batch->stage[n] && !driver->finishes[n])
            sl_shards_forget(driver, batch->stage[n]->node);
    }
}

/* What a task would have to read: keys of state, groups of a window's batches. */
static uint64_t count_rows(const struct sl_stage *stage)
{
    struct sl_held held = {0};
    stage->node->op->wide->held(stage->memory, &held);
    return (uint64_t)(stage->node->op->wide->sharded->batches ? held.rows : held.keys);
}

/* A task combines the batches of a window anew for each that it shows. The driver, which keeps combinations, needs at least one
 * call for a key, on all of its workers. */
static bool has_cores_for(const struct sl_remote_driver *driver, const struct sl_node *node)
{
    const struct sl_sharded *sharded = node->op->wide->sharded;
    int64_t tasks = driver->partitions < driver->cores ? driver->partitions : driver->cores;
    return !sharded->batches ||
           (sharded->batches(node) - 1) * (int64_t)sl_pool_workers(driver->run->pool) <= tasks;
}

static bool is_due(const struct sl_remote_driver *driver, const struct sl_node *node)
{
    if (driver->state_place == SL_STATE_AUTO)
        return driver->shards[node->number].is_due && has_cores_for(driver, node);
    return driver->state_place == SL_STATE_TASKS;
}

bool sl_shards_wanted(const struct sl_remote_driver *driver, const struct sl_batch *batch,
                      const struct sl_node *node, bool has_groups)
{
    if (!driver->exchange || !sl_stages_has_shards(node) || !is_due(driver, node))
        return false;
    bool is_on_disk = node->op->wide->sharded->batches && batch->run->services.spill;
    return !is_on_disk && (has_groups || sl_stages_shards_give_rows(node) ||
                           count_rows(batch->stage[node->number]) >= FEW_KEYS);
}

struct sl_calls_cost sl_calls_cost_now(void)
{
    struct timespec spent = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent); /* every Linux has it */
    return (struct sl_calls_cost){sl_monotonic_ns(), sl_ns_of(spent.tv_sec, (uint32_t)spent.tv_nsec)};
}

bool sl_calls_cost_is_long(const struct sl_calls_cost *cost, uint64_t items)
{
    return cost->ns > LONG_NS && cost->processor_ns > LONG_NS &&
           (double)cost->processor_ns > (double)items * LONG_ITEM_NS;
}

void sl_shards_note_cost(struct sl_remote_driver *driver, const struct sl_stage *stage, uint64_t rows,
                         const struct sl_calls_cost *begun)
{
    const struct sl_sharded *sharded = stage->node->op->wide->sharded;
    struct sl_calls_cost cost = sl_calls_cost_now();
    if (!sharded)
        return;
    cost.ns -= begun->ns;
    cost.processor_ns -= begun->processor_ns;
    if (sl_calls_cost_is_long(&cost, count_rows(stage) + (sharded->of_records ? rows : 0)))
        driver->shards[stage->node->number].is_due = true;
}

/* ---- dealing ---- */

static struct sl_shard *new_list(const struct sl_remote_driver *driver)
{
    return calloc((size_t)driver->partitions + 1, sizeof(struct sl_shard));
}

static int finish_files(struct sl_shard_writer *writer, size_t writers, struct sl_shard *shard,
                        struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < writers && r == 0; i++) {
        struct sl_shard_file file;
        r = sl_shard_writer_finish(&writer[i], &file, err);
        if (r == 0 && file.bytes && !sl_shard_add(&shard[i], &file))
            r = sl_error_nomem(err);
    }
    return r;
}

/* Shards first, first + 1 ...: of so many partitions as can be written at once. */
static int deal_some(struct sl_remote_driver *driver, int dirfd, struct sl_stage *stage, size_t first,
                     struct sl_error *err)
{
    struct sl_shard_writer writer[WRITERS];
    size_t left = (size_t)driver->partitions - first, writers = left < WRITERS ? left : WRITERS;
    char name[SL_SHARD_NAME_BYTES];
    for (size_t i = 0; i < writers; i++) {
        snprintf(name, sizeof name, "dealt-%" PRIu64 "-%zu.shard", driver->deals, first + i);
        sl_shard_writer_init(&writer[i], driver->run->services.io, dirfd, name, stage);
    }
    int r = sl_shard_deal(stage, (uint64_t)driver->partitions, first, writer, writers);
    struct sl_shard *shard = &driver->shards[stage->node->number].now[first];
    int finished = finish_files(writer, writers, shard, err);
    for (size_t i = 0; i < writers; i++)
        sl_shard_writer_done(&writer[i]);
    return finished < 0 ? finished : r < 0 ? sl_error_nomem(err) : 0;
}

static int deal_all(struct sl_remote_driver *driver, struct sl_stage *stage, struct sl_error *err)
{
    struct sl_io *io = driver->run->services.io;
    int dirfd = sl_exchange_open(io, driver->exchange, err);
    if (dirfd < 0)
        return dirfd;
    int r = 0;
    for (size_t p = 0; p < (size_t)driver->partitions && r == 0; p += WRITERS)
        r = deal_some(driver, dirfd, stage, p, err);
    sl_io_close(io, dirfd);
    driver->deals++;
    return r;
}

static int begin_next(struct sl_remote_driver *driver, struct sl_shards *shards, int64_t t)
{
    shards->next = new_list(driver);
    shards->next_ms = t;
    bool ok = shards->next != NULL;
    for (size_t p = 0; ok && p < (size_t)driver->partitions; p++)
        ok = sl_shard_copy(&shards->next[p], &shards->now[p], t);
    return ok ? 0 : SL_ENOMEM;
}

int sl_shards_deal(struct sl_remote_driver *driver, const struct sl_batch *batch, const struct sl_node *node,
                   struct sl_error *err)
{
    struct sl_shards *shards = &driver->shards[node->number];
    struct sl_stage *stage = batch->stage[node->number];
    const struct sl_sharded *sharded = node->op->wide->sharded;
    bool is_dealt = shards->now != NULL;
    if (!is_dealt && !(shards->now = new_list(driver)))
        return sl_error_nomem(err);
    int r = sharded->begin ? sharded->begin(stage) : 0;
    if (r == 0 && !is_dealt)
        r = deal_all(driver, stage, err);
    if (r == 0 && begin_next(driver, shards, batch->t) < 0)
        r = sl_error_nomem(err);
    if (r < 0)
        sl_shards_forget(driver, node);
    return r;
}

/* ---- reports ---- */

static int load_changes(struct sl_remote_driver *driver, struct sl_stage *stage,
                        const struct sl_shard_file *changes, struct sl_error *err)
{
    struct sl_io *io = driver->run->services.io;
    int dirfd = sl_exchange_open(io, driver->exchange, err);
    if (dirfd < 0)
        return dirfd;
    stage->tasks[0].err = err;
    int r = sl_shard_file_load(io, dirfd, changes, stage, err);
    sl_io_close(io, dirfd);
    return r == SL_EDAMAGED ? err->code = SL_EFAIL : r; /* of the directory, not of the checkpoint */
}

int sl_shards_take(struct sl_remote_driver *driver, struct sl_stage *stage, size_t p, struct sl_wire *wire,
                   struct sl_error *err)
{
    struct sl_shard *shard = &driver->shards[stage->node->number].next[p];
    const struct sl_shard_file changes = sl_shard_file_take(wire), whole = sl_shard_file_take(wire);
    if (wire->failed)
        return wire->failed;
    if (whole.bytes)
        shard->files = 0;
    const struct sl_shard_file *added = whole.bytes ? &whole : &changes;
    if (added->bytes && !sl_shard_add(shard, added))
        return sl_error_nomem(err);
    return changes.bytes ? load_changes(driver, stage, &changes, err) : 0;
}

/* ---- files that are past ---- */

struct names {
    size_t count, capacity;
    const char **name; /* borrowed */
};

static bool add_names(const struct sl_remote_driver *driver, const struct sl_shard *list, struct names *names)
{
    for (size_t p = 0; list && p < (size_t)driver->partitions; p++)
        for (size_t i = 0; i < list[p].files; i++) {
            const char **grown =
                sl_array_grow(names->name, names->count, &names->capacity, sizeof(const char *));
            if (!grown)
                return false;
            names->name = grown;
            names->name[names->count++] = list[p].file[i].name;
        }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted. */
static bool list_names(const struct sl_remote_driver *driver, struct names *names)
{
    bool ok = true;
    for (size_t n = 0; ok && n < driver->run->pipelines->nodes; n++)
        ok = add_names(driver, driver->shards[n].now, names) &&
             add_names(driver, driver->shards[n].next, names);
    if (names->count)
        qsort(names->name, names->count, sizeof *names->name, compare_names);
    return ok;
}

static bool is_listed(const struct names *names, const char *name)
{
    return names->count &&
           bsearch(&name, names->name, names->count, sizeof *names->name, compare_names) != NULL;
}

/* Directories and names that begin with a dot are not of tasks. */
static void remove_others(struct sl_io *io, int dirfd, const struct names *names)
{
    DIR *dir = io->ops->fdopendir(io, dirfd);
    if (!dir) {
        sl_io_close(io, dirfd);
        return;
    }
    for (struct dirent *entry; (entry = io->ops->readdir(io, dir));)
        if (entry->d_name[0] != '.' && !is_listed(names, entry->d_name))
            (void)io->ops->unlinkat(io, dirfd, entry->d_name, 0); /* the next sweep tries again */
    io->ops->closedir(io, dir);
}

void sl_shards_sweep(struct sl_remote_driver *driver)
{
    struct sl_io *io = driver->run->services.io;
    struct sl_error ignored = {0};
    struct names names = {0};
    int dirfd = driver->exchange && list_names(driver, &names)
                    ? sl_exchange_open(io, driver->exchange, &ignored)
                    : -1;
    if (dirfd >= 0)
        remove_others(io, dirfd, &names);
    free(names.name);
}
