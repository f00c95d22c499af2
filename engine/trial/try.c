/* sl_try: one batch of given files, and what every operator made of it. */
#include "engine/trial/try.h"
#include "engine/batch/deadletter.h"
#include "engine/graph/graph_text.h"
#include "engine/graph/lead.h"
#include "engine/graph/validate.h"
#include "engine/trial/dry_run.h"
#include "text/format.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLE_BYTES_MAX = 160, LETTERS_SHOWN = 10 };

/* What was seen of one operator. */
struct seen {
    uint64_t in, out, rejected, late;
    size_t samples;
    struct sl_buf *sample; /* [samples_max] */
};

struct preview {
    struct sl_dry_run trial; /* first */
    struct sl_observer observer;
    struct sl_context *context;
    struct seen *seen;     /* [nodes] */
    size_t samples_max;    /* rows shown of each */
    struct sl_buf letters; /* dead letters, a line of JSON each */
    struct sl_buf late;    /* the same of records that were too late for their windows */
};

/* ---- looking ---- */

static int keep_sample(struct seen *seen, const struct sl_chunk *rows, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_chunk one = {.rows = 1, .width = rows->width};
    uint64_t replaced = 0;
    sl_chunk_row(rows, row, fields);
    for (uint32_t c = 0; c < one.width; c++)
        one.column[c] = &fields[c];
    return sl_format_find("tsv", 3)->rows(&seen->sample[seen->samples++], &one, &replaced) ? 0 : SL_ENOMEM;
}

static int look(struct sl_observer *observer, const struct sl_node *node, const struct sl_chunk *rows)
{
    struct preview *preview = (struct preview *)((char *)observer - offsetof(struct preview, observer));
    struct seen *seen = &preview->seen[node->number];
    int r = 0;
    seen->out += rows->rows;
    if (!seen->sample)
        seen->sample = calloc(preview->samples_max + 1, sizeof *seen->sample);
    if (!seen->sample)
        return SL_ENOMEM;
    for (uint32_t row = 0; r == 0 && row < rows->rows && seen->samples < preview->samples_max; row++)
        r = keep_sample(seen, rows, row);
    return r;
}

/* What went into operators, and what they refused. */
static int count(struct sl_dry_run *trial, struct sl_batch *batch, struct sl_error *err)
{
    struct preview *preview = (struct preview *)trial;
    const struct sl_run *run = batch->run;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        preview->seen[n].in += batch->rows[n];
        preview->seen[n].rejected += run->rejects.failed[n];
        preview->seen[n].late += run->late.failed[n];
    }
    sl_deadletter_format(batch, &preview->letters);
    sl_deadletter_format_late(batch, &preview->late);
    return preview->letters.failed || preview->late.failed ? sl_error_nomem(err) : 0;
}

/* ---- which source gets which file ---- */

static const char *directory_of(const struct sl_context *context, size_t n, char text[PATH_MAX])
{
    const struct sl_node *node = &context->stream[n]->node;
    return node->op->kind == SL_OP_SOURCE && !node->op->is_table ? sl_source_name(node, text, PATH_MAX)
                                                                 : NULL;
}

/* Whether source n, which reads `dir`, relative to the job, reads files of the directory in which the file lies. */
static bool reads(const struct sl_context *context, size_t n, const char *dir, const char *path)
{
    char watched[PATH_MAX], parent[PATH_MAX], real_parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof parent)
        return false;
    snprintf(parent, sizeof parent, "%.*s", len ? (int)len : 1, len ? path : slash ? "/" : ".");
    return sl_lead_resolve(context->dir, dir, watched) && realpath(parent, real_parent) &&
           sl_node_reads(&context->stream[n]->node, watched, real_parent);
}

static int refuse_file(const struct sl_context *context, const char *path, struct sl_error *err)
{
    char text[PATH_MAX];
    const char *separator = "";
    sl_error_set(err, SL_EUSAGE, "which source is %s for? say DIRECTORY=%s, where the job's directories are ",
                 path, path);
    for (size_t n = 0; n < context->nodes; n++) {
        const char *dir = directory_of(context, n, text);
        size_t len = strlen(err->text);
        if (!dir)
            continue;
        snprintf(err->text + len, sizeof err->text - len, "%s%s", separator, dir);
        separator = ", ";
    }
    return SL_EUSAGE;
}

