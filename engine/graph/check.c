#include "engine/graph/check.h"

#include "core/contract/services.h"
#include "core/contract/site.h"
#include "engine/graph/check_paths.h"
#include "engine/graph/paths.h"
#include "engine/graph/pipelines.h"
#include "engine/graph/validate.h"
#include "engine/graph/widths.h"
#include "sinks/bucket/bucket.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECTORIES_A_DAY_MAX = 10000, DAY_MS = 86400000 };

static bool mounts(const struct sl_context *context)
{
    for (size_t i = 0; i < context->nodes; i++)
        if (strcmp(context->stream[i]->node.op->name, "mount") == 0)
            return true;
    return false;
}

int sl_context_check(struct sl_context *context, struct sl_error *err)
{
    if (context->error.code != SL_OK) {
        *err = context->error;
        return context->error.code;
    }
    if (!context->options.interval_ms)
        return sl_error_set(err, SL_EUSAGE,
                            "the interval is missing; say StreamingContext { interval = \"1s\" }");
    char *checkpoint = sl_checkpoint_path(context), *mount = sl_mount_path(context);
    int r = sl_validate(context, checkpoint, mounts(context) ? mount : NULL, err);
    free(checkpoint);
    free(mount);
    return r;
}

/* ---- warnings ---- */

/* 86400 as 86,400: up to 86,400,000 of them, one a millisecond. */
static void with_commas(int64_t number, char text[32])
{
    if (number >= 1000000)
        snprintf(text, 32, "%d,%03d,%03d", (int)(number / 1000000), (int)(number / 1000 % 1000),
                 (int)(number % 1000));
    else
        snprintf(text, 32, "%d,%03d", (int)(number / 1000), (int)(number % 1000));
}

/* Directories that are never removed fill a file system in the end, and make every look at it slow before. */
static void warn_of_directories(const struct sl_node *node, struct sl_log *log)
{
    char prefix[PATH_MAX], count[32];
    int64_t a_day = DAY_MS / node->slide_ms;
    if (!sl_node_text(node, "prefix", prefix, sizeof prefix) || a_day <= DIRECTORIES_A_DAY_MAX ||
        sl_node_option(node, "keep").kind != SL_ARG_NONE)
        return;
    with_commas(a_day, count);
    sl_log(log, SL_LOG_WARNING,
           "%s:%d: %s: up to %s directories a day called %s-...; use a longer interval or slide, the option "
           "keep, or mount",
           node->site.file, node->site.line, node->op->name, count, prefix);
}

/* A window or state whose result nothing shows: it is not run, as in Spark. */
static void warn_of_unused(const struct sl_node *node, struct sl_log *log)
{
    sl_log(
        log, SL_LOG_WARNING,
        "%s:%d: %s: no output uses it, so it is not run; end the stream in saveAsTextFiles, mount, print or "
        "foreachRDD, or leave it out",
        node->site.file, node->site.line, node->op->name);
}

static int warn_of_all_unused(const struct sl_context *context, struct sl_log *log, struct sl_error *err)
{
    bool *used = calloc(context->nodes + 1, sizeof *used);
    if (!used)
        return sl_error_nomem(err);
    sl_pipelines_find_used(context, used);
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        if (!used[i] && node->op->wide && node->op->wide->memory_size)
            warn_of_unused(node, log);
    }
    free(used);
    return 0;
}

/* What outputs find outside. */
static int probe_outputs(struct sl_context *context, FILE *out, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf found = {0};
    struct sl_services services = {.io = &sl_io_system,
                                   .job_dirfd = -1,
                                   .job_dir = context->dir,
                                   .job = context->name,
                                   .until_end = true,
                                   .stop_fd = -1,
                                   .open_bucket = sl_bucket_open};
    int r = 0;
    for (size_t i = 0; i < context->nodes && r == 0; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        if (node->op->kind == SL_OP_OUTPUT && node->op->output->probe)
            r = node->op->output->probe(node, &services, &found, err);
        if (r < 0)
            sl_site_wrap(&node->site, err);
    }
    if (found.len && fwrite(found.bytes, 1, found.len, out) < found.len && r == 0)
        r = sl_error_sys(err, errno, "writing");
    return r;
}

static int print_graph(struct sl_context *context, FILE *out)
{
    int r = sl_graph(context, SL_GRAPH_TEXT, out);
    for (size_t i = 0; i < context->nodes && r == 0; i++)
        if (context->stream[i]->node.op->kind == SL_OP_OUTPUT)
            warn_of_directories(&context->stream[i]->node, &context->log.log);
    return r;
}

int sl_check(struct sl_context *context, FILE *out)
{
    struct sl_error err = {0};
    int r = sl_context_check(context, &err);
    if (r == 0)
        r = sl_widths_check(context, &err);
    if (r == 0)
        r = sl_check_paths(context, &err);
    if (r == 0)
        r = warn_of_all_unused(context, &context->log.log, &err);
    if (r == 0 && (r = print_graph(context, out)) < 0)
        return sl_error_class(r); /* the context has the error */
    if (r == 0)
        r = probe_outputs(context, out, &err);
    if (r == 0)
        return 0;
    context->error = err;
    return sl_error_class(r);
}
