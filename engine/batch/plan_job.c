/* A line: prefix, suffix, slide_ms, "replace" or "-", digest of the operators, digest with durations; bytes
 * that would end a word are written as %XX, an empty word as "%". */
#include "engine/batch/plan_job.h"

#include "core/base/trust.h"
#include "core/contract/visits.h"
#include "engine/batch/batch.h"
#include "engine/graph/validate.h"
#include "output/manifest.h"
#include "output/output_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 6 };

/* ---- what the job is like ---- */

/* They do not decide what a batch with given files gives. */
static bool is_free_to_change(const char *name)
{
    static const char *const names[] = {
        "filter",         "newFilesOnly",        "minAge",        "complete",  "after",    "watch",
        "keep",           "pollInterval",        "latest",        "overwrite", "endpoint", "region",
        "profile",        "addressing",          "caFile",        "retry",     "maxRate",  "receivedLimit",
        "connectTimeout", "maxRatePerPartition", "failOnDataLoss"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool append_arg(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg,
                       bool durations)
{
    if (arg->kind == SL_ARG_FUNCTION)
        return sl_buf_printf(buf, " %s=%s", param->name,
                             arg->function->name[0] ? arg->function->name : "function");
    if (arg->kind != SL_ARG_VALUE || (!durations && param->want & SL_WANT_DURATION) ||
        param->want & SL_WANT_SETTINGS)
        return true;
    return sl_buf_printf(buf, " %s=%016" PRIx64, param->name, sl_field_partition_hash(&arg->value));
}

/* A stream that is used twice is written once, then as its position among those written. */
static bool append_operators(struct sl_buf *buf, const struct sl_node *node, bool durations,
                             struct sl_visits *visits)
{
    unsigned position = sl_visit(visits, node);
    if (position)
        return sl_buf_printf(buf, "=%u", position);
    const struct sl_param *params = node->op->params, *options = node->op->options;
    bool ok = sl_buf_text(buf, node->op->name);
    for (unsigned i = 0; ok && params && params[i].name; i++)
        ok = append_arg(buf, &params[i], &node->arg[i], durations);
    for (unsigned i = 0; ok && options && options[i].name; i++)
        ok = is_free_to_change(options[i].name) || append_arg(buf, &options[i], &node->option[i], durations);
    if (ok && durations)
        ok = sl_buf_printf(buf, " /%" PRId64 "/%" PRId64, node->slide_ms, node->window_ms);
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = sl_buf_byte(buf, '(') && append_operators(buf, node->input[i], durations, visits) &&
             sl_buf_byte(buf, ')');
    return ok;
}

static bool append_digest(struct sl_buf *buf, const struct sl_node *node, bool durations)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_visits visits = {0};
    if (!append_operators(&text, node, durations, &visits))
        return false;
    struct sl_field all = sl_string(text.bytes, text.len);
    return sl_buf_printf(buf, " %016" PRIx64, sl_field_partition_hash(&all));
}

static bool append_word(struct sl_buf *buf, struct sl_field text)
{
    if (!(text.tag == SL_STR && text.len))
        sl_buf_byte(buf, '%');
    for (uint32_t i = 0; text.tag == SL_STR && i < text.len; i++)
        if (text.str[i] > ' ' && text.str[i] != '%')
            sl_buf_byte(buf, text.str[i]);
        else
            sl_buf_printf(buf, "%%%02X", text.str[i]);
    return !buf->failed;
}

static struct sl_field param_of(const struct sl_node *node, const char *name)
{
    for (unsigned i = 0; node->op->params && node->op->params[i].name; i++)
        if (strcmp(node->op->params[i].name, name) == 0)
            return sl_node_value(node, i);
    return sl_nil();
}

static bool makes_directories(const struct sl_node *node)
{
    return node->op->kind == SL_OP_OUTPUT && node->op->output->manifest &&
           param_of(node, "prefix").tag == SL_STR;
}

static bool may_replace(const struct sl_node *node)
{
    for (unsigned i = 0; node->op->options && node->op->options[i].name; i++)
        if (strcmp(node->op->options[i].name, "overwrite") == 0)
            return node->option[i].kind == SL_ARG_VALUE && node->option[i].value.tag == SL_BOOL &&
                   node->option[i].value.boolean;
    return false;
}

static bool append_output(struct sl_buf *buf, const struct sl_node *node)
{
    return append_word(buf, param_of(node, "prefix")) && sl_buf_byte(buf, ' ') &&
           append_word(buf, param_of(node, "suffix")) &&
           sl_buf_printf(buf, " %" PRId64 " %s", node->slide_ms, may_replace(node) ? "replace" : "-") &&
           append_digest(buf, node, false) && append_digest(buf, node, true) && sl_buf_byte(buf, '\n');
}

int sl_plan_job_make(struct sl_run *run, struct sl_error *err)
{
    struct sl_buf text = {0};
    bool ok = true;
    for (size_t n = 0; ok && n < run->pipelines->nodes; n++)
        ok = !makes_directories(run->pipelines->node[n]) || append_output(&text, run->pipelines->node[n]);
    if (!ok || !sl_buf_byte(&text, 0)) {
        sl_buf_done(&text);
        return sl_error_nomem(err);
    }
    free(run->job_text);
    run->job_text = (char *)text.bytes;
    return 0;
}

/* ---- reading it ---- */

struct line {
    char *copy, *word[WORDS];
    int64_t slide_ms;
};

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void unescape(char *word)
{
    char *to = word;
    for (const char *at = word; *at; at++) {
        int high = *at == '%' ? digit_of(at[1]) : -1, low = high >= 0 ? digit_of(at[2]) : -1;
        if (*at != '%')
            *to++ = *at;
        if (low < 0)
            continue;
        *to++ = (char)(high << 4 | low);
        at += 2;
    }
    *to = 0;
}

/* The line at *at, which moves to the next. 1, 0 at the end, or a failure. */
static int next_line(const char **at, struct line *ret, struct sl_error *err)
{
    size_t len = strcspn(*at, "\n");
    if (!len)
        return 0;
    char *copy = strndup(*at, len), *rest = copy;
    if (!copy)
        return sl_error_nomem(err);
    *ret = (struct line){.copy = copy};
    for (int i = 0; i < WORDS; i++) {
        char *word = strsep(&rest, " ");
        ret->word[i] = word ? word : copy + len;
    }
    unescape(ret->word[0]);
    unescape(ret->word[1]);
    ret->slide_ms = strtoll(ret->word[2], NULL, 10);
    *at += len + ((*at)[len] == '\n');
    return 1;
}

int sl_plan_job_each(const char *planned, sl_plan_job_visit *visit, void *arg, struct sl_error *err)
{
    struct line line;
    int r = 0;
    for (const char *at = planned ? planned : ""; r == 0 && (r = next_line(&at, &line, err)) > 0;) {
        const struct sl_plan_directory directory = {line.word[0], line.word[1],
                                                    strcmp(line.word[3], "replace") == 0};
        r = visit(arg, &directory, err);
        free(line.copy);
    }
    return r;
}

/* The output of `text` that has the names of this one: 1 and the line; 0: none. */
static int find_line(const char *text, const struct line *like, struct line *ret, struct sl_error *err)
{
    int r;
    for (const char *at = text; (r = next_line(&at, ret, err)) > 0; free(ret->copy))
        if (strcmp(ret->word[0], like->word[0]) == 0 && strcmp(ret->word[1], like->word[1]) == 0)
            return 1;
    return r;
}

/* ---- the same job ---- */

static int refuse(struct sl_error *err, int64_t t, const struct line *was, const char *what, bool accepts)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf name = {0};
    if (!sl_buf_safe(&name, was->word[0], strlen(was->word[0])) || !sl_buf_byte(&name, 0))
        return sl_error_nomem(err);
    return sl_error_set(err, SL_EUSAGE,
                        "batch %" PRId64
                        " was planned and not committed, and the job has changed since: the output %s %s; "
                        "run the job as it was once with --once%s, or quarantine the files of the batch with "
                        "sluice reset --skip %" PRId64,
                        t, (const char *)name.bytes, what,
                        accepts ? ", redo the batch as the job is now with --accept-changes" : "", t);
}

