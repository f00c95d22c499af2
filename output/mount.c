/* mount(name): the newest results as files of the live view (docs/manual.md, "The live view").
 *
 * A batch hands its dataset to the viewer as an immutable version after the commit; bytes are made when
 * they are read. Where nothing is mounted it does nothing. */
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "output/outputs.h"
#include "output/shown.h"

#include <limits.h>
#include <string.h>

static int mount_check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field name = sl_node_value(node, 0);
    if (name.tag != SL_STR || name.len == 0 || name.len > NAME_MAX)
        return sl_error_set(err, SL_EUSAGE, "name must have 1 to %d bytes: it is a directory of the mount",
                            NAME_MAX);
    if (memchr(name.str, '/', name.len) || memchr(name.str, 0, name.len))
        return sl_error_set(err, SL_EUSAGE,
                            "name must not contain a slash or a NUL: it is a directory of the mount");
    if (name.str[0] == '.')
        return sl_error_set(err, SL_EUSAGE, "name must not begin with a dot: such names are kept for sluice");
    if (sl_node_option_integer(node, "keep", 0) > SL_VIEW_KEEP_MAX)
        return sl_error_set(err, SL_EUSAGE, "keep must be at most %d versions", SL_VIEW_KEEP_MAX);
    return 0;
}

static int mount_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return stage->has_input ? sl_collect_finish(stage, ret) : 0;
}

static int publish(struct sl_stage *stage, int64_t t, struct sl_dataset *rows, uint64_t inputs,
                   size_t first_count, const char *const *first)
{
    struct sl_viewer *viewer = stage->services->viewer;
    const struct sl_node *node = stage->node;
    int64_t length_ms = node->window_ms ? node->window_ms : node->slide_ms;
    struct sl_version *version =
        sl_version_new(t, t - length_ms, sl_dataset_ref(rows), inputs, first_count, first);
    if (!version)
        return sl_error_nomem(stage->err);
    int r = viewer->ops->publish(viewer, node->view, version, stage->err);
    sl_version_unref(version);
    return r;
}

static bool has_version(const struct sl_stage *stage)
{
    return stage->has_input && stage->said && stage->emits;
}

static int mount_publish(struct sl_stage *stage)
{
    const struct sl_collect *collect = stage->state;
    const struct sl_services *services = stage->services;
    if (!stage->services->viewer || !has_version(stage))
        return 0;
    return publish(stage, stage->batch_ms, collect->result, services->inputs, services->first_count,
                   services->first);
}

/* Also where nothing is mounted: other processes read it from the checkpoint. */
static int mount_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_collect *collect = stage->state;
    return has_version(stage) ? sl_shown_save(stage->memory, stage, collect->result, keeper) : 0;
}

static int mount_load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    return sl_shown_load(stage->memory, section, rows, stage->err);
}

/* The last version is there before the first batch. */
static int mount_loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct sl_shown *shown = stage->memory;
    int r = sl_shown_loaded(shown, stage->err);
    if (r < 0 || stage->again || !stage->services->viewer || !shown->rows)
        return r;
    return publish(stage, shown->time_ms, shown->rows, shown->inputs, shown->first_count,
                   (const char *const *)shown->first);
}

static const struct sl_param params[] = {
    {"name", SL_WANT_STRING, false, "of the view: a directory of the mount"},
    {0},
};

static const struct sl_param options[] = {
    {"keep", SL_WANT_COUNT, true, "versions under at/, the newest ones; 10"},
    {0},
};

static const struct sl_wide wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .takes_deferred = true,
    .finish = mount_finish,
    .done = sl_collect_end,
    .bounded = 1,
    .memory_size = sizeof(struct sl_shown),
    .memory_done = sl_shown_done,
    .save = mount_save,
    .load = mount_load,
    .loaded = mount_loaded,
};

static const struct sl_output steps = {.publish = mount_publish};

const struct sl_op sl_output_mount = {
    .name = "mount",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Shows the newest results as files under the mount, where cat and grep work on them.",
    .example = "s:mount(\"counts\")",
    .params = params,
    .options = options,
    .wide = &wide,
    .output = &steps,
    .check = mount_check,
};
