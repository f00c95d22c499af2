/* What a batch of updateStateByKey begins and ends with, whether its functions are called here or by tasks. */
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/group/by_key.h"
#include "ops/state/update_state.h"

bool sl_update_state_begin(struct sl_stage *stage)
{
    struct sl_update_state *memory = stage->memory;
    stage->said = stage->has_input || (memory->state && memory->state->count);
    sl_dataset_unref(memory->changed);
    memory->changed = NULL;
    return stage->said;
}

int sl_update_state_show(struct sl_stage *stage, struct sl_dataset *updated, struct sl_dataset *changed,
                         struct sl_dataset **ret)
{
    const struct sl_by_key *by_key = stage->state;
    struct sl_update_state *memory = stage->memory;
    sl_dataset_unref(memory->state);
    memory->state = updated;
    memory->changed = changed;
    sl_dataset_revise(updated, memory, ++memory->revisions, changed);
    *ret = sl_dataset_ref(updated);
    return sl_cut_partitions(stage, by_key->partitions_param, ret);
}
