/* tailStream: complete lines of growing files, across rotation by rename and by copy-and-truncate.
 *
 * A scan matches the glob and looks at what there is: a file that is known by its identity is continued at its position,
 * whatever its name is now; another one begins. Files that the glob does not match any more were renamed or deleted:
 * they are followed as long as they are open, and after a restart looked for by identity in their directory. Events of
 * inotify say when to scan (names changed) or to read (bytes were appended); once a second both happen anyway, so an
 * event that is lost, or never comes, delays and does not lose.
 *
 * Positions are in the frames of the log, with the lines before them, and in one of its own when a file is found. A position is of
 * one file; at the start of a segment, and when the first scan has decided where files begin, all of them are written. */
#include "receive/tail_internal.h"

#include "core/base/limits.h"
#include "core/base/pattern.h"
#include "receive/tail_find.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum {
    SCAN_MS = 1000,
    SCANS_MAX = 200,        /* at a start, while names change */
    LOOK_US = 100,          /* between the beginnings of two looks, so that events come in groups */
    FOLLOW_BYTES = 1 << 20, /* of a file, before the next one has its turn */
    OPEN_MAX = 1000,        /* more are closed again after they were read */
    NS_PER_MS = 1000000,
    NS_PER_US = 1000,
};

static struct sl_tail_source *own(struct sl_received *received)
{
    return (struct sl_tail_source *)received;
}

/* ---- positions in the log ---- */

static int restore(struct sl_received *received, const struct sl_received_frame *frame, struct sl_error *err)
{
    own(received)->is_new = false;
    return sl_tail_table_restore(own(received), frame, err);
}

static bool snapshot(struct sl_received *received, struct sl_buf *ret)
{
    const struct sl_tail_source *source = own(received);
    for (size_t i = 0; i < source->files; i++)
        sl_tail_file_write(&source->file[i], ret);
    return !ret->failed;
}

/* Where files begin is durable before anything of them is used. */
static int write_positions(struct sl_tail_source *source, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf all = {0};
    if (!snapshot(&source->received, &all))
        return sl_error_nomem(err);
    const char *writer = source->received.source.node->op->name;
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_POSITIONS,
                                      .position = (const uint8_t *)writer,
                                      .position_len = (uint32_t)strlen(writer),
                                      .body = all.bytes,
                                      .body_len = (uint32_t)all.len};
    int r = sl_received_append(&source->received, &frame, err);
    return r < 0 ? r : sl_received_sync(&source->received, err);
}

/* ---- reading ---- */

static int follow_file(struct sl_tail_source *source, struct sl_tail_file *file, struct sl_error *err)
{
    if (file->fd < 0 && sl_tail_table_open_file(source, file, file->path) < 0)
        return 0; /* it was removed, or may not be read: the scans find out */
    int r = sl_tail_file_follow(file, &source->received, FOLLOW_BYTES, &source->buf, err);
    if (r == SL_EREJECT) {
        sl_tail_table_report(source, &file->is_reported, err->text);
        r = 0;
        file->is_done = true;
    }
    if (file->is_done && source->open > OPEN_MAX && file->is_matched)
        sl_tail_table_close_file(source, file);
    return r;
}

/* Every file in turn until none has more. */
static int follow_all(struct sl_tail_source *source, struct sl_error *err)
{
    bool is_all = false;
    int r = 0;
    while (!is_all && r == 0) {
        is_all = true;
        for (size_t i = 0; i < source->files && r == 0; i++) {
            source->file[i].is_done = true;
            r = follow_file(source, &source->file[i], err);
            is_all = is_all && source->file[i].is_done;
        }
    }
    if (source->buf.capacity > 4 * FOLLOW_BYTES)
        sl_buf_done(&source->buf);
    return r;
}

static void show(struct sl_tail_source *source)
{
    sl_received_show(&source->received, "connected", "%zu file%s", source->files,
                     source->files == 1 ? "" : "s");
}

/* What the events report; a name that changed requires a scan. */
static void read_events(struct sl_tail_source *source)
{
    char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t len;
    while ((len = read(source->notify, buf, sizeof buf)) > 0)
        for (char *at = buf; at < buf + len;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            source->needs_scan |= event->mask != IN_MODIFY;
            if (event->mask & (IN_IGNORED | IN_Q_OVERFLOW))
                while (source->watches) /* they are watched anew */
                    free(source->watch[--source->watches]);
            at += sizeof *event + event->len;
        }
}

/* What a file is given after a pause is read at once, before a rotation may copy and truncate it; a writer that writes without a pause
 * is read LOOK_US apart. */
static void pause_between_looks(int64_t looked_ns)
{
    int64_t left_ns = looked_ns + LOOK_US * NS_PER_US - sl_monotonic_ns();
    const struct timespec pause = {0, left_ns};
    if (left_ns > 0)
        nanosleep(&pause, NULL);
}

static int wait_for_more(struct sl_tail_source *source, int64_t scanned_ns, int64_t looked_ns)
{
    struct pollfd events = {source->notify, POLLIN, 0};
    int64_t left = source->needs_scan ? 0 : SCAN_MS - (sl_monotonic_ns() - scanned_ns) / NS_PER_MS;
    pause_between_looks(looked_ns);
    int r = sl_received_wait(&source->received, &events, source->notify >= 0, left > 0 ? left : 0);
    if (r > 0)
        read_events(source);
    return r < 0 ? r : 0;
}

