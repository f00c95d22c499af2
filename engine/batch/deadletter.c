#include "engine/batch/deadletter.h"

#include "engine/batch/deadletter_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The lines of the file's partitions before this one. */
static uint64_t lines_before(void *arg, const struct sl_origin *origin, uint32_t partition)
{
    const struct sl_batch *batch = arg;
    uint64_t lines = 0;
    for (size_t s = 0; s < batch->run->sources; s++)
        for (size_t i = 0; i < batch->plan.files[s].count; i++)
            if (batch->plan.files[s].file[i].path == origin->path)
                for (uint32_t p = origin->first_task; p < partition && p < batch->partitions[s]; p++)
                    lines += batch->lines[s][p];
    return lines;
}

static void log_lines(struct sl_batch *batch, const struct sl_buf *text)
{
    const char *line = (const char *)text->bytes, *end = line + text->len;
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        sl_log(batch->run->services.log, SL_LOG_WARNING, "set aside: %.*s", (int)(newline - line), line);
        line = newline + 1;
    }
}

/* The file, its name, and the directory's own name are on disk before the batch is committed. */
static int sync_all(struct sl_run *run, const char *path, const char *dir, struct sl_error *err)
{
    struct sl_io *io = run->services.io;
    int fd = sl_io_open_file(io, run->services.job_dirfd, path, O_RDONLY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    int r = sl_io_sync(io, fd, path, err);
    sl_io_close(io, fd);
    r = r < 0 ? r : sl_io_sync_dir(io, run->services.job_dirfd, dir, err);
    return r < 0 ? r : sl_io_sync_dir(io, run->services.job_dirfd, run->checkpoint, err);
}

static int write_file(struct sl_batch *batch, const char *directory, const struct sl_buf *text,
                      struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct sl_io *io = run->services.io;
    SL_CLEANUP(sl_buf_done) struct sl_buf dir_buf = {0}, file_buf = {0};
    const char *dir = sl_buf_path(&dir_buf, "%s/%s", run->checkpoint, directory);
    const char *file =
        sl_buf_path(&file_buf, "%s/%s/%lld.jsonl", run->checkpoint, directory, (long long)batch->t);
    int dirfd = run->services.job_dirfd;
    int r = dir && file ? sl_io_make_dirs(io, dirfd, dir, 0700, err) : sl_error_nomem(err);
    r = r < 0 ? r : sl_io_replace_file(io, dirfd, file, text->bytes, text->len, err);
    r = r < 0 ? r : sync_all(run, file, dir, err);
    if (r == 0)
        sl_deadletter_limit_added(batch, text->len);
    return r;
}

static bool format(struct sl_batch *batch, struct sl_rejects *rejects, struct sl_buf *buf)
{
    return rejects->total == 0 || sl_rejects_format(rejects, batch->t, lines_before, batch, buf);
}

void sl_deadletter_format(struct sl_batch *batch, struct sl_buf *buf)
{
    format(batch, &batch->run->rejects, buf);
}

void sl_deadletter_format_late(struct sl_batch *batch, struct sl_buf *buf)
{
    format(batch, &batch->run->late, buf);
}

/* An earlier try of the batch may have left some. */
static int remove_file(struct sl_run *run, int64_t t, const char *directory, struct sl_error *err)
{
    struct sl_io *io = run->services.io;
    SL_CLEANUP(sl_buf_done) struct sl_buf dir_buf = {0}, file_buf = {0};
    const char *dir = sl_buf_path(&dir_buf, "%s/%s", run->checkpoint, directory);
    const char *file = sl_buf_path(&file_buf, "%s/%s/%lld.jsonl", run->checkpoint, directory, (long long)t);
    int dirfd = run->services.job_dirfd;
    if (!dir || !file)
        return sl_error_nomem(err);
    if (io->ops->unlinkat(io, dirfd, file, 0) == 0)
        return sl_io_sync_dir(io, dirfd, dir, err);
    return errno == ENOENT ? 0 : sl_error_sys(err, errno, "removing %s", file);
}

/* ---- in the log ---- */

/* Records that came out of the sources, those that these refused included. */
static uint64_t records_read(const struct sl_batch *batch)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    uint64_t records = 0;
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (pipelines->node[n]->op->kind == SL_OP_SOURCE)
            records += batch->rows[n] + batch->run->rejects.failed[n];
    return records;
}

/* "1 of 3 records set aside"; groups, and records refused twice, are not of those read. */
static void append_count(struct sl_buf *buf, uint64_t count, uint64_t of)
{
    sl_buf_printf(buf, "%llu", (unsigned long long)count);
    if (count <= of)
        sl_buf_printf(buf, " of %llu", (unsigned long long)of);
    sl_buf_text(buf, " records set aside, first: ");
}

/* Made when the letters are written: afterwards the files they came from may have been removed. */
static bool make_report(struct sl_batch *batch)
{
    struct sl_rejects *rejects = &batch->run->rejects;
    struct sl_buf *text = &batch->report;
    sl_buf_clear(text);
    append_count(text, rejects->total, records_read(batch));
    sl_rejects_append_first(rejects, lines_before, batch, text);
    sl_buf_printf(text, "; %s/deadletter/%lld.jsonl", batch->run->checkpoint, (long long)batch->t);
    return !text->failed;
}

static int write_letters(struct sl_batch *batch, struct sl_rejects *rejects, bool skips,
                         const char *directory, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    if (!rejects->total || skips)
        return batch->replay && batch->run->checkpoint ? remove_file(batch->run, batch->t, directory, err)
                                                       : 0;
    bool reports = rejects == &batch->run->rejects && batch->run->checkpoint;
    int r = format(batch, rejects, &text) && (!reports || make_report(batch)) ? 0 : sl_error_nomem(err);
    if (r == 0 && batch->run->checkpoint)
        r = write_file(batch, directory, &text, err);
    else if (r == 0)
        log_lines(batch, &text);
    return r;
}

int sl_deadletter_write(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    bool skips = run->context->options.on_record_error == SL_ON_ERROR_SKIP;
    int r = write_letters(batch, &run->rejects, skips, "deadletter", err);
    return r < 0 ? r : write_letters(batch, &run->late, false, "late", err);
}

void sl_deadletter_report(struct sl_batch *batch)
{
    if (batch->report.len)
        sl_log(batch->run->services.log, SL_LOG_WARNING, "%.*s", (int)batch->report.len,
               (const char *)batch->report.bytes);
}
