/* window(w [, s]): the records of the last batches as one dataset, oldest batch first. Batches are kept whole
 * and shared: a window is a list of references. */
#include "core/collect.h"
#include "core/error.h"
#include "ops/window_check.h"

#include <stdlib.h>
#include <string.h>

struct kept {
    int64_t t;
    struct sl_dataset *dataset;
};

struct memory {
    size_t count, capacity;
    struct kept *kept; /* oldest first */
    bool shown;        /* the last emission showed data */
};

static void memory_done(void *memory)
{
    struct memory *own = memory;
    for (size_t i = 0; i < own->count; i++)
        sl_dataset_unref(own->kept[i].dataset);
    free(own->kept);
}

static void forget(struct memory *memory, int64_t until)
{
    size_t gone = 0;
    while (gone < memory->count && memory->kept[gone].t <= until)
        sl_dataset_unref(memory->kept[gone++].dataset);
    memory->count -= gone;
    if (gone)
        memmove(memory->kept, memory->kept + gone, memory->count * sizeof *memory->kept);
}

/* Takes over the reference. */
static int keep(struct memory *memory, int64_t t, struct sl_dataset *dataset)
{
    if (memory->count == memory->capacity) {
        size_t capacity = memory->capacity ? memory->capacity * 2 : 8;
        struct kept *grown = realloc(memory->kept, capacity * sizeof *grown);
        if (!grown) {
            sl_dataset_unref(dataset);
            return SL_ENOMEM;
        }
        memory->kept = grown;
        memory->capacity = capacity;
    }
    memory->kept[memory->count++] = (struct kept){t, dataset};
    return 0;
}

static int begin(struct sl_stage *stage)
{
    sl_collect_init(stage->state, UINT64_MAX);
    return 0;
}

static void done(struct sl_stage *stage)
{
    sl_collect_done(stage->state);
}

static int advance(struct sl_stage *stage)
{
    struct memory *memory = stage->memory;
    struct sl_dataset *dataset;
    forget(memory, stage->batch_ms - sl_window_of(stage->node));
    int r = sl_collect_dataset(stage->state, &dataset, stage->err);
    if (r < 0)
        return r;
    if (dataset->count)
        return keep(memory, stage->batch_ms, dataset);
    sl_dataset_unref(dataset);
    return 0;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct memory *memory = stage->memory;
    int r = advance(stage);
    if (r < 0 || !stage->emits)
        return r;
    stage->said = stage->has_input || memory->count || memory->shown;
    memory->shown = memory->count > 0;
    struct sl_dataset *all = sl_dataset_new(0);
    r = all ? 0 : SL_ENOMEM;
    for (size_t i = 0; i < memory->count && r == 0; i++)
        r = sl_dataset_concat(all, memory->kept[i].dataset);
    if (r < 0) {
        sl_dataset_unref(all);
        return r;
    }
    *ret = all;
    return 0;
}

static bool wants(const struct sl_node *node, const void *memory, int64_t t)
{
    const struct memory *own = memory;
    bool holds = own->count && own->kept[own->count - 1].t > t - sl_window_of(node);
    return t % node->slide_ms == 0 && (holds || own->shown);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    return sl_window_check(node, 0, 1, err);
}

static const struct sl_wide window_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .take = sl_collect_take,
    .finish = finish,
    .done = done,
    .memory_size = sizeof(struct memory),
    .memory_done = memory_done,
    .wants = wants,
};

static const struct sl_param params[] = {
    {"windowDuration", SL_WANT_DURATION, false, "how far back a window reaches"},
    {"slideDuration", SL_WANT_DURATION, true, "how often one is shown; the stream's own slide"},
    {0},
};

const struct sl_op sl_op_window = {
    .name = "window",
    .kind = SL_OP_WIDE,
    .family = "window",
    .summary = "The records of the last batches together, oldest batch first",
    .example = "s:window(\"3s\", \"1s\"):count()",
    .params = params,
    .wide = &window_wide,
    .check = check,
};
