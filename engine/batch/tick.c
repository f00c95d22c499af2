#include "engine/batch/tick.h"

#include "engine/batch/run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Its path; NULL: no memory. */
static const char *format_tick(const struct sl_run *run, int64_t t, struct sl_buf *path, struct sl_buf *text)
{
    return sl_buf_printf(text, "%lld\n", (long long)t) ? sl_buf_path(path, "%s/tick", run->checkpoint) : NULL;
}

int sl_tick_write(struct sl_run *run, int64_t t, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0}, text = {0};
    const char *path = format_tick(run, t, &buf, &text);
    if (!path)
        return sl_error_nomem(err);
    return sl_io_replace_file(run->services.io, run->services.job_dirfd, path, text.bytes, text.len, err);
}

static bool shows(const struct sl_run *run, int64_t t)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0}, text = {0};
    const char *path = format_tick(run, t, &buf, &text);
    char *found;
    size_t len;
    if (!path || sl_io_read_file(run->services.io, run->services.job_dirfd, path, SL_ERROR_TEXT_MAX, &found,
                                 &len, NULL) < 0)
        return false;
    bool same = len == text.len && memcmp(found, text.bytes, len) == 0;
    free(found);
    return same;
}

static void say(const struct sl_run *run, const struct sl_error *err)
{
    sl_log(run->services.log, SL_LOG_WARNING, "batch %lld was committed before this start, but %s",
           (long long)run->last_ms, err->text);
}

static int renew(void *arg, const char *path)
{
    struct sl_run *run = arg;
    struct sl_error err;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind == SL_OP_OUTPUT && node->op->output->renew &&
            node->op->output->renew(node, &run->services, run->last_ms, path, &err) < 0)
            say(run, &err);
    }
    return 0;
}

void sl_tick_renew(struct sl_run *run)
{
    struct sl_error err;
    if (!run->any)
        return;
    if (sl_catalog_each_newest(run->catalog, renew, run, &err) < 0)
        say(run, &err);
    if (!shows(run, run->last_ms) && sl_tick_write(run, run->last_ms, &err) < 0)
        say(run, &err);
}
