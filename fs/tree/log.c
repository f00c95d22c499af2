/* The file `log`: the records of the kept versions, then of each new one, every line behind its batch time.
 *
 * A segment is the inode behind the name. It is made when somebody asks for the name, with the versions that
 * are kept then, and gets more only: at every getattr and read, and, while somebody has it open, after every
 * publish by the thread that tidies up. At SEGMENT_BYTES it is full: the name gets a new, empty segment that
 * goes on behind it, and who has the full one open is expected to open that, too. When a version is published
 * and nobody follows the segment, the name lets go of it, and the next one who asks gets a new one; so what
 * nobody reads costs nothing.
 *
 * Blocks are immutable, so a read takes references under the lock and answers without it. */
#include "core/base/bisect.h"
#include "fs/tree/tree_internal.h"

#include "core/base/array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { SEGMENT_BYTES = 64 << 20 };

static struct log_file *segment_new(struct sl_tree *tree, struct view *view, uint64_t upto)
{
    struct log_file *segment = calloc(1, sizeof *segment);
    if (!segment)
        return NULL;
    segment->thing = (struct owner){.kind = THING_SEGMENT, .view = view};
    segment->upto = upto;
    segment->time_ms = tree->start_ms;
    if (!sl_owner_enter(tree, &segment->thing, 1)) {
        free(segment);
        return NULL;
    }
    return segment;
}

static void let_go(struct sl_tree *tree, struct log_file *segment)
{
    struct view *view = segment->thing.view;
    view->log = NULL;
    if (segment->thing.lookups)
        (void)sl_tree_notice(tree, SL_NOTICE_GONE, view->ino, segment->thing.ino, "log");
    sl_owner_retire(tree, &segment->thing);
}

bool sl_log_file_is_followed(struct sl_tree *tree, const struct log_file *segment)
{
    struct owner *before = segment->before ? sl_owner_find(tree, segment->before) : NULL;
    return segment->users || (before && as_log_file(before)->users);
}

/* One that is empty may go on behind a full one: whoever follows the name must not see anything twice. */
void sl_log_published(struct sl_tree *tree, struct view *view)
{
    if (view->log && view->log->len && !view->log->thing.pins && !sl_log_file_is_followed(tree, view->log))
        let_go(tree, view->log);
}

/* Takes the reference, also when it fails. */
static int append(struct log_file *segment, struct sl_rendering *rendering)
{
    struct block *block = sl_array_grow(segment->block, segment->blocks, &segment->capacity, sizeof *block);
    if (!block) {
        sl_rendering_unref(rendering);
        return -ENOMEM;
    }
    segment->block = block;
    segment->block[segment->blocks++] = (struct block){segment->len, rendering};
    segment->len += rendering->len;
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

/* The full segment stays with those who read it; the name goes on with a new one. */
static int roll_over(struct sl_tree *tree, struct log_file *full)
{
    struct view *view = full->thing.view;
    full->full = true;
    if (view->log != full)
        return 0;
    struct log_file *segment = segment_new(tree, view, full->upto);
    if (!segment)
        return -ENOMEM;
    segment->before = full->thing.ino;
    let_go(tree, full);
    view->log = segment;
    return 0;
}

/* Nobody has seen any of it, nor of one before it that it goes on behind. */
static bool begins(const struct log_file *segment)
{
    return segment->upto == 0 && !segment->users;
}

static int append_skipped(struct sl_tree *tree, struct log_file *segment, uint64_t skipped)
{
    struct sl_rendering *line = sl_skipped_line(skipped);
    int r = line ? append(segment, line) : -ENOMEM;
    if (r == 0) {
        segment->upto += skipped;
        tree->counts.skipped += skipped;
    }
    return r;
}

/* Appends one version, and before it what is to be said about those that went by unseen. */
static int append_version(struct sl_tree *tree, struct log_file *segment, struct version *version)
{
    struct sl_rendering *rendering;
    int r = sl_content_get(tree, version, SL_RENDER_STAMPED, &rendering);
    if (r < 0)
        return r;
    if (segment->len && segment->len + rendering->len > SEGMENT_BYTES) {
        sl_rendering_unref(rendering);
        return roll_over(tree, segment);
    }
    uint64_t skipped = begins(segment) ? 0 : version->number - segment->upto - 1;
    if (skipped)
        r = append_skipped(tree, segment, skipped);
    if (r < 0) {
        sl_rendering_unref(rendering);
        return r;
    }
    r = append(segment, rendering);
    if (r == 0) {
        segment->upto = version->number;
        segment->time_ms = version->time_ms;
    }
    return r;
}

/* A segment that lost its name grows too while somebody has it open: it was opened just when it
 * was let go. */
static struct version *next_version(const struct sl_tree *tree, const struct log_file *segment)
{
    const struct view *view = segment->thing.view;
    if (segment->full || view->count == 0)
        return NULL;
    uint64_t number = segment->upto + 1;
    if (begins(segment))
        number = view->version[sl_view_first_listed(view)]->number;
    return sl_view_from_number(tree, view, number);
}

int sl_log_file_catch_up(struct sl_tree *tree, struct log_file *segment)
{
    int r = 0;
    while (segment->busy)
        pthread_cond_wait(&tree->settled, &tree->lock);
    segment->busy = true;
    for (struct version *version; r == 0 && (version = next_version(tree, segment));) {
        sl_owner_pin(&version->thing);
        r = append_version(tree, segment, version);
        sl_owner_unpin(tree, &version->thing);
    }
    segment->busy = false;
    pthread_cond_broadcast(&tree->settled);
    return r;
}

/* Pinned; NULL: out of memory. */
static struct log_file *named_segment(struct sl_tree *tree, struct view *view)
{
    if (!view->log)
        view->log = segment_new(tree, view, 0);
    if (view->log)
        sl_owner_pin(&view->log->thing);
    return view->log;
}

int sl_log_file_get(struct sl_tree *tree, struct view *view, struct log_file **ret)
{
    for (;;) {
        struct log_file *segment = named_segment(tree, view);
        if (!segment)
            return -ENOMEM;
        int r = sl_log_file_catch_up(tree, segment);
        if (r < 0 || segment->full) {
            sl_owner_unpin(tree, &segment->thing);
        } else {
            segment->thing.pins--; /* the name holds it */
            *ret = segment;
        }
        if (r < 0 || !segment->full)
            return r;
    }
}

/* The block that holds the offset. */
static size_t find_block(const struct log_file *segment, uint64_t offset)
{
    return SL_BISECT(i, 0, segment->blocks,
                     segment->block[i].start + segment->block[i].rendering->len <= offset);
}

void sl_log_file_read(const struct log_file *segment, uint64_t offset, size_t size, struct sl_pieces *ret)
{
    *ret = (struct sl_pieces){0};
    for (size_t i = find_block(segment, offset); i < segment->blocks && size && ret->count < SL_PIECES_MAX;
         i++) {
        struct sl_rendering *rendering = segment->block[i].rendering;
        uint64_t skip = offset > segment->block[i].start ? offset - segment->block[i].start : 0;
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
