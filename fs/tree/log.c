/* The file `log`: the records of the kept versions, then those of each new version; each line begins with its batch time.
 *
 * A struct log_file is the inode that the name refers to. It is created by the first lookup of the name, with the
 * versions that are kept at that time, and is only ever appended to: by every getattr and read and, while it is open, by
 * the housekeeping thread after every publish. When it reaches LOG_BYTES_MAX it is full: the name then refers to a new,
 * empty log file that continues it, which readers of the full one (tail -F) open next. When a version is published and
 * the log file has no readers, it is detached from the name, and the next lookup creates a new one: a log that is not
 * read costs nothing.
 *
 * Blocks are immutable, so a read takes references under the lock and replies without it. */
#include "core/base/bisect.h"
#include "fs/tree/tree_internal.h"

#include "core/base/array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { LOG_BYTES_MAX = 64 << 20 };

static struct log_file *log_file_new(struct sl_tree *tree, struct view *view, uint64_t upto)
{
    struct log_file *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->owner = (struct owner){.kind = OWNER_LOG_FILE, .view = view};
    log->upto = upto;
    log->time_ms = tree->start_ms;
    if (!sl_owner_enter(tree, &log->owner, 1)) {
        free(log);
        return NULL;
    }
    return log;
}

static void detach(struct sl_tree *tree, struct log_file *log)
{
    struct view *view = log->owner.view;
    view->log = NULL;
    if (log->owner.lookups)
        (void)sl_tree_notice(tree, SL_NOTICE_GONE, view->ino, log->owner.ino, "log");
    sl_owner_retire(tree, &log->owner);
}

bool sl_log_file_is_followed(struct sl_tree *tree, const struct log_file *log)
{
    struct owner *before = log->before ? sl_owner_find(tree, log->before) : NULL;
    return log->users || (before && as_log_file(before)->users);
}

/* An empty log file is kept: it may continue a full one, and a reader must not get the same records twice. */
void sl_log_published(struct sl_tree *tree, struct view *view)
{
    if (view->log && view->log->len && !view->log->owner.pins && !sl_log_file_is_followed(tree, view->log))
        detach(tree, view->log);
}

/* Takes the reference, also when it fails. */
static int append(struct log_file *log, struct sl_rendering *rendering)
{
    struct block *block = sl_array_grow(log->block, log->blocks, &log->capacity, sizeof *block);
    if (!block) {
        sl_rendering_unref(rendering);
        return -ENOMEM;
    }
    log->block = block;
    log->block[log->blocks++] = (struct block){log->len, rendering};
    log->len += rendering->len;
    return 0;
}

struct sl_rendering *sl_skipped_line(uint64_t versions)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    if (sl_buf_printf(&buf, "# skipped %" PRIu64 " versions\n", versions))
        return sl_rendering_new(&buf);
    sl_buf_done(&buf);
    return NULL;
}

/* Readers keep the full log file; the name refers to a new one from now on. */
static int roll_over(struct sl_tree *tree, struct log_file *full)
{
    struct view *view = full->owner.view;
    full->full = true;
    if (view->log != full)
        return 0;
    struct log_file *log = log_file_new(tree, view, full->upto);
    if (!log)
        return -ENOMEM;
    log->before = full->owner.ino;
    detach(tree, full);
    view->log = log;
    return 0;
}

/* Has had no readers, and continues no full log file. */
static bool is_unread(const struct log_file *log)
{
    return log->upto == 0 && !log->users;
}

static int append_skipped(struct sl_tree *tree, struct log_file *log, uint64_t skipped)
{
    struct sl_rendering *line = sl_skipped_line(skipped);
    int r = line ? append(log, line) : -ENOMEM;
    if (r == 0) {
        log->upto += skipped;
        tree->counts.skipped += skipped;
    }
    return r;
}

/* Appends one version, preceded by a line with the number of versions that were skipped, if any. */
static int append_version(struct sl_tree *tree, struct log_file *log, struct version *version)
{
    struct sl_rendering *rendering;
    int r = sl_content_get(tree, version, SL_RENDER_STAMPED, &rendering);
    if (r < 0)
        return r;
    if (log->len && log->len + rendering->len > LOG_BYTES_MAX) {
        sl_rendering_unref(rendering);
        return roll_over(tree, log);
    }
    uint64_t skipped = is_unread(log) ? 0 : version->number - log->upto - 1;
    if (skipped)
        r = append_skipped(tree, log, skipped);
    if (r < 0) {
        sl_rendering_unref(rendering);
        return r;
    }
    r = append(log, rendering);
    if (r == 0) {
        log->upto = version->number;
        log->time_ms = version->time_ms;
    }
    return r;
}

/* A detached log file is still appended to while it is open: it may have been opened at the very moment when it was
 * detached. NULL: nothing to append. */
static struct version *next_version(const struct sl_tree *tree, const struct log_file *log)
{
    const struct view *view = log->owner.view;
    if (log->full || view->count == 0)
        return NULL;
    uint64_t number = log->upto + 1;
    if (is_unread(log))
        number = view->version[sl_view_first_listed(view)]->number;
    return sl_view_from_number(tree, view, number);
}

int sl_log_file_catch_up(struct sl_tree *tree, struct log_file *log)
{
    int r = 0;
    while (log->busy)
        pthread_cond_wait(&tree->settled, &tree->lock);
    log->busy = true;
    for (struct version *version; r == 0 && (version = next_version(tree, log));) {
        sl_owner_pin(&version->owner);
        r = append_version(tree, log, version);
        sl_owner_unpin(tree, &version->owner);
    }
    log->busy = false;
    pthread_cond_broadcast(&tree->settled);
    return r;
}

/* Pinned. NULL: out of memory. */
static struct log_file *named_log_file(struct sl_tree *tree, struct view *view)
{
    if (!view->log)
        view->log = log_file_new(tree, view, 0);
    if (view->log)
        sl_owner_pin(&view->log->owner);
    return view->log;
}

int sl_log_file_get(struct sl_tree *tree, struct view *view, struct log_file **ret)
{
    for (;;) {
        struct log_file *log = named_log_file(tree, view);
        if (!log)
            return -ENOMEM;
        int r = sl_log_file_catch_up(tree, log);
        if (r < 0 || log->full) {
            sl_owner_unpin(tree, &log->owner);
        } else {
            log->owner.pins--; /* the name holds it */
            *ret = log;
        }
        if (r < 0 || !log->full)
            return r;
    }
}

/* The block that contains the offset. */
static size_t find_block(const struct log_file *log, uint64_t offset)
{
    return SL_BISECT(i, 0, log->blocks, log->block[i].start + log->block[i].rendering->len <= offset);
}

void sl_log_file_read(const struct log_file *log, uint64_t offset, size_t size, struct sl_pieces *ret)
{
    *ret = (struct sl_pieces){0};
    for (size_t i = find_block(log, offset); i < log->blocks && size && ret->count < SL_PIECES_MAX; i++) {
        struct sl_rendering *rendering = log->block[i].rendering;
        uint64_t skip = offset > log->block[i].start ? offset - log->block[i].start : 0;
        size_t len = rendering->len - skip < size ? rendering->len - skip : size;
        if (len == 0)
            continue;
        ret->piece[ret->count].owner = sl_rendering_ref(rendering);
        ret->piece[ret->count].at = rendering->bytes + skip;
        ret->piece[ret->count++].len = len;
        ret->bytes += len;
        size -= len;
    }
}
