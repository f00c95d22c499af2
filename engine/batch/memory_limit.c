/* The limit is for the whole process. A part of it is for what does not grow with the data: code, the
 * workers' Lua states, buffers. The rest is shared by the operators that hold rows, whether they are at work
 * at the same time or not, and by the workers. */
#include "engine/batch/memory_limit.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "state/spill/spill.h"

#include <fcntl.h>
#include <stdlib.h>

enum { REST_BYTES_MIN = 16 << 20, WORKER_BYTES_MIN = 256 << 10 };

/* Who is handed a dataset as a whole does not collect it. */
static size_t shares_of(const struct sl_node *node)
{
    const struct sl_wide *wide = node->op->wide;
    if (!wide || !wide->bounded)
        return 0;
    bool whole = wide->take && node->input[0]->op->kind == SL_OP_WIDE;
    return wide->bounded - whole;
}

static size_t count_shares(const struct sl_pipelines *pipelines)
{
    size_t count = 0;
    for (size_t n = 0; n < pipelines->nodes; n++)
        count += shares_of(pipelines->node[n]);
    return count;
}

/* No process is as small as WORKER_BYTES_MIN: with such a limit everything goes to disk as soon as it can. */
static size_t share_of_worker(int64_t limit, size_t shares, unsigned workers)
{
    int64_t least = limit < WORKER_BYTES_MIN ? limit : WORKER_BYTES_MIN;
    int64_t rest = limit / 4 > REST_BYTES_MIN ? limit / 4 : REST_BYTES_MIN;
    int64_t share = limit > rest ? (limit - rest) / ((int64_t)shares * workers) : 0;
    return (size_t)(share > least ? share : least);
}

int sl_memory_limit_open(struct sl_run *run, struct sl_error *err)
{
    int64_t limit = run->context->options.memory_limit;
    size_t shares = count_shares(run->pipelines);
    struct sl_buf dir SL_CLEANUP(sl_buf_done) = {0};
    const char *temporary = getenv("TMPDIR");
    if (!limit || !shares || run->trial)
        return 0;
    const char *path = run->catalog ? sl_buf_path(&dir, "%s/spill", run->checkpoint)
                                    : sl_buf_path(&dir, "%s", temporary && temporary[0] ? temporary : "/tmp");
    if (!path)
        return sl_error_nomem(err);
    int r = sl_spill_open(run->services.io, AT_FDCWD, path, run->catalog != NULL, &run->services.spill, err);
    if (r == 0)
        run->services.spill->bytes = share_of_worker(limit, shares, sl_pool_workers(run->pool));
    return r;
}

void sl_memory_limit_close(struct sl_run *run)
{
    sl_spill_close(run->services.spill);
    run->services.spill = NULL;
}

int sl_memory_limit_check(struct sl_run *run, int r, struct sl_error *err)
{
    int failed = run->services.spill ? sl_spill_failure(run->services.spill, err) : 0;
    return failed < 0 ? failed : r;
}
