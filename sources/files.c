#include "sources/files.h"

#include "core/error.h"
#include "text/decompress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct part {
    size_t file;
    int64_t from, to;
};

static struct sl_file_source *own(struct sl_source *source)
{
    return (struct sl_file_source *)source;
}

/* ---- opening ---- */

/* The text of a string option in the graph's memory, with a NUL behind it; NULL where it was not given. */
static char *option_text(const struct sl_node *node, const char *name, char *text, size_t size)
{
    struct sl_arg arg = sl_node_option(node, name);
    if (arg.kind != SL_ARG_VALUE || arg.value.tag != SL_STR || arg.value.len >= size)
        return NULL;
    memcpy(text, arg.value.str, arg.value.len);
    text[arg.value.len] = 0;
    return text;
}

static int64_t option_integer(const struct sl_node *node, const char *name, int64_t fallback)
{
    struct sl_arg arg = sl_node_option(node, name);
    return arg.kind == SL_ARG_VALUE && arg.value.tag == SL_INT ? arg.value.integer : fallback;
}

static bool option_is_true(const struct sl_node *node, const char *name)
{
    struct sl_arg arg = sl_node_option(node, name);
    return arg.kind == SL_ARG_VALUE && arg.value.tag == SL_BOOL && arg.value.boolean;
}

enum { TEXT_MAX = 4096, POLL_INTERVAL_MS = 5000 };

/* What arrivals borrow until they are closed. */
struct texts {
    char dir[TEXT_MAX], glob[TEXT_MAX], complete[TEXT_MAX];
};

struct opened {
    struct sl_file_source source; /* first */
    struct texts texts;
};

static int fill_options(const struct sl_node *node, struct texts *texts, struct sl_arrivals_options *ret,
                        struct sl_error *err)
{
    char watch[16];
    const char *how = option_text(node, "watch", watch, sizeof watch);
    *ret = (struct sl_arrivals_options){
        .existing = !option_is_true(node, "newFilesOnly"),
        .glob = option_text(node, "filter", texts->glob, sizeof texts->glob),
        .complete = option_text(node, "complete", texts->complete, sizeof texts->complete),
        .age_min_ms = option_integer(node, "minAge", 0),
        .poll_interval_ms = option_integer(node, "pollInterval", POLL_INTERVAL_MS),
        .watch = SL_WATCH_AUTO,
    };
    if (!how || strcmp(how, "auto") == 0)
        return 0;
    if (strcmp(how, "inotify") != 0 && strcmp(how, "poll") != 0)
        return sl_error_set(err, SL_EUSAGE, "%s:%d: watch must be \"auto\", \"inotify\" or \"poll\"",
                            node->site.file, node->site.line);
    ret->watch = strcmp(how, "poll") == 0 ? SL_WATCH_POLL : SL_WATCH_INOTIFY;
    return 0;
}

int sl_file_source_open(const struct sl_node *node, const struct sl_services *services, sl_file_reader *read,
                        bool splits, struct sl_source **ret, struct sl_error *err)
{
    struct opened *opened = calloc(1, sizeof *opened);
    struct sl_field dir = sl_node_value(node, 0);
    struct sl_arrivals_options options;
    if (!opened)
        return sl_error_nomem(err);
    opened->source.source.node = node;
    opened->source.services = services;
    opened->source.read = read;
    opened->source.splits = splits;
    int r = fill_options(node, &opened->texts, &options, err);
    if (r == 0 && (dir.len == 0 || dir.len >= TEXT_MAX || memchr(dir.str, 0, dir.len)))
        r = sl_error_set(err, SL_EUSAGE, "%s:%d: %s needs the path of a directory", node->site.file,
                         node->site.line, node->op->name);
    if (r == 0) {
        memcpy(opened->texts.dir, dir.str, dir.len);
        r = services->open_arrivals(services, opened->texts.dir, &options, &opened->source.arrivals, err);
    }
    if (r < 0) {
        free(opened);
        return r;
    }
    *ret = &opened->source.source;
    return 0;
}

static void forget_batch(struct sl_file_source *source)
{
    free(source->origin);
    free(source->part);
    source->origin = NULL;
    source->part = NULL;
    source->parts = 0;
    source->files = NULL;
}

void sl_file_source_close(struct sl_source *source)
{
    struct sl_file_source *files = own(source);
    forget_batch(files);
    files->arrivals->ops->close(files->arrivals);
    free(files);
}

/* ---- the files of a batch ---- */

static size_t splits_of(const struct sl_file_source *source, const struct sl_file *file)
{
    if (!source->splits || sl_name_is_compressed(file->path))
        return 1;
    return (size_t)((file->size + SL_SPLIT_BYTES - 1) / SL_SPLIT_BYTES);
}

static void cut_file(struct sl_file_source *source, size_t f)
{
    const struct sl_file *file = &source->files->file[f];
    size_t splits = splits_of(source, file);
    source->origin[f] = (struct sl_origin){file->path, file->mtime_ns / 1000000, (uint32_t)source->parts};
    for (size_t i = 0; i < splits; i++) {
        int64_t from = (int64_t)i * SL_SPLIT_BYTES, to = from + SL_SPLIT_BYTES;
        source->part[source->parts++] = (struct part){f, from, i + 1 == splits ? file->size : to};
    }
}

