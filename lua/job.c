#include "lua/job.h"

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/base/trust.h"
#include "engine/graph/graph.h"
#include "lua/captured.h"
#include "lua/job_internal.h"
#include "lua/load.h"
#include "lua/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRIPT_BYTES_MAX = 16 << 20 };

/* ---- the script ---- */

static bool ends_in_lua(const char *path)
{
    size_t len = strlen(path);
    return len > 4 && strcmp(path + len - 4, ".lua") == 0;
}

static int refuse_unreadable(const char *path, int sys, struct sl_error *err)
{
    char with_suffix[4096];
    snprintf(with_suffix, sizeof with_suffix, "%s.lua", path);
    struct statx info;
    sl_error_sys(err, sys, "reading the job %s", path);
    err->code = SL_EUSAGE;
    if (sl_io_system.ops->statx(&sl_io_system, AT_FDCWD, with_suffix, 0, STATX_TYPE, &info) == 0)
        return sl_error_hint(err, "did you mean %s?", with_suffix);
    if (sys == EACCES)
        return sl_error_hint(err, "this user must be able to read it");
    if (ends_in_lua(path))
        return sl_error_hint(err, "give the path of a Lua script");
    return sl_error_hint(err, "give the path of a Lua script, or -e CODE; `sluice help run` shows how");
}

static int check_script(const char *path, struct sl_error *err)
{
    struct statx info;
    if (sl_io_system.ops->statx(&sl_io_system, AT_FDCWD, path, 0, STATX_BASIC_STATS, &info) < 0)
        return refuse_unreadable(path, errno, err);
    if (!S_ISREG(info.stx_mode))
        return sl_error_set(err, SL_EUSAGE, "%s is not a regular file; give the path of a Lua script", path);
    return sl_trust_as_root(&sl_io_system, path, "run it", err); /* a job is code */
}

static int read_script(struct sl_job *job, struct sl_error *err)
{
    const struct sl_job_options *options = job->options;
    if (options->code) {
        job->text = strdup(options->code);
        job->text_len = strlen(options->code);
        return job->text ? 0 : sl_error_nomem(err);
    }
    int r = check_script(options->path, err);
    if (r < 0)
        return r;
    r = sl_io_read_file(&sl_io_system, AT_FDCWD, options->path, SCRIPT_BYTES_MAX, &job->text, &job->text_len,
                        err);
    if (r == SL_EFAIL && err->sys)
        return refuse_unreadable(options->path, err->sys, err);
    if (r == SL_EFAIL)
        err->code = SL_EUSAGE;
    return r == SL_EFAIL ? SL_EUSAGE : r;
}

/* "jobs/wordcount.lua": name "wordcount", directory "jobs". */
static int split_path(struct sl_job *job, struct sl_error *err)
{
    const char *path = job->options->path, *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t len = strlen(base);
    if (len > 4 && strcmp(base + len - 4, ".lua") == 0)
        len -= 4;
    job->name = strndup(base, len);
    job->dir = !slash || job->options->code ? strdup(".")
                                            : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    return job->name && job->dir ? 0 : sl_error_nomem(err);
}

/* ---- workers ---- */

/* The job line at the end of a node's line. */
static long job_line(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] != ':')
        len--;
    return strtol(text + len, NULL, 10);
}

/* Compares the descriptions line by line; SL_EUSAGE at the first that differs. */
static int compare_graphs(const struct sl_job *job, const struct sl_buf *main, const struct sl_buf *other,
                          struct sl_error *err)
{
    if (main->len == other->len && memcmp(main->bytes, other->bytes, main->len) == 0)
        return 0;
    size_t start = 0, at = 0;
    for (; at < main->len && at < other->len && main->bytes[at] == other->bytes[at]; at++)
        if (main->bytes[at] == '\n')
            start = at + 1;
    const struct sl_buf *longer = main->len > other->len ? main : other;
    const char *line = (const char *)longer->bytes + start;
    size_t len = strcspn(line, "\n");
    return sl_error_set(
        err, SL_EUSAGE,
        "%s:%ld: the script declares another graph each time it is loaded, here \"%.*s\"; its top level "
        "must not depend on time, random numbers or anything else that changes",
        job->options->path, job_line(line, len), (int)len, line);
}

