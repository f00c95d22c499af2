/* The files that tailStream knows, in the order they were found. */
#include "core/base/array.h"
#include "receive/tail_find.h"
#include "receive/tail_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_S = 1, REPORT_AGAIN_S = 60, NS_PER_MS = 1000000 };

struct sl_tail_file *sl_tail_table_find(struct sl_tail_source *source, uint64_t inode, int64_t born_ns)
{
    for (size_t i = 0; i < source->files; i++)
        if (source->file[i].inode == inode && source->file[i].born_ns == born_ns)
            return &source->file[i];
    return NULL;
}

struct sl_tail_file *sl_tail_table_add(struct sl_tail_source *source, const struct sl_tail_file *file)
{
    struct sl_tail_file *grown =
        sl_array_grow(source->file, source->files, &source->files_capacity, sizeof *grown);
    if (!grown)
        return NULL;
    source->file = grown;
    grown[source->files] = *file;
    return &grown[source->files++];
}

void sl_tail_table_close_file(struct sl_tail_source *source, struct sl_tail_file *file)
{
    if (file->fd < 0)
        return;
    sl_io_close(source->received.services->io, file->fd);
    file->fd = -1;
    source->open--;
}

void sl_tail_table_remove(struct sl_tail_source *source, size_t i)
{
    sl_tail_table_close_file(source, &source->file[i]);
    sl_tail_file_done(&source->file[i]);
    source->files--;
    memmove(&source->file[i], &source->file[i + 1], (source->files - i) * sizeof *source->file);
}

void sl_tail_table_clear(struct sl_tail_source *source)
{
    while (source->files)
        sl_tail_table_remove(source, source->files - 1);
}

void sl_tail_table_report(struct sl_tail_source *source, bool *is_reported, const char *text)
{
    int64_t now_ns = sl_monotonic_ns(), pause_s = *is_reported ? REPORT_AGAIN_S : REPORT_S;
    if (source->reported_ns && now_ns - source->reported_ns < pause_s * 1000 * NS_PER_MS)
        return;
    *is_reported = true;
    source->reported_ns = now_ns;
    sl_received_trouble(&source->received, "%s", text);
}

static void report_unopened(struct sl_tail_source *source, struct sl_tail_file *file, const char *path,
                            int sys)
{
    struct sl_error err;
    (void)sl_error_set(&err, SL_EREJECT, "%s cannot be opened: %s", path, strerror(sys));
    sl_tail_table_report(source, &file->is_reported, err.text);
}

int sl_tail_table_open_file(struct sl_tail_source *source, struct sl_tail_file *file, const char *path)
{
    struct sl_found found;
    int fd = sl_tail_open(source->received.services->io, path, &found);
    if (fd < 0 && errno != ENOENT)
        report_unopened(source, file, path, errno);
    if (fd < 0)
        return SL_EREJECT;
    if (found.inode != file->inode || found.born_ns != file->born_ns) {
        sl_io_close(source->received.services->io, fd); /* renamed meanwhile: the next scan finds it */
        source->needs_scan = true;
        return SL_EREJECT;
    }
    file->fd = fd;
    file->is_reported = false;
    source->open++;
    return 0;
}

/* ---- positions in the log ---- */

static int restore_one(struct sl_tail_source *source, const uint8_t *bytes, size_t len, size_t *at,
                       struct sl_error *err)
{
    struct sl_tail_file file;
    if (!sl_tail_file_read(bytes, len, at, &file))
        return sl_error_set(err, SL_EDAMAGED, "the received log of %s holds a position that cannot be read",
                            source->received.name);
    struct sl_tail_file *known = sl_tail_table_find(source, file.inode, file.born_ns);
    if (known) {
        sl_tail_file_done(known);
        *known = file;
        return 0;
    }
    if (sl_tail_table_add(source, &file))
        return 0;
    sl_tail_file_done(&file);
    return sl_error_nomem(err);
}

int sl_tail_table_restore(struct sl_tail_source *source, const struct sl_received_frame *frame,
                          struct sl_error *err)
{
    bool is_all = frame->kind == SL_RECEIVED_FRAME_POSITIONS;
    const uint8_t *bytes = is_all ? frame->body : frame->position;
    size_t len = is_all ? frame->body_len : frame->position_len, at = 0;
    int r = 0;
    if (is_all)
        sl_tail_table_clear(source);
    while (r == 0 && at < len)
        r = restore_one(source, bytes, len, &at, err);
    return r;
}

bool sl_tail_table_shorten(struct sl_buf *positions)
{
    const struct sl_received_frame all = {
        .kind = SL_RECEIVED_FRAME_POSITIONS, .body = positions->bytes, .body_len = (uint32_t)positions->len};
    struct sl_tail_source *table = calloc(1, sizeof *table);
    struct sl_error ignored = {0};
    struct sl_buf shorter = {0};
    int r = table ? sl_tail_table_restore(table, &all, &ignored) : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < table->files; i++)
        sl_tail_file_write(&table->file[i], &shorter);
    bool ok = r != SL_ENOMEM && !shorter.failed;
    if (r == 0 && ok) {
        sl_buf_done(positions);
        *positions = shorter;
    } else {
        sl_buf_done(&shorter);
    }
    if (table) {
        sl_tail_table_clear(table);
        free(table->file);
    }
    free(table);
    return ok;
}
