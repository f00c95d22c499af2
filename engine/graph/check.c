#include "engine/graph/check.h"

#include "core/contract/claim.h"
#include "core/contract/services.h"
#include "core/contract/site.h"
#include "core/contract/source.h"
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

int sl_context_check_result(const struct sl_context *context, const char *path, struct sl_error *err)
{
    char *checkpoint = sl_checkpoint_path(context), *mount = sl_mount_path(context);
    int r = sl_validate_result(context, checkpoint, mounts(context) ? mount : NULL, path, err);
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

static int64_t directories_a_day(const struct sl_node *node)
{
    return DAY_MS / node->slide_ms;
}

/* It makes many directories and removes none: they fill a file system in the end, and make every scan of it slow
 * before. */
static bool makes_many_directories(const struct sl_node *node)
{
    char prefix[PATH_MAX];
    return node->op->kind == SL_OP_OUTPUT && sl_node_text(node, "prefix", prefix, sizeof prefix) &&
           directories_a_day(node) > DIRECTORIES_A_DAY_MAX &&
           sl_node_option(node, "keep").kind == SL_ARG_NONE;
}

static void warn_of_directories(const struct sl_node *first, size_t others, struct sl_log *log)
{
    char prefix[PATH_MAX], count[32], more[64] = "";
    with_commas(directories_a_day(first), count);
    if (others)
        snprintf(more, sizeof more, ", and as many of %zu other output%s", others, others == 1 ? "" : "s");
    sl_log(
        log, SL_LOG_WARNING,
        "%s:%d: %s: up to %s directories a day called %s-...%s; { keep = \"1d\" } removes those older than a "
        "day; or use a longer interval or slide, or mount",
        first->site.file, first->site.line, first->op->name, count,
        sl_node_text(first, "prefix", prefix, sizeof prefix), more);
}

/* One warning for the job: the cause, its interval, is one. */
static void warn_of_all_directories(const struct sl_context *context, struct sl_log *log)
{
    const struct sl_node *first = NULL;
    size_t found = 0;
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        if (!makes_many_directories(node))
            continue;
        first = first ? first : node;
        found++;
    }
    if (first)
        warn_of_directories(first, found - 1, log);
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

static int probe_node(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                      struct sl_error *err)
{
    int r = 0;
    if (node->op->kind == SL_OP_OUTPUT && node->op->output->probe)
        r = node->op->output->probe(node, services, found, err);
    else if (node->op->kind == SL_OP_SOURCE && node->op->source->probe)
        r = node->op->source->probe(node, services, found, err);
    return r < 0 ? sl_site_wrap(&node->site, err) : 0;
}

/* What sources and outputs find outside. */
static int probe_all(struct sl_context *context, FILE *out, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf found = {0};
    struct sl_shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct sl_services services = {.io = &sl_io_system,
                                   .shared = &shared,
                                   .job_dirfd = -1,
                                   .job_dir = context->dir,
                                   .job = context->name,
                                   .until_end = true,
                                   .stop_fd = -1,
                                   .open_bucket = sl_bucket_open};
    int r = 0;
    for (size_t i = 0; i < context->nodes && r == 0; i++)
        r = probe_node(&context->stream[i]->node, &services, &found, err);
    sl_claims_free(&shared);
    if (found.len && fwrite(found.bytes, 1, found.len, out) < found.len && r == 0)
        r = sl_error_sys(err, errno, "writing");
    return r;
}

static int print_graph(struct sl_context *context, FILE *out)
{
    int r = sl_graph(context, SL_GRAPH_TEXT, out);
    if (r == 0)
        warn_of_all_directories(context, &context->log.log);
    return r;
}

/* Whether a run can make the trees of its operators. */
static int check_pipelines(const struct sl_context *context, struct sl_error *err)
{
    struct sl_pipelines *pipelines;
    int r = sl_pipelines_new(context, &pipelines, err);
    if (r == 0)
        sl_pipelines_free(pipelines);
    return r;
}

int sl_check(struct sl_context *context, FILE *out)
{
    struct sl_error err = {0};
    if (!context)
        return SL_ENOMEM;
    int r = sl_context_check(context, &err);
    if (r == 0)
        r = sl_widths_check(context, &err);
    if (r == 0)
        r = check_pipelines(context, &err);
    if (r == 0)
        r = sl_check_paths(context, &err);
    if (r == 0)
        r = warn_of_all_unused(context, &context->log.log, &err);
    if (r == 0 && (r = print_graph(context, out)) < 0)
        return sl_error_class(r); /* the context has the error */
    if (r == 0)
        r = probe_all(context, out, &err);
    if (r == 0)
        return 0;
    context->error = err;
    return sl_error_class(r);
}
