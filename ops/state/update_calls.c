#include "ops/state/update_calls.h"

#include "core/base/error.h"
#include "core/contract/function.h"
#include "ops/state/update_state.h"

enum { VALUES, STATE, KEY, TIME }; /* the arguments */

void sl_update_calls_init(struct sl_update_calls *calls, const struct sl_stage *stage, struct sl_task *task,
                          struct sl_rows *const *rows, struct sl_rows *const *changed)
{
    calls->stage = stage;
    calls->task = task;
    calls->rows = rows;
    calls->changed = changed;
    calls->bytes = 0;
    calls->chunk = (struct sl_chunk){.width = SL_UPDATE_ARGUMENTS};
    for (uint32_t c = 0; c < SL_UPDATE_ARGUMENTS; c++)
        calls->chunk.column[c] = calls->argument[c];
    for (uint32_t i = 0; i < SL_UPDATE_CALLS; i++)
        calls->argument[TIME][i] = sl_integer(stage->batch_ms);
    sl_arena_reset(task->scratch);
}

/* About how many bytes the field points to. */
static size_t bytes_of(const struct sl_field *field)
{
    size_t items = field->tag == SL_LIST ? field->len : field->tag == SL_MAP ? 2 * (size_t)field->len : 0;
    size_t bytes = field->tag == SL_STR ? field->len : items * sizeof *field;
    for (size_t i = 0; i < items; i++)
        bytes += bytes_of(&field->items[i]);
    return bytes;
}

int sl_update_calls_add(struct sl_update_calls *calls, const struct sl_field *key,
                        const struct sl_field *values, const struct sl_field *state, bool is_passing)
{
    sl_assert(calls->chunk.rows < SL_UPDATE_CALLS);
    uint32_t row = calls->chunk.rows++;
    calls->argument[VALUES][row] = *values;
    calls->argument[STATE][row] = state ? *state : sl_nil();
    calls->argument[KEY][row] = *key;
    calls->argument[KEY][row].flags = 0;
    calls->has_state[row] = state != NULL;
    for (uint32_t c = VALUES; c <= KEY; c++) {
        struct sl_field *argument = &calls->argument[c][row];
        calls->bytes += bytes_of(argument);
        if (is_passing && !sl_field_copy(calls->task->scratch, argument, argument))
            return SL_ENOMEM;
    }
    return 0;
}

/* ---- results ---- */

static int keep_new(const struct sl_update_calls *calls, const struct sl_field *key,
                    const struct sl_field *old, const struct sl_field *state)
{
    int r = sl_update_state_keep(*calls->rows, key, state);
    return r == 0 && !(old && sl_field_looks_same(old, state))
               ? sl_update_state_keep(*calls->changed, key, state)
               : r;
}

/* A group error: the state is kept as it was, and shown. */
static int keep_old(const struct sl_update_calls *calls, const struct sl_field *key,
                    const struct sl_field *values, const struct sl_field *state)
{
    struct sl_task *task = calls->task;
    /* The order of dead letters does not depend on where the state was cut. */
    task->ordinal = (uint32_t)sl_field_partition_hash(key);
    /* A key that the batch did not bring says nothing of the batch. */
    task->is_counted_elsewhere = values->len == 0;
    int r = sl_task_reject_group(task, calls->stage->node->number, key, values, values->len);
    task->is_counted_elsewhere = false;
    return r == 0 && state ? sl_update_state_keep(*calls->rows, key, state) : r;
}

static int refuse_count(struct sl_task *task, uint32_t count)
{
    if (count == 0)
        return sl_task_explain(
            task, "updateStateByKey: the function returned nothing; return nil to remove, the state to keep");
    return sl_task_explain(task,
                           "updateStateByKey: the function returned %u values; return one (a list may "
                           "hold several)",
                           count);
}

/* r: what the call gave. */
static int settle(const struct sl_update_calls *calls, uint32_t row, const struct sl_returned *returned,
                  int r)
{
    const struct sl_field *key = &calls->argument[KEY][row];
    const struct sl_field *state = calls->has_state[row] ? &calls->argument[STATE][row] : NULL;
    if (r == 0 && returned->count != 1)
        r = refuse_count(calls->task, returned->count);
    if (r == SL_EREJECT)
        return keep_old(calls, key, &calls->argument[VALUES][row], state);
    if (r < 0)
        return r;
    if (returned->values[0].tag == SL_NIL)
        return state ? sl_update_state_keep(*calls->changed, key, NULL) : 0;
    return keep_new(calls, key, state, &returned->values[0]);
}

/* ---- calls ---- */

static int call_alone(const struct sl_update_calls *calls, const struct sl_function *fn, uint32_t row)
{
    struct sl_field argv[SL_WIDTH_MAX], values[SL_WIDTH_MAX];
    struct sl_returned returned = {0, values};
    sl_chunk_row(&calls->chunk, row, argv);
    calls->task->row = row;
    int r = sl_function_call(fn, calls->task, argv, SL_UPDATE_ARGUMENTS, &returned);
    return settle(calls, row, &returned, r);
}

/* As many as one go gives, from *row on; *row is then the first that is left. */
static int call_many(const struct sl_update_calls *calls, const struct sl_function *fn, uint32_t *row)
{
    struct sl_called called;
    called.rows = 0;
    int r = fn->ops->call_rows ? fn->ops->call_rows(fn, calls->task, &calls->chunk, *row, &called) : 0;
    struct sl_field *values = called.values;
    for (uint32_t i = 0; r == 0 && i < called.rows; i++) {
        struct sl_returned returned = {called.count[i], values};
        values += called.count[i];
        r = settle(calls, (*row)++, &returned, 0);
    }
    return r;
}

int sl_update_calls_run(struct sl_update_calls *calls)
{
    const struct sl_function *fn = sl_node_function(calls->stage->node, 0);
    int r = 0;
    calls->task->keys = calls->argument[KEY];
    for (uint32_t row = 0; row < calls->chunk.rows && r == 0;) {
        r = call_many(calls, fn, &row);
        if (r == 0 && row < calls->chunk.rows)
            r = call_alone(calls, fn, row++);
    }
    calls->task->keys = NULL;
    calls->chunk.rows = 0;
    calls->bytes = 0;
    sl_arena_reset(calls->task->scratch);
    return r;
}