static int compare_line(const struct sl_run *run, const struct line *was, int64_t t, struct sl_error *err)
{
    struct line is = {0};
    char what[160];
    int r = find_line(run->job_text, was, &is, err);
    if (r < 0)
        return r;
    bool accepts = run->options->accept_changes;
    if (r == 0)
        return accepts ? 0 : refuse(err, t, was, "is missing", true);
    bool had_batch = was->slide_ms > 0 && t % was->slide_ms == 0;
    bool has_batch = is.slide_ms > 0 && t % is.slide_ms == 0;
    snprintf(what, sizeof what, "came every %" PRId64 " ms and comes every %" PRId64 " ms", was->slide_ms,
             is.slide_ms);
    if (had_batch && !has_batch)
        r = refuse(err, t, was, what, false);
    else if (!accepts && was->slide_ms != is.slide_ms)
        r = refuse(err, t, was, what, true);
    else if (!accepts && strcmp(was->word[4], is.word[4]) != 0)
        r = refuse(err, t, was, "has other operators, parameters or options", true);
    else if (!accepts && strcmp(was->word[5], is.word[5]) != 0)
        r = refuse(err, t, was, "has other durations", true);
    else
        r = 0;
    free(is.copy);
    return r;
}

/* Planned by a version that kept nothing of the job. */
static int check_times(const struct sl_run *run, int64_t t, struct sl_error *err)
{
    int64_t interval_ms = run->context->options.interval_ms;
    if (t % interval_ms == 0)
        return 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "batch %" PRId64 " was planned and not committed, and the interval has changed since: "
        "%" PRId64 " is no multiple of %" PRId64 " ms; run the job as it was once with --once, "
        "or quarantine the files of the batch with sluice reset --skip %" PRId64,
        t, t, interval_ms, t);
}