/* The directory whose source gets the file: said, found by where the file lies, or the only one there is. */
static int find_directory(const struct sl_context *context, const char *argument, char ret[PATH_MAX],
                          const char **ret_path, struct sl_error *err)
{
    size_t directories = 0;
    char text[PATH_MAX];
    *ret_path = argument;
    for (size_t n = 0; n < context->nodes; n++) {
        const char *dir = directory_of(context, n, text);
        size_t len = dir ? strlen(dir) : 0;
        bool is_said = dir && strncmp(argument, dir, len) == 0 && argument[len] == '=';
        if (!dir)
            continue;
        bool is_its = is_said || reads(context, n, dir, argument);
        if (directories++ == 0 || is_its)
            memcpy(ret, text, len + 1);
        if (is_said)
            *ret_path = argument + len + 1;
        if (is_its)
            return 0;
    }
    if (directories == 0)
        return sl_error_set(err, SL_EUSAGE, "the job reads no files, so %s has no source", argument);
    return directories == 1 ? 0 : refuse_file(context, argument, err);
}

/* A file a batch; those that are left over come in the last. */
static size_t batch_of(const struct preview *preview, size_t file)
{
    size_t last = preview->trial.batches - 1;
    return file < last ? file : last;
}

static bool reads_files(const struct sl_context *context)
{
    char text[PATH_MAX];
    for (size_t n = 0; n < context->nodes; n++)
        if (directory_of(context, n, text))
            return true;
    return false;
}

static int give_files(struct preview *preview, const char *const *files, size_t files_count,
                      struct sl_error *err)
{
    int r = 0;
    if (files_count == 0 && reads_files(preview->context))
        return sl_error_set(err, SL_EUSAGE, "which files? give the paths of some that the job would read");
    for (size_t i = 0; i < files_count && r == 0; i++) {
        char dir[PATH_MAX];
        const char *path;
        r = find_directory(preview->context, files[i], dir, &path, err);
        if (r == 0)
            r = sl_fed_files_add_file(&preview->trial.given, dir, path, batch_of(preview, i), err);
        if (r == SL_EFAIL)
            r = err->code = SL_EUSAGE;
    }
    return r;
}

/* ---- showing ---- */

static void add_counts(struct sl_buf *text, const struct sl_node *node, const struct seen *seen)
{
    sl_buf_text(text, "            ");
    if (node->inputs)
        sl_buf_printf(text, "in %llu", (unsigned long long)seen->in);
    if (node->op->kind != SL_OP_OUTPUT)
        sl_buf_printf(text, "%sout %llu", node->inputs ? ", " : "", (unsigned long long)seen->out);
    if (seen->rejected)
        sl_buf_printf(text, ", rejected %llu", (unsigned long long)seen->rejected);
    if (seen->late)
        sl_buf_printf(text, ", late %llu", (unsigned long long)seen->late);
    sl_buf_byte(text, '\n');
}

/* Tabs between fields stay, what else could disturb a terminal does not. */
static void add_sample(struct sl_buf *text, const struct sl_buf *sample)
{
    const uint8_t *at = sample->bytes, *end = at + sample->len - 1; /* without the newline */
    bool is_cut = sample->len - 1 > SAMPLE_BYTES_MAX;
    if (is_cut)
        end = at + SAMPLE_BYTES_MAX;
    sl_buf_text(text, "              ");
    while (at < end) {
        const uint8_t *tab = memchr(at, '\t', (size_t)(end - at)), *to = tab ? tab : end;
        sl_buf_safe(text, at, (size_t)(to - at));
        if (tab)
            sl_buf_byte(text, '\t');
        at = tab ? tab + 1 : end;
    }
    sl_buf_text(text, is_cut ? "...\n" : "\n");
}

static void add_node(struct sl_buf *text, const struct sl_node *node, const struct seen *seen)
{
    sl_graph_text_line(text, node);
    add_counts(text, node, seen);
    for (size_t i = 0; i < seen->samples; i++)
        add_sample(text, &seen->sample[i]);
}

/* ---- dead letters, equal ones once ---- */

/* What makes letters equal: all from the operator to the message, which are next to each other. */
struct letter {
    const uint8_t *line;
    size_t len;
    const uint8_t *reason;
    size_t reason_len;
    uint64_t count;
};

static struct letter read_letter(const uint8_t *line, size_t len)
{
    static const char from[] = ",\"operator\":", to[] = ",\"record\":";
    struct letter letter = {line, len, line, len, 1};
    const uint8_t *begin = memmem(line, len, from, sizeof from - 1);
    const uint8_t *end = begin ? memmem(begin, (size_t)(line + len - begin), to, sizeof to - 1) : NULL;
    if (end) {
        letter.reason = begin;
        letter.reason_len = (size_t)(end - begin);
    }
    return letter;
}

