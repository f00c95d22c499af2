/* Results for the driver: in the report where they are small, else in a file of the directory that the task names, under
 * a name that no other attempt has. The driver reads it when it has the report, and removes it. */
#include "core/base/error.h"
#include "engine/remote/exchange.h"
#include "engine/remote/report.h"
#include "engine/remote/worker_internal.h"
#include "text/block.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum { INLINE_BYTES_MAX = 256 << 10 };

void sl_results_done(struct sl_results *results)
{
    sl_buf_done(&results->list);
    sl_buf_done(&results->data);
}

bool sl_results_add(struct sl_results *results, const struct sl_node *node,
                    const struct sl_position *position, int what, const struct sl_buf *bytes)
{
    results->sections++;
    return sl_wire_put_integer(&results->list, node->number) &&
           sl_wire_put_integer(&results->list, position->input) &&
           sl_wire_put_integer(&results->list, position->path) &&
           sl_wire_put_integer(&results->list, position->partition) &&
           sl_wire_put_integer(&results->list, what) &&
           sl_wire_put_integer(&results->list, (int64_t)bytes->len) &&
           (!bytes->len || sl_buf_append(&results->data, bytes->bytes, bytes->len));
}

void sl_attempt_name(const struct sl_worker_process *process, const char *end, char ret[SL_SHARD_NAME_BYTES])
{
    uint64_t attempt = (uint64_t)getpid();
    (void)!getrandom(&attempt, sizeof attempt, GRND_NONBLOCK); /* else the process has to do */
    snprintf(ret, SL_SHARD_NAME_BYTES, "%" PRId64 "-%" PRId64 "-%016" PRIx64 "%s", process->task->stage,
             process->task->number, attempt, end);
}

static int write_file(struct sl_worker_process *process, const struct sl_buf *block, struct sl_buf *report,
                      struct sl_error *err)
{
    struct sl_io *io = process->run.services.io;
    const struct sl_remote_task *task = process->task;
    char name[SL_SHARD_NAME_BYTES];
    sl_attempt_name(process, "", name);
    int dirfd = sl_exchange_open(io, task->exchange, err);
    if (dirfd < 0)
        return dirfd;
    int fd = sl_io_open(io, dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, err);
    int r = fd < 0 ? fd : sl_io_write(io, fd, block->bytes, block->len, name, err);
    if (fd >= 0)
        sl_io_close(io, fd);
    sl_io_close(io, dirfd);
    if (r < 0)
        return r;
    sl_wire_put_text(report, name);
    sl_wire_put_integer(report, 1);
    sl_wire_put_integer(report, (int64_t)sl_block_check(block->bytes));
    return report->failed ? sl_error_nomem(err) : 0;
}

int sl_results_put(struct sl_worker_process *process, const struct sl_results *results, struct sl_buf *report,
                   struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf block = {0};
    bool ok = sl_wire_put_integer(report, results->sections) &&
              (!results->list.len || sl_buf_append(report, results->list.bytes, results->list.len)) &&
              sl_block_pack(&block, results->data.bytes, results->data.len);
    if (ok && process->task->exchange && block.len > INLINE_BYTES_MAX)
        return write_file(process, &block, report, err);
    ok = ok && sl_wire_put_bytes(report, block.bytes, block.len) && sl_wire_put_integer(report, 0) &&
         sl_wire_put_integer(report, (int64_t)sl_block_check(block.bytes));
    return ok ? 0 : sl_error_nomem(err);
}