int sl_plan_job_check(const struct sl_run *run, const char *planned, int64_t batch_ms, struct sl_error *err)
{
    struct line line;
    int r = planned && planned[0] ? 0 : check_times(run, batch_ms, err);
    for (const char *at = planned ? planned : ""; r == 0 && (r = next_line(&at, &line, err)) > 0;) {
        r = compare_line(run, &line, batch_ms, err);
        free(line.copy);
    }
    return r;
}

/* ---- what was shown ---- */

struct shown {
    struct sl_batch *batch;
    struct sl_manifest *made; /* [nodes]; path NULL: nothing */
};

static struct sl_manifest *find_made(const struct shown *shown, const char *path)
{
    for (size_t n = 0; n < shown->batch->run->pipelines->nodes; n++)
        if (shown->made[n].path && strcmp(shown->made[n].path, path) == 0)
            return &shown->made[n];
    return NULL;
}

static int compare_shown(const struct shown *shown, int parent_fd, const struct sl_output_dir *place,
                         bool replaces, struct sl_error *err)
{
    struct sl_io *io = shown->batch->run->services.io;
    const struct sl_manifest *made = find_made(shown, place->shown);
    struct statx st;
    bool is_same = false;
    int r = 0;
    if (!made) /* else its writer needs it */
        r = sl_io_remove_tree(io, parent_fd, place->hidden, err);
    if (r < 0 || replaces)
        return r;
    if (io->ops->statx(io, parent_fd, place->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
        return errno == ENOENT ? 0 : sl_error_sys(err, errno, "looking at %s", place->shown);
    if (made)
        r = sl_manifest_matches(io, parent_fd, place->name, place->shown, made, false, &is_same, err);
    if (r < 0 || is_same)
        return r;
    return sl_error_set(
        err, SL_EDAMAGED,
        "%s exists, and batch %" PRId64 ", which was planned before a restart and may have "
        "shown it, %s now; bring back its inputs and the job as they were, or move the directory "
        "away if nothing has read it",
        place->shown, shown->batch->t, made ? "writes something else" : "would not make it");
}

static int visit_directory(void *arg, const struct sl_plan_directory *directory, struct sl_error *err)
{
    struct shown *shown = arg;
    const struct sl_services *services = &shown->batch->run->services;
    struct sl_output_dir place;
    int r =
        sl_output_dir_init(&place, sl_string((const uint8_t *)directory->prefix, strlen(directory->prefix)),
                           sl_string((const uint8_t *)directory->suffix, strlen(directory->suffix)),
                           shown->batch->t, services->owner, err);
    if (r < 0)
        return r;
    struct sl_error why = {0};
    int fd = sl_trust_open_dir(services->io, services->job_dirfd, place.parent, &why);
    if (fd >= 0) {
        r = compare_shown(shown, fd, &place, directory->replaces, err);
        sl_io_close(services->io, fd);
    } else if (why.sys != ENOENT) {
        *err = why;
        r = fd;
    }
    sl_output_dir_done(&place);
    return r;
}

int sl_plan_job_check_shown(struct sl_batch *batch, struct sl_error *err)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    struct shown shown = {batch, calloc(pipelines->nodes + 1, sizeof *shown.made)};
    int r = shown.made ? 0 : sl_error_nomem(err);
    for (size_t n = 0; n < pipelines->nodes && r == 0; n++) {
        const struct sl_op *op = pipelines->node[n]->op;
        if (op->kind == SL_OP_OUTPUT && op->output->manifest && batch->stage[n] && batch->stage[n]->has_input)
            r = op->output->manifest(batch->stage[n], &shown.made[n]);
    }
    r = r < 0 ? r : sl_plan_job_each(batch->plan.job, visit_directory, &shown, err);
    for (size_t n = 0; shown.made && n < pipelines->nodes; n++)
        sl_manifest_done(&shown.made[n]);
    free(shown.made);
    return r;
}