static int cut_files(struct sl_file_source *source, const struct sl_files *files, struct sl_error *err)
{
    size_t parts = 0;
    forget_batch(source);
    source->files = files;
    for (size_t f = 0; f < files->count; f++)
        parts += splits_of(source, &files->file[f]);
    source->origin = calloc(files->count + 1, sizeof *source->origin);
    source->part = calloc(parts + 1, sizeof *source->part);
    if (!source->origin || !source->part)
        return sl_error_nomem(err);
    for (size_t f = 0; f < files->count; f++)
        cut_file(source, f);
    return 0;
}

int sl_file_source_take(struct sl_source *source, int64_t t, uint64_t batch_number,
                        const struct sl_limits *limits, struct sl_files *plan, bool *ret_any,
                        struct sl_error *err)
{
    struct sl_file_source *files = own(source);
    (void)t;
    (void)batch_number;
    int r = files->arrivals->ops->take(files->arrivals, limits->files_max, limits->bytes_max, plan, err);
    *ret_any = plan->count > 0;
    return r < 0 ? r : cut_files(files, plan, err);
}

int sl_file_source_resume(struct sl_source *source, int64_t t, const struct sl_files *plan,
                          struct sl_error *err)
{
    (void)t;
    return cut_files(own(source), plan, err);
}

bool sl_file_source_pending(struct sl_source *source)
{
    struct sl_arrivals *arrivals = own(source)->arrivals;
    return arrivals->ops->pending(arrivals);
}

int sl_file_source_refresh(struct sl_source *source, struct sl_error *err)
{
    struct sl_arrivals *arrivals = own(source)->arrivals;
    return arrivals->ops->refresh(arrivals, err);
}

int sl_file_source_remember(struct sl_source *source, const struct sl_files *files, struct sl_error *err)
{
    struct sl_arrivals *arrivals = own(source)->arrivals;
    return arrivals->ops->remember(arrivals, files, err);
}

int sl_file_source_gone(struct sl_source *source, struct sl_files *ret, struct sl_error *err)
{
    struct sl_arrivals *arrivals = own(source)->arrivals;
    return arrivals->ops->gone(arrivals, ret, err);
}

uint64_t sl_file_source_failures(struct sl_source *source)
{
    return atomic_exchange(&own(source)->failures, 0);
}

size_t sl_file_source_partitions(struct sl_source *source)
{
    return own(source)->parts;
}

/* ---- reading ---- */

static int64_t born_ns(const struct statx *st)
{
    if (!(st->stx_mask & STATX_BTIME))
        return INT64_MIN;
    return (int64_t)st->stx_btime.tv_sec * 1000000000 + st->stx_btime.tv_nsec;
}

/* Opens the file that was planned: the same identity, and at least as long. */
static int open_file(struct sl_file_source *source, const struct sl_file *file, struct sl_error *err)
{
    struct sl_io *io = source->services->io;
    struct statx st;
    int fd =
        sl_io_open(io, source->services->job_dirfd, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
    if (fd < 0)
        return fd;
    int r = 0;
    if (io->ops->statx(io, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        r = sl_error_sys(err, errno, "reading %s", file->path);
    else if (st.stx_ino != file->inode || born_ns(&st) != file->born_ns)
        r = sl_error_set(err, SL_EFAIL, "reading %s: another file has taken its place", file->path);
    else if ((int64_t)st.stx_size < file->size)
        r = sl_error_set(err, SL_EFAIL, "reading %s: it shrank from %lld to %llu bytes", file->path,
                         (long long)file->size, (unsigned long long)st.stx_size);
    if (r < 0)
        sl_io_close(io, fd);
    return r < 0 ? r : fd;
}

/* A file that cannot be read is set aside, once, however many parts it has. */
static int set_aside(struct sl_file_source *source, const struct part *part, const struct sl_error *err)
{
    if (part->from)
        return 0;
    atomic_fetch_add(&source->failures, 1);
    sl_log(source->services->log, SL_LOG_WARNING, "file set aside: %s", err->text);
    return 0;
}

int sl_file_source_read(struct sl_source *base, size_t p, struct sl_task *task, struct sl_outlet *out,
                        uint64_t *ret_lines)
{
    struct sl_file_source *source = own(base);
    const struct part *part = &source->part[p];
    const struct sl_file *file = &source->files->file[part->file];
    int fd = open_file(source, file, task->err);
    *ret_lines = 0;
    if (fd == SL_EFAIL)
        return set_aside(source, part, task->err);
    if (fd < 0)
        return fd;
    struct sl_file_part opened = {source, fd, file, &source->origin[part->file], part->from, part->to};
    int r = source->read(&opened, task, out, ret_lines);
    sl_io_close(source->services->io, fd);
    return r;
}
