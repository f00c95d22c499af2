/* saveAsTextFiles(prefix [, suffix [, opts]]): the results of each batch as a directory of part files; what the files
 * hold is the settings' business, so that saveAsObjectFiles and saveAsHadoopFiles are the same.
 *
 * Rows are formatted as they come and written under a hidden name while the batch runs (output/writer.c); the
 * steps of the commit then complete, sync and rename the directory (output/directory.c has the protocol) and,
 * after the commit, swap the link to the newest. With several partitions the number of rows decides where a
 * piece ends, so all of them are collected first. */
#include "output/save.h"
#include "core/contract/collect.h"
#include "core/contract/site.h"
#include "output/link.h"
#include "output/outputs.h"
#include "output/retention.h"
#include "output/save_bucket.h"
#include "output/writer.h"

#include <stdlib.h>
#include <string.h>

struct save {
    struct sl_collect collect; /* first: core/contract/collect.h; for a dataset, and for several partitions */
    struct sl_save_settings settings;
    struct sl_output_dir place;
    struct sl_writer writer;
    bool begun;
    bool makes_directory; /* decided in write */
};

/* What the node keeps from batch to batch. */
struct save_memory {
    struct sl_directory_parent parent; /* output/directory.h */
    struct sl_bucket *bucket;          /* NULL: not opened yet, or none */
};

static void memory_done(void *memory)
{
    struct save_memory *own = memory;
    if (own->bucket)
        own->bucket->ops->close(own->bucket);
    own->bucket = NULL;
}

int sl_save_check(struct sl_node *node, struct sl_error *err)
{
    struct sl_save_settings settings;
    return sl_save_settings_read(node, &settings, err);
}

/* At start: the link's name must be free. */
static int save_open(const struct sl_node *node, const struct sl_services *services, struct sl_error *err)
{
    struct sl_save_settings settings;
    struct sl_output_dir place;
    int r = sl_save_settings_read(node, &settings, err);
    if (r == 0 && settings.is_bucket)
        return sl_save_bucket_start(node, services, &settings, err);
    if (r == 0 && settings.latest)
        r = sl_output_dir_init(&place, settings.prefix, settings.suffix, 0, services->owner, err);
    if (r < 0 || !settings.latest)
        return r;
    r = sl_link_check(services->io, services->job_dirfd, &place, err);
    sl_output_dir_done(&place);
    return r < 0 ? sl_site_wrap(&node->site, err) : r;
}

/* ---- rows ---- */

static bool collects(const struct save *save)
{
    return save->settings.partitions > 1;
}

static int save_begin(struct sl_stage *stage)
{
    struct save *save = stage->state;
    struct save_memory *memory = stage->memory;
    int r = sl_save_settings_read(stage->node, &save->settings, stage->err);
    if (r == 0)
        r = sl_output_dir_init(&save->place, save->settings.prefix, save->settings.suffix, stage->batch_ms,
                               stage->services->owner, stage->err);
    if (r < 0)
        return r;
    r = sl_collect_init(&save->collect, stage, UINT64_MAX);
    sl_writer_begin(&save->writer, stage, &save->settings, &save->place, sl_sequence_is_dense(stage->node));
    save->writer.parent = &memory->parent;
    save->writer.bucket = save->settings.is_bucket ? &memory->bucket : NULL;
    save->begun = true;
    return r;
}

static int save_lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct save *save = stage->state;
    return collects(save) ? sl_collect_lane_open(stage, lane) : sl_writer_lane_open(&save->writer, lane);
}

static int save_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct save *save = stage->state;
    return collects(save) ? sl_collect_push(stage, lane, in) : sl_writer_push(&save->writer, lane, in);
}

static int save_lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct save *save = stage->state;
    return collects(save) ? sl_collect_lane_close(stage, lane) : sl_writer_lane_close(&save->writer, lane);
}

/* What is collected is looked at when it is written. */
static int save_refuse(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct save *save = stage->state;
    return collects(save) ? 0 : sl_writer_refuse(&save->writer, lane, in);
}

static int write_collected(struct sl_stage *stage, struct save *save)
{
    struct sl_dataset *dataset, *pieces;
    int r = sl_collect_dataset(&save->collect, &dataset, stage->err);
    if (r < 0)
        return r;
    pieces = sl_dataset_pieces(dataset, save->settings.partitions);
    r = pieces ? sl_writer_dataset(&save->writer, pieces, stage->err) : sl_error_nomem(stage->err);
    sl_dataset_unref(pieces);
    sl_dataset_unref(dataset);
    return r;
}

static int save_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct save *save = stage->state;
    bool whole = save->collect.taken || collects(save);
    return whole ? write_collected(stage, save) : sl_writer_finish(&save->writer, stage->err);
}

