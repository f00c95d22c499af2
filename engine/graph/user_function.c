/* User functions of C programs: sl_function_new and what such a function may call (sluice.h). */
#include "core/base/error.h"
#include "core/contract/function.h"
#include "core/rows/checked_copy.h"
#include "engine/graph/graph.h"

#include <stdlib.h>

/* A user function in C. */
struct user_function {
    struct sl_function function;
    sl_user_function *call;
    void *user;
};

struct sl_invocation {
    struct sl_task *task;
    struct sl_returned *ret;
    struct sl_state_cell *cell; /* of mapWithState; NULL elsewhere */
    bool out_of_memory;
    bool has_refused;  /* what the last sl_return gave is no record */
    bool has_rejected; /* sl_reject was called */
    bool is_explained; /* the task has the message of a call that failed */
};

/* Sets the message of the record's dead letter. SL_EREJECT. */
#define EXPLAIN(invocation, ...)                                                                             \
    ((invocation)->is_explained = true, sl_task_explain((invocation)->task, __VA_ARGS__))

/* What becomes of the record: a status that the function made up itself says nothing. */
static int read_status(struct sl_invocation *invocation, int returned)
{
    bool is_given = returned == 0 || (returned == SL_EREJECT && invocation->is_explained);
    if (invocation->out_of_memory)
        return SL_ENOMEM;
    if (!is_given && !invocation->has_rejected)
        return EXPLAIN(invocation,
                       "the function returned the status %d; it may return 0 or what sl_reject gave",
                       returned);
    return invocation->has_rejected || invocation->has_refused ? SL_EREJECT : returned;
}

static int call_function(const struct sl_function *fn, struct sl_invocation *invocation,
                         const struct sl_field *argv, uint32_t argc)
{
    const struct user_function *own = (const struct user_function *)fn;
    invocation->ret->count = 0;
    return read_status(invocation, own->call(own->user, invocation, argv, argc));
}

static int call_user(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                     uint32_t argc, struct sl_returned *ret)
{
    struct sl_invocation invocation = {.task = task, .ret = ret};
    return call_function(fn, &invocation, argv, argc);
}

static int call_user_state(const struct sl_function *fn, struct sl_task *task, const struct sl_field *key,
                           const struct sl_field *value, struct sl_state_cell *cell, int64_t time_ms,
                           struct sl_returned *ret)
{
    const struct sl_field argv[3] = {*key, *value, sl_integer(time_ms)};
    struct sl_invocation invocation = {.task = task, .ret = ret, .cell = cell};
    return call_function(fn, &invocation, argv, 3);
}

static void free_user(struct sl_function *fn)
{
    free(fn);
}

static const struct sl_function_ops user_ops = {
    .call = call_user, .call_state = call_user_state, .free = free_user};

struct sl_function *sl_function_new(struct sl_context *context, sl_user_function *function, void *user)
{
    if (!sl_context_takes_function(context, function != NULL))
        return NULL;
    struct user_function *own = calloc(1, sizeof *own);
    if (!own) {
        sl_context_fail(context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    own->function = (struct sl_function){.ops = &user_ops, .gives = SL_GIVES_ANY, .name = ""};
    own->function.site = (struct sl_site){"", context->site.file, context->site.line};
    own->call = function;
    own->user = user;
    return sl_context_own(context, &own->function);
}

/* A copy of a value of the program's, which may be none. */
static int take(struct sl_invocation *call, const struct sl_field *value, struct sl_field *ret)
{
    const char *why;
    int r = sl_checked_copy(call->task->scratch, value, ret, &why);
    call->out_of_memory = call->out_of_memory || r == SL_ENOMEM;
    return r == SL_EREJECT ? EXPLAIN(call, "the function gave %s", why) : r;
}

static int take_all(struct sl_invocation *call, const struct sl_field *values, uint32_t count)
{
    int r = 0;
    if (count > SL_WIDTH_MAX)
        return EXPLAIN(call, "the function returned %u values; a record has at most %d fields", count,
                       SL_WIDTH_MAX);
    for (uint32_t i = 0; r == 0 && i < count; i++)
        r = take(call, &values[i], &call->ret->values[i]);
    return r;
}

int sl_return(struct sl_invocation *call, const struct sl_field *values, uint32_t count)
{
    int r = take_all(call, values, count);
    call->has_refused = r < 0;
    call->ret->count = r < 0 ? 0 : count;
    return r;
}

void *sl_invocation_alloc(struct sl_invocation *call, size_t size)
{
    void *p = sl_arena_alloc(call->task->scratch, size);
    call->out_of_memory = call->out_of_memory || !p;
    return p;
}

int sl_reject(struct sl_invocation *call, const char *message)
{
    call->has_rejected = true;
    return EXPLAIN(call, "%s", message);
}

bool sl_event_time(const struct sl_invocation *call, int64_t *ret_ms)
{
    if (call->task->event_ms == SL_NO_TIME)
        return false;
    *ret_ms = call->task->event_ms;
    return true;
}

/* ---- state ---- */

bool sl_state_exists(const struct sl_invocation *invocation)
{
    return invocation->cell && invocation->cell->exists;
}

struct sl_field sl_state_get(const struct sl_invocation *invocation)
{
    return invocation->cell ? invocation->cell->value : sl_nil();
}

bool sl_state_is_timing_out(const struct sl_invocation *invocation)
{
    return invocation->cell && invocation->cell->timing_out;
}

/* Why the state cannot change; 0 where it can. */
static int check_change(struct sl_invocation *invocation, const char *what)
{
    const struct sl_state_cell *cell = invocation->cell;
    if (!cell)
        return EXPLAIN(invocation, "%s: only functions of mapWithState have a state", what);
    if (cell->timing_out)
        return EXPLAIN(invocation, "%s: the key is timing out, its state is removed after this call", what);
    if (cell->changed && !cell->exists)
        return EXPLAIN(invocation, "%s: the state was removed in this call already", what);
    return 0;
}

int sl_state_update(struct sl_invocation *invocation, const struct sl_field *value)
{
    int r = check_change(invocation, "sl_state_update");
    if (r == 0 && value->tag == SL_NIL)
        r = EXPLAIN(invocation, "sl_state_update: nil is no state; sl_state_remove removes it");
    if (r < 0)
        return r;
    struct sl_state_cell *cell = invocation->cell;
    struct sl_field taken;
    r = take(invocation, value, &taken);
    if (r < 0)
        return r;
    cell->value = taken;
    cell->exists = cell->changed = true;
    return 0;
}

int sl_state_remove(struct sl_invocation *invocation)
{
    int r = check_change(invocation, "sl_state_remove");
    if (r < 0)
        return r;
    invocation->cell->value = sl_nil();
    invocation->cell->exists = false;
    invocation->cell->changed = true;
    return 0;
}