static int describe(struct sl_context *context, struct sl_buf *buf, struct sl_error *err)
{
    sl_buf_init(buf);
    bool is_complete = sl_context_describe(context, buf) && sl_buf_byte(buf, '\0');
    return is_complete ? 0 : sl_error_nomem(err);
}

static int check_same_graph(const struct sl_job *job, const struct sl_copy *copy, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf main = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf other = {0};
    int r = describe(job->main->context, &main, err);
    if (r == 0)
        r = describe(copy->context, &other, err);
    if (r == 0)
        r = compare_graphs(job, &main, &other, err);
    if (r == 0 && job->main->functions != copy->functions)
        r = sl_error_set(err, SL_EUSAGE,
                         "%s: the script makes %u functions when loaded first and %u the next time",
                         job->options->path, job->main->functions, copy->functions);
    return r;
}

/* A worker needs its functions only: the graph, which proved equal, is freed. */
static int load_worker(struct sl_job *job, struct sl_copy *copy, struct sl_error *err)
{
    int r = sl_copy_load(copy, err);
    if (r == 0)
        r = check_same_graph(job, copy, err);
    r = r < 0 ? r : sl_captured_check(job, copy, err);
    if (r < 0)
        return r;
    sl_copy_strip(copy);
    return 0;
}

int sl_job_add_workers(struct sl_job *job, unsigned workers, struct sl_error *err)
{
    sl_copy_seal(job->main);
    struct sl_copy **grown = realloc(job->worker, workers * sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    job->worker = grown;
    while (job->workers < workers) {
        struct sl_copy *copy = NULL;
        int r = sl_copy_new(job, job->workers + 1, &copy, err);
        if (r < 0)
            return r;
        job->worker[job->workers++] = copy;
        r = load_worker(job, copy, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int64_t timeout_ms(const struct sl_job *job)
{
    return job->main->context->options.function_timeout_ms;
}

/* sl_run's hook. */
static int prepare_workers(void *arg, unsigned workers, char *message, size_t message_size)
{
    struct sl_job *job = arg;
    struct sl_error err;
    int r = sl_job_add_workers(job, workers, &err);
    if (r == 0 && !job->watchdog)
        r = sl_watchdog_new(job, timeout_ms(job), &job->watchdog, &err);
    if (r < 0)
        snprintf(message, message_size, "%s", err.text);
    return r;
}

static int digest_functions(void *arg, uint64_t *ret, struct sl_error *err)
{
    return sl_captured_digest(arg, ret, err);
}

/* ---- the job ---- */

static int prepare(struct sl_job *job, struct sl_error *err)
{
    int r = split_path(job, err);
    if (r == 0)
        r = read_script(job, err);
    return r == 0 ? sl_copy_new(job, 0, &job->main, err) : r;
}

int sl_job_new(const struct sl_job_options *options, struct sl_job **ret, struct sl_error *err)
{
    struct sl_job *job = calloc(1, sizeof *job);
    if (!job)
        return sl_error_nomem(err);
    job->options = options;
    int r = prepare(job, err);
    if (r < 0) {
        sl_job_free(job);
        return r;
    }
    *ret = job;
    return 0;
}

int sl_job_load(const struct sl_job_options *options, struct sl_job **ret, struct sl_error *err)
{
    struct sl_job *job;
    int r = sl_job_new(options, &job, err);
    if (r < 0)
        return r;
    job->loaded_s = options->loaded_s ? (time_t)options->loaded_s : time(NULL);
    r = sl_copy_load(job->main, err);
    if (r == 0)
        r = sl_context_on_workers(job->main->context, prepare_workers, job);
    if (r == 0) {
        job->main->context->digest_functions = digest_functions;
        job->main->context->digest_functions_arg = job;
        job->main->context->loaded_s = job->loaded_s;
    }
    if (r < 0) {
        sl_job_free(job);
        return r;
    }
    *ret = job;
    return 0;
}

struct sl_context *sl_job_context(struct sl_job *job)
{
    return job->main->context;
}

void sl_job_free(struct sl_job *job)
{
    if (!job)
        return;
    sl_watchdog_free(job->watchdog);
    for (unsigned i = 0; i < job->workers; i++)
        sl_copy_free(job->worker[i]);
    free(job->worker);
    sl_copy_free(job->main);
    sl_buf_done(&job->captured);
    free(job->text);
    free(job->name);
    free(job->dir);
    free(job);
}

const char *sl_lua_release(void)
{
    return LUA_RELEASE;
}