static bool is_same_reason(const struct letter *a, const struct letter *b)
{
    return a->reason_len == b->reason_len && memcmp(a->reason, b->reason, a->reason_len) == 0;
}

/* The first letters of different reasons, each with the number of its like. Returns how many there are. */
static size_t gather_letters(const struct sl_buf *letters, struct letter ret[LETTERS_SHOWN], bool *ret_more)
{
    size_t count = 0;
    *ret_more = false;
    for (const uint8_t *at = letters->bytes, *end = at + letters->len, *newline; at < end; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        struct letter letter = read_letter(at, (size_t)(newline - at));
        size_t i = 0;
        while (i < count && !is_same_reason(&ret[i], &letter))
            i++;
        if (i < count)
            ret[i].count++;
        else if (count < LETTERS_SHOWN)
            ret[count++] = letter;
        else
            *ret_more = true;
    }
    return count;
}

static void add_letters(struct sl_buf *text, const char *heading, const struct sl_buf *letters)
{
    struct letter letter[LETTERS_SHOWN];
    bool is_more;
    if (letters->len != 0)
        sl_buf_printf(text, "%s:\n", heading);
    size_t count = gather_letters(letters, letter, &is_more);
    for (size_t i = 0; i < count; i++) {
        if (letter[i].count == 1)
            sl_buf_text(text, "  ");
        else
            sl_buf_printf(text, "  %llu times, first: ", (unsigned long long)letter[i].count);
        sl_buf_safe(text, letter[i].line, letter[i].len);
        sl_buf_byte(text, '\n');
    }
    if (is_more)
        sl_buf_text(text, "  ...\n");
}

/* ---- all of it ---- */

static int show(const struct preview *preview, FILE *out, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    for (size_t n = 0; n < preview->context->nodes; n++)
        add_node(&text, &preview->context->stream[n]->node, &preview->seen[n]);
    add_letters(&text, "dead letters", &preview->letters);
    add_letters(&text, "late records", &preview->late);
    if (text.failed)
        return sl_error_nomem(err);
    if (fwrite(text.bytes, 1, text.len, out) < text.len || fflush(out) != 0)
        return sl_error_sys(err, errno, "writing what was seen");
    return 0;
}

/* ---- the whole ---- */

/* The first time at which every stream emits; where that is too far away, the slowest stream's. */
static int64_t time_of_all(const struct sl_context *context)
{
    int64_t t = context->options.interval_ms;
    for (size_t n = 0; n < context->nodes; n++) {
        int64_t slide = context->stream[n]->node.slide_ms, a = t, b = slide, multiple;
        while (b) {
            int64_t rest = a % b;
            a = b;
            b = rest;
        }
        if (__builtin_mul_overflow(t / a, slide, &multiple))
            return slide;
        t = multiple;
    }
    return t;
}

static int try_files(struct preview *preview, const char *const *files, size_t count_files, FILE *out,
                     struct sl_error *err)
{
    int r = give_files(preview, files, count_files, err);
    if (r == 0)
        r = sl_dry_run_run(preview->context, &preview->trial, err);
    return r == 0 ? show(preview, out, err) : r;
}

int sl_try_files(struct sl_context *context, const struct sl_try_options *options, FILE *out)
{
    struct sl_error err = {0};
    struct preview preview = {.observer = {look}, .context = context, .samples_max = options->rows};
    if (sl_context_status(context) != SL_OK)
        return sl_context_status(context);
    preview.trial.observer = &preview.observer;
    preview.trial.seen = count;
    preview.trial.batches = options->batches;
    preview.trial.finishes = options->finishes;
    preview.trial.first_ms = time_of_all(context);
    sl_fed_files_init(&preview.trial.given);
    preview.seen = calloc(context->nodes + 1, sizeof *preview.seen);
    int r = preview.seen ? try_files(&preview, options->files, options->files_count, out, &err)
                         : sl_error_nomem(&err);
    for (size_t n = 0; preview.seen && n < context->nodes; n++) {
        for (size_t i = 0; i < preview.seen[n].samples; i++)
            sl_buf_done(&preview.seen[n].sample[i]);
        free(preview.seen[n].sample);
    }
    free(preview.seen);
    sl_buf_done(&preview.letters);
    sl_buf_done(&preview.late);
    sl_fed_files_done(&preview.trial.given);
    if (r < 0)
        context->error = err;
    return sl_error_class(r);
}

int sl_try(struct sl_context *context, const char *const *files, size_t files_count, FILE *out)
{
    const struct sl_try_options options = {files, files_count, .rows = 3, .batches = 1};
    return sl_try_files(context, &options, out);
}
