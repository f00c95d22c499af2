#include "engine/remote/driver.h"

#include "core/base/io.h"
#include "core/base/place.h"
#include "core/base/trust.h"
#include "engine/remote/driver_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- the directory for results: what an earlier process left there is removed ---- */

static int remove_exchange(struct sl_remote_driver *driver, struct sl_error *err)
{
    struct sl_io *io = driver->run->services.io;
    struct sl_place place;
    int sys = sl_place_split(driver->exchange, &place);
    int parent = sys ? sl_error_sys(err, sys, "opening %s", driver->exchange)
                     : sl_trust_open_dir(io, AT_FDCWD, place.dir, err);
    if (parent < 0)
        return parent;
    int r = sl_io_remove_tree(io, parent, place.name, err);
    sl_io_close(io, parent);
    return r;
}

static int open_exchange(struct sl_remote_driver *driver, struct sl_error *err)
{
    struct sl_io *io = driver->run->services.io;
    if (!driver->exchange)
        return 0;
    int r = remove_exchange(driver, err);
    r = r < 0 ? r : sl_trust_make_dirs(io, AT_FDCWD, driver->exchange, 0700, err);
    int fd = r < 0 ? r : sl_trust_open_dir(io, AT_FDCWD, driver->exchange, err);
    if (fd < 0)
        return fd;
    r = sl_trust_own_dir(io, fd, driver->exchange, "", err); /* others may have made it meanwhile */
    sl_io_close(io, fd);
    return r;
}

static int open_driver(struct sl_executor *executor, struct sl_run *run, struct sl_error *err)
{
    struct sl_remote_driver *driver = (struct sl_remote_driver *)executor;
    driver->run = run;
    driver->takes = calloc(run->sources + 1, sizeof *driver->takes);
    driver->finishes = calloc(run->pipelines->nodes + 1, sizeof *driver->finishes);
    if (!driver->takes || !driver->finishes)
        return sl_error_nomem(err);
    int r = sl_stages_hash(run->context, driver->hash, err);
    r = r < 0 ? r : sl_stages_new(run->pipelines, &driver->stages, err);
    r = r < 0 ? r : open_exchange(driver, err);
    r = r < 0 ? r : sl_shards_open(driver, err);
    return r < 0 ? r : sl_request_hello(driver, err);
}

/* ---- a batch ---- */

static void forget_maps(struct sl_remote_driver *driver)
{
    for (size_t m = 0; m < driver->maps; m++)
        sl_map_stage_done(&driver->map[m]);
    driver->maps = 0;
}

/* Every partition of it can be read elsewhere. */
static bool can_be_taken(const struct sl_source *source)
{
    size_t partitions = source->ops->partitions((struct sl_source *)source);
    struct sl_split_place place;
    for (size_t p = 0; p < partitions && source->ops->place; p++)
        if (!source->ops->place((struct sl_source *)source, p, &place))
            return false;
    return true;
}

/* All rows of a batch: with memoryLimit they are sorted here, where they may be on disk. */
static bool is_too_large(const struct sl_run *run, const struct sl_node *node)
{
    enum sl_result_order order = node->op->wide->partial->order(node);
    return run->services.spill && (order == SL_RESULT_SORTED_UP || order == SL_RESULT_SORTED_DOWN);
}

/* What reads or gets rows here in this batch makes it finish here, too. */
static bool can_be_finished(const struct sl_remote_driver *driver, const struct sl_batch *batch, size_t n)
{
    if (driver->stages->role[n] != SL_ROLE_REDUCE || !batch->stage[n] ||
        is_too_large(batch->run, batch->run->pipelines->node[n]))
        return false;
    for (size_t s = 0; s < batch->run->sources; s++) {
        size_t root = batch->run->source[s]->node->number;
        if (driver->stages->fed[n][root] && batch->said[root] && !driver->takes[s])
            return false;
    }
    return true;
}

/* Records are cut by key for shards only. */
static bool has_use_of_tasks(const struct sl_remote_driver *driver, const struct sl_batch *batch, size_t n)
{
    const struct sl_node *node = batch->stage[n]->node;
    return !sl_stages_maps_records(node) || sl_shards_wanted(driver, batch, node, true);
}

static int begin(struct sl_executor *executor, struct sl_batch *batch, struct sl_error *err)
{
    struct sl_remote_driver *driver = (struct sl_remote_driver *)executor;
    (void)err;
    forget_maps(driver);
    driver->sequence = 0;
    for (size_t s = 0; s < batch->run->sources; s++) {
        const struct sl_source *source = batch->run->source[s];
        size_t root = source->node->number;
        driver->takes[s] =
            driver->stages->role[root] == SL_ROLE_MAP && batch->said[root] && can_be_taken(source);
    }
    for (size_t n = 0; n < batch->run->pipelines->nodes; n++)
        driver->finishes[n] = can_be_finished(driver, batch, n) && has_use_of_tasks(driver, batch, n);
    sl_shards_begin(driver, batch);
    return 0;
}

static bool takes(struct sl_executor *executor, size_t s)
{
    return ((struct sl_remote_driver *)executor)->takes[s];
}

/* Also what is finished here, where that may become the tasks': it is timed. */
static bool finishes(struct sl_executor *executor, const struct sl_node *node)
{
    const struct sl_remote_driver *driver = (const struct sl_remote_driver *)executor;
    return driver->finishes[node->number] ||
           (driver->stages->role[node->number] == SL_ROLE_REDUCE && sl_stages_maps_records(node));
}

/* A peer that has ended is noticed with the next stage. */
static void end(struct sl_executor *executor, struct sl_batch *batch)
{
    struct sl_remote_driver *driver = (struct sl_remote_driver *)executor;
    struct sl_error ignored = {0};
    (void)batch;
    if (driver->next_stage > driver->first_stage)
        (void)sl_request_drop(driver, &ignored);
    driver->first_stage = driver->next_stage;
    sl_shards_sweep(driver);
    forget_maps(driver);
}

static void close_driver(struct sl_executor *executor)
{
    struct sl_remote_driver *driver = (struct sl_remote_driver *)executor;
    struct sl_error ignored = {0};
    forget_maps(driver);
    sl_shards_close(driver);
    if (driver->exchange && driver->stages)
        (void)remove_exchange(driver, &ignored); /* the next start does it */
    free(driver->map);
    free(driver->takes);
    free(driver->finishes);
    sl_stages_free(driver->stages);
    sl_message_done(&driver->message);
    driver->map = NULL;
    driver->takes = driver->finishes = NULL;
    driver->stages = NULL;
}

static const struct sl_executor_ops ops = {
    .open = open_driver,
    .begin = begin,
    .takes = takes,
    .read = sl_remote_driver_read,
    .finishes = finishes,
    .finish = sl_remote_driver_finish,
    .end = end,
    .close = close_driver,
};

struct sl_executor *sl_remote_driver_new(const struct sl_peer *peer, int64_t cores, int64_t partitions,
                                         const char *exchange, enum sl_state_place state_place)
{
    struct sl_remote_driver *driver = calloc(1, sizeof *driver);
    if (!driver)
        return NULL;
    *driver = (struct sl_remote_driver){.executor = {&ops},
                                        .peer = *peer,
                                        .cores = cores,
                                        .partitions = partitions,
                                        .exchange = exchange,
                                        .state_place = state_place};
    return &driver->executor;
}

void sl_remote_driver_free(struct sl_executor *executor)
{
    free(executor);
}