static int run_long(struct sl_tail_source *source, struct sl_error *err)
{
    int64_t scanned_ns = sl_monotonic_ns(), looked_ns = scanned_ns;
    int r = follow_all(source, err);
    while (r == 0) {
        show(source);
        r = wait_for_more(source, scanned_ns, looked_ns);
        looked_ns = sl_monotonic_ns();
        if (r == 0 && (source->needs_scan || (sl_monotonic_ns() - scanned_ns) / NS_PER_MS >= SCAN_MS)) {
            r = follow_all(source,
                           err); /* what was renamed is read to its end before what has its name now */
            r = r < 0 ? r : sl_tail_scan(source, false, err);
            scanned_ns = sl_monotonic_ns();
        }
        r = r < 0 ? r : follow_all(source, err);
    }
    return r;
}

/* A run that ends reads what was there at its start. */
static int run_to_end(struct sl_tail_source *source, struct sl_error *err)
{
    for (size_t i = 0; i < source->files; i++) {
        struct sl_tail_file *file = &source->file[i];
        struct stat st;
        struct sl_io *io = source->received.services->io;
        if (file->fd < 0 && sl_tail_table_open_file(source, file, file->path) < 0)
            file->limit = 0;
        else
            file->limit = io->ops->fstat(io, file->fd, &st) == 0 ? st.st_size : 0;
    }
    return follow_all(source, err);
}

static int run(struct sl_received *received, struct sl_error *err)
{
    struct sl_tail_source *source = own(received);
    sl_received_raise_files_limit();
    source->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    bool is_first = source->is_new;
    int r = sl_tail_scan(source, is_first, err);
    for (int tries = 0;
         r == 0 && source->needs_scan && tries < SCANS_MAX && !sl_received_is_stopping(received); tries++)
        r = sl_tail_scan(source, false, err);
    if (r == 0 && is_first)
        r = write_positions(source, err);
    if (r < 0)
        return r;
    return received->services->until_end ? run_to_end(source, err) : run_long(source, err);
}

static void done(struct sl_received *received)
{
    struct sl_tail_source *source = own(received);
    sl_tail_table_clear(source);
    free(source->file);
    while (source->watches)
        free(source->watch[--source->watches]);
    free(source->watch);
    if (source->notify >= 0)
        close(source->notify);
    sl_buf_done(&source->buf);
    free(source->glob);
}

static const struct sl_received_kind kind = {
    .lines = SL_RECEIVED_FRAME_LINES, .run = run, .done = done, .restore = restore, .snapshot = snapshot};

/* ---- the source ---- */

static int open_tail(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                     struct sl_error *err)
{
    struct sl_tail_source *source = calloc(1, sizeof *source);
    struct sl_field glob = sl_node_value(node, 0), from = sl_node_option_value(node, "from");
    if (!source)
        return sl_error_nomem(err);
    source->notify = -1;
    source->is_new = true;
    source->from_end = sl_field_is_text(&from, "end");
    source->glob = sl_pattern_below(services->job_dir, (const char *)glob.str, glob.len);
    if (!source->glob) {
        free(source);
        return sl_error_nomem(err);
    }
    int r = sl_received_open(&source->received, node->op->source, &kind, node, services, err);
    if (r == 0)
        *ret = &source->received.source;
    return r;
}

static bool describe(const struct sl_node *node, struct sl_buf *buf)
{
    struct sl_field glob = sl_node_value(node, 0);
    return sl_buf_text(buf, "tail:") && sl_buf_append(buf, glob.str, glob.len);
}

static const char *name_of(const struct sl_node *node, char *text, size_t size)
{
    return sl_received_name(node, describe, text, size);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field glob = sl_node_value(node, 0), from = sl_node_option_value(node, "from");
    if (glob.len == 0 || memchr(glob.str, 0, glob.len))
        return sl_error_set(err, SL_EUSAGE, "%s: the glob is empty or holds a NUL byte", node->op->name);
    if (from.tag != SL_NIL && !sl_field_is_text(&from, "start") && !sl_field_is_text(&from, "end")) {
        sl_error_set(err, SL_EUSAGE, "%s: from must be \"start\" or \"end\"", node->op->name);
        return sl_error_got(err, &from);
    }
    return sl_received_check(node, err);
}

static const struct sl_source_ops ops = {.open = open_tail, .name = name_of, SL_RECEIVED_OPS};

static const struct sl_param params[] = {
    {"glob", SL_WANT_STRING, false, "the files, relative to the job: \"/var/log/nginx/*.log\""},
    {0},
};

static const struct sl_param options[] = {
    {"from", SL_WANT_STRING, true,
     "where files begin that are there at the first start: \"start\" or \"end\"; start"},
    SL_RECEIVED_OPTIONS,
    {0},
};

const struct sl_op sl_op_tail_stream = {
    .name = "tailStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "A record per line that is appended to growing files, across their rotation",
    .example = "ssc:tailStream(\"/var/log/nginx/access.log\")",
    .params = params,
    .options = options,
    .source = &ops,
    .check = check,
};
