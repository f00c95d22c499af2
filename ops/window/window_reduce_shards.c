/* A window without an inverse in several processes (struct sl_sharded): each has the groups that the batches of the window hold of its
 * keys, combines them and finishes them.
 *
 * Values are combined in the same order everywhere (ops/window/partials.h): that depends on the times of the batches alone. A
 * task begins with the batches; combinations that the process with the whole window keeps from slide to slide it makes anew, so it is for
 * windows of few batches. Only functions are worth it: native reducers combine in less time than rows take to travel. */
#include "core/base/error.h"
#include "core/contract/state_writer.h"
#include "ops/window/window_reduce.h"

/* Each is a file that a task reads. */
enum { BATCHES_MAX = 16 };

static bool combines_by_function(const struct sl_node *node)
{
    const struct sl_by_key_spec *spec = node->op->spec;
    return spec->from == SL_REDUCER_PARAM && spec->key_of != SL_KEY_NONE &&
           !sl_node_function(node, 0)->reducer && !sl_node_function(node, 1);
}

static int64_t batches(const struct sl_node *node)
{
    int64_t count = sl_window_of(node) / node->input[0]->slide_ms;
    return count <= BATCHES_MAX && combines_by_function(node) ? count : 0;
}

/* ---- where all of the window is ---- */

/* Shards do not see that the job had another window before: they are of one generation. */
static int write(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_window_memory *memory = stage->memory;
    const struct sl_partials_level *level = &memory->blocks.level[0];
    int64_t slide_ms = stage->node->input[0]->slide_ms;
    int r = 0;
    for (size_t i = 0; i < level->count && r == 0; i++)
        if (level->block[i].groups)
            r = sl_window_save_groups(stage, keeper, 0, (level->first + (int64_t)i) * slide_ms,
                                      level->block[i].groups);
    return r;
}

static int change(struct sl_stage *stage, const struct sl_dataset *rows)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    struct sl_sorted_groups *groups;
    int r = sl_group_store_read(&memory->store, stage, window->by_key.aggregate.reducer, rows, &groups);
    if (r < 0)
        return r;
    r = sl_window_groups_add(&window->dealt, groups);
    sl_sorted_groups_unref(groups);
    return r;
}

/* The groups of the batch. Shards have no key in common. Pairs become one, then pairs of these. */
static int join(struct sl_stage *stage, struct sl_sorted_groups **ret)
{
    struct sl_reduced_window *window = stage->state;
    const struct sl_window_groups *dealt = &window->dealt;
    int r = 0;
    for (size_t step = 1; step < dealt->count; step *= 2)
        for (size_t i = 0; i + step < dealt->count && r == 0; i += 2 * step) {
            struct sl_sorted_groups *both;
            r = sl_sorted_groups_combine(stage, window->by_key.aggregate.reducer, dealt->groups[i],
                                         dealt->groups[i + step], &both);
            if (r < 0)
                break;
            sl_sorted_groups_unref(dealt->groups[i]);
            dealt->groups[i] = both;
        }
    if (r < 0)
        return r;
    *ret = dealt->count ? sl_sorted_groups_ref(dealt->groups[0]) : sl_sorted_groups_new(0);
    return *ret ? 0 : SL_ENOMEM;
}

static int revise(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_sorted_groups *groups;
    int r = sl_window_move_on(stage);
    r = r < 0 ? r : join(stage, &groups);
    r = r < 0 ? r : sl_window_enter(stage, groups);
    if (r == 0 && sl_window_will_emit(stage))
        return sl_cut_partitions(stage, window->by_key.partitions_param, ret);
    sl_dataset_unref(*ret);
    *ret = NULL;
    return r;
}

const struct sl_sharded sl_window_reduce_sharded = {
    .batches = batches, .write = write, .change = change, .revise = revise};
