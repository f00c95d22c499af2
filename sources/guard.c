#include "sources/guard.h"

#include <errno.h>
#include <stddef.h>

static int push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct sl_guard *guard = (struct sl_guard *)outlet;
    int r = guard->out->push(guard->out, chunk);
    guard->failed = guard->failed || r < 0;
    return r;
}

static int reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                  const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                  uint32_t line)
{
    struct sl_guard *guard = (struct sl_guard *)((char *)sink - offsetof(struct sl_guard, sink));
    int r = guard->sink_before->reject(guard->sink_before, task, node, fields, width, origin, line);
    guard->failed = guard->failed || r < 0;
    return r;
}

void sl_guard_init(struct sl_guard *guard, struct sl_task *task, struct sl_outlet *out)
{
    *guard = (struct sl_guard){.outlet = {push}, .sink = {reject}, .out = out, .sink_before = task->sink};
    task->sink = &guard->sink;
}

void sl_guard_done(struct sl_guard *guard, struct sl_task *task)
{
    task->sink = guard->sink_before;
}

bool sl_is_file_failure(int result, const struct sl_error *err)
{
    if (result != SL_EFAIL)
        return false;
    switch (err->sys) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ETIMEDOUT:
    case ENOTCONN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
        return false;
    }
    return true;
}