static void save_done(struct sl_stage *stage)
{
    struct save *save = stage->state;
    if (!save->begun)
        return;
    sl_writer_done(&save->writer);
    sl_collect_done(&save->collect);
    sl_output_dir_done(&save->place);
    save->begun = false;
}

/* ---- the steps of the commit ---- */

static int save_write(struct sl_stage *stage)
{
    struct save *save = stage->state;
    bool wanted = stage->services->empty_batches || (stage->said && save->writer.records > 0);
    save->makes_directory = wanted && stage->emits;
    if (!save->makes_directory)
        return 0;
    return sl_writer_complete(&save->writer, stage->err);
}

static int save_reveal(struct sl_stage *stage)
{
    struct save *save = stage->state;
    if (!save->makes_directory)
        return 0;
    enum sl_directory_taken taken = SL_TAKEN_FAIL;
    if (save->settings.overwrite)
        taken = SL_TAKEN_ASIDE;
    else if (stage->services->replay)
        taken = SL_TAKEN_DAMAGED;
    return sl_directory_reveal(&save->writer.directory, taken, stage->err);
}

static bool keeps_newest(const struct save *save)
{
    return save->settings.keep_count || save->settings.keep_ms;
}

/* Leaves the manifest empty, path NULL, where no directory was made. */
static int save_manifest(struct sl_stage *stage, struct sl_manifest *manifest)
{
    struct save *save = stage->state;
    const struct sl_manifest *made = &save->writer.directory.manifest;
    if (!save->makes_directory)
        return 0;
    *manifest = (struct sl_manifest){
        .records = save->writer.records, .replaced = save->writer.replaced, .count = made->count};
    manifest->retained = keeps_newest(save);
    manifest->path = strdup(save->place.shown);
    manifest->file = calloc(made->count, sizeof *made->file);
    if (manifest->retained)
        manifest->series = sl_output_dir_series(save->settings.prefix, save->settings.suffix);
    if (!manifest->path || !manifest->file || (manifest->retained && !manifest->series)) {
        sl_manifest_done(manifest);
        return sl_error_nomem(stage->err);
    }
    memcpy(manifest->file, made->file, made->count * sizeof *made->file);
    return 0;
}

static int save_publish(struct sl_stage *stage)
{
    struct save *save = stage->state;
    const struct sl_services *services = stage->services;
    int r = 0;
    if (!save->makes_directory)
        return 0;
    if (save->settings.latest)
        r = sl_link_swap(services->io, save->writer.directory.parent_fd, &save->place, stage->err);
    if (r == 0 && keeps_newest(save))
        r = sl_retention_newest(services, &save->settings, save->writer.bucket, stage->batch_ms, stage->err);
    return r;
}

static int save_renew(const struct sl_node *node, const struct sl_services *services, int64_t t,
                      const char *path, struct sl_error *err)
{
    struct sl_save_settings settings;
    struct sl_output_dir place;
    int r = sl_save_settings_read(node, &settings, err);
    if (r < 0 || !settings.latest)
        return r;
    r = sl_output_dir_init(&place, settings.prefix, settings.suffix, t, services->owner, err);
    if (r < 0)
        return r;
    if (strcmp(place.shown, path) == 0)
        r = sl_link_renew(services->io, services->job_dirfd, &place, err);
    sl_output_dir_done(&place);
    return r;
}

static int save_probe(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                      struct sl_error *err)
{
    struct sl_save_settings settings;
    int r = sl_save_settings_read(node, &settings, err);
    return r < 0 || !settings.is_bucket ? r : sl_bucket_check(services, &settings.bucket, false, found, err);
}

const struct sl_wide sl_save_wide = {
    .state_size = sizeof(struct save),
    .begin = save_begin,
    .lane_open = save_lane_open,
    .push = save_push,
    .lane_close = save_lane_close,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = save_finish,
    .done = save_done,
    .bounded = 1,
    .memory_size = sizeof(struct save_memory),
    .memory_done = memory_done,
};

const struct sl_output sl_save_steps = {
    .refuse = save_refuse,
    .write = save_write,
    .reveal = save_reveal,
    .manifest = save_manifest,
    .publish = save_publish,
    .open = save_open,
    .probe = save_probe,
    .renew = save_renew,
};

const struct sl_op sl_output_save = {
    .name = "saveAsTextFiles",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Writes each batch to a directory prefix-TIME.suffix of text files.",
    .example = "s:saveAsTextFiles(\"out/counts\", \"txt\")",
    .params = sl_save_params,
    .options = sl_save_options,
    .schemes = sl_save_schemes,
    .wide = &sl_save_wide,
    .output = &sl_save_steps,
    .check = sl_save_check,
};
