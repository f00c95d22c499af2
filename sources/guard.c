#include "sources/guard.h"

#include "core/base/bisect.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct sl_guard *guard = (struct sl_guard *)outlet;
    if (guard->is_any_seen)
        memset(guard->seen, 0, sizeof guard->seen);
    guard->is_any_seen = false;
    guard->records += chunk->rows;
    guard->pushed = chunk;
    int r = guard->out->push(guard->out, chunk);
    guard->pushed = NULL;
    guard->failed = guard->failed || r < 0;
    return r;
}

/* The pushed row of that line, which rise; -1: it is not known. */
static int row_of(const struct sl_chunk *chunk, uint32_t line)
{
    if (!chunk || !chunk->line || line == SL_NO_LINE)
        return -1;
    uint32_t from = SL_BISECT(i, 0, chunk->rows, chunk->line[i] < line);
    return from < chunk->rows && chunk->line[from] == line ? (int)from : -1;
}

/* False: the record failed before. */
static bool is_new(struct sl_guard *guard, uint32_t line)
{
    int row = row_of(guard->pushed, line);
    if (row < 0)
        return true;
    uint64_t *word = &guard->seen[row / 64], bit = (uint64_t)1 << row % 64;
    bool is = !(*word & bit);
    *word |= bit;
    guard->is_any_seen = true;
    return is;
}

static void count(struct sl_guard *guard, const struct sl_task *task, unsigned node, uint32_t line)
{
    if (!guard->pushed)
        guard->records++; /* the reader itself refuses it */
    if (!is_new(guard, line))
        return;
    if (!guard->errors || line < guard->line) {
        guard->line = line;
        guard->node = node;
        memcpy(guard->message, task->message, sizeof guard->message);
    }
    guard->errors++;
}

static int reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                  const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                  uint32_t line)
{
    struct sl_guard *guard = (struct sl_guard *)((char *)sink - offsetof(struct sl_guard, sink));
    if (line != SL_GROUP_LINE)
        count(guard, task, node, line);
    int r = guard->sink_before->reject(guard->sink_before, task, node, fields, width, origin, line);
    guard->failed = guard->failed || r < 0;
    return r;
}

/* No fault of the file. */
static int pass_late(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                     const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                     uint32_t line)
{
    struct sl_guard *guard = (struct sl_guard *)((char *)sink - offsetof(struct sl_guard, sink));
    int r = guard->sink_before->late(guard->sink_before, task, node, fields, width, origin, line);
    guard->failed = guard->failed || r < 0;
    return r;
}

void sl_guard_init(struct sl_guard *guard, struct sl_task *task, struct sl_outlet *out)
{
    *guard = (struct sl_guard){.outlet = {push},
                               .sink = {.reject = reject, .late = pass_late},
                               .out = out,
                               .sink_before = task->sink};
    task->sink = &guard->sink;
    task->is_counted_by_file = true;
}

void sl_guard_done(struct sl_guard *guard, struct sl_task *task)
{
    task->sink = guard->sink_before;
    task->is_counted_by_file = false;
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
