/* tailStream: complete lines of growing files, across rotation by rename and by copy-and-truncate.
 *
 * A scan matches the glob and looks at what there is: a file that is known by its identity goes on at its position,
 * whatever its name is now; another one begins. Files that the glob does not match any more were renamed or deleted:
 * they are followed as long as they are open, and after a restart looked for by identity in their directory. Events of
 * inotify say when to scan (names changed) or to read (bytes were appended); once a second both happen anyway, so an
 * event that is lost, or never comes, delays and does not lose.
 *
 * Positions are in the frames of the log, with the lines before them. A position is of one file; at the start of a
 * segment, and when the first scan has decided where files begin, all of them are written. */
#include "receive/tail_file.h"

#include "core/base/array.h"
#include "core/base/limits.h"
#include "receive/tail_find.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    SCAN_MS = 1000,
    SETTLE_MS = 2,          /* between two looks, so that events come in groups */
    FOLLOW_BYTES = 1 << 20, /* of a file, before the next one has its turn */
    OPEN_MAX = 1000,        /* more are closed again after they were read */
    DELETED_S = 5,          /* a deleted file is followed so long after it gave something last */
    RENAMED_S = 60,
    RENAMED_MAX = 200,
    FILES_MAX = 65536, /* open files that are asked of the system */
    NS_PER_MS = 1000000,
};

struct tail_source {
    struct sl_received received; /* first */
    char *glob;                  /* absolute */
    bool from_end;
    bool is_new; /* no position is known: this is the first start */
    size_t files, files_capacity;
    struct sl_tail_file *file; /* in the order they were found */
    size_t open;
    int notify;
    size_t watches, watches_capacity;
    char **watch; /* directories */
    struct sl_buf buf;
    bool needs_scan;
};

static struct tail_source *own(struct sl_received *received)
{
    return (struct tail_source *)received;
}

/* ---- the table ---- */

static struct sl_tail_file *find_file(struct tail_source *source, uint64_t inode, int64_t born_ns)
{
    for (size_t i = 0; i < source->files; i++)
        if (source->file[i].inode == inode && source->file[i].born_ns == born_ns)
            return &source->file[i];
    return NULL;
}

static struct sl_tail_file *add_file(struct tail_source *source, const struct sl_tail_file *file)
{
    struct sl_tail_file *grown =
        sl_array_grow(source->file, source->files, &source->files_capacity, sizeof *grown);
    if (!grown)
        return NULL;
    source->file = grown;
    grown[source->files] = *file;
    return &grown[source->files++];
}

static void close_file(struct tail_source *source, struct sl_tail_file *file)
{
    if (file->fd < 0)
        return;
    sl_io_close(source->received.services->io, file->fd);
    file->fd = -1;
    source->open--;
}

static void remove_file(struct tail_source *source, size_t i)
{
    close_file(source, &source->file[i]);
    sl_tail_file_done(&source->file[i]);
    source->files--;
    memmove(&source->file[i], &source->file[i + 1], (source->files - i) * sizeof *source->file);
}

static void clear_files(struct tail_source *source)
{
    while (source->files)
        remove_file(source, source->files - 1);
}

/* ---- positions in the log ---- */

static int restore_one(struct tail_source *source, const uint8_t *bytes, size_t len, size_t *at,
                       struct sl_error *err)
{
    struct sl_tail_file file;
    if (!sl_tail_file_read(bytes, len, at, &file))
        return sl_error_set(err, SL_EDAMAGED, "the received log of %s holds a position that is none",
                            source->received.name);
    struct sl_tail_file *known = find_file(source, file.inode, file.born_ns);
    if (known) {
        sl_tail_file_done(known);
        *known = file;
        return 0;
    }
    if (add_file(source, &file))
        return 0;
    sl_tail_file_done(&file);
    return sl_error_nomem(err);
}

static int restore(struct sl_received *received, const struct sl_frame *frame, struct sl_error *err)
{
    struct tail_source *source = own(received);
    bool is_all = frame->kind == SL_FRAME_POSITIONS;
    const uint8_t *bytes = is_all ? frame->body : frame->position;
    size_t len = is_all ? frame->body_len : frame->position_len, at = 0;
    int r = 0;
    if (is_all)
        clear_files(source);
    source->is_new = false;
    while (r == 0 && at < len)
        r = restore_one(source, bytes, len, &at, err);
    return r;
}

static bool snapshot(struct sl_received *received, struct sl_buf *ret)
{
    const struct tail_source *source = own(received);
    bool ok = true;
    for (size_t i = 0; ok && i < source->files; i++)
        ok = sl_tail_file_write(&source->file[i], ret);
    return ok;
}

/* ---- scanning ---- */

static void watch_dir(struct tail_source *source, const char *dir)
{
    const uint32_t events =
        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_ONLYDIR;
    for (size_t i = 0; i < source->watches; i++)
        if (strcmp(source->watch[i], dir) == 0)
            return;
    char **grown = sl_array_grow(source->watch, source->watches, &source->watches_capacity, sizeof(char *));
    source->watch = grown ? grown : source->watch;
    if (!grown || source->notify < 0 || inotify_add_watch(source->notify, dir, events) < 0)
        return; /* it is looked at once a second all the same */
    if ((grown[source->watches] = strdup(dir)))
        source->watches++;
}

static void watch_parent(struct tail_source *source, const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    if (len == 0 || len >= sizeof dir)
        return;
    memcpy(dir, path, len);
    dir[len] = 0;
    watch_dir(source, dir);
}

static int open_file(struct tail_source *source, struct sl_tail_file *file, const char *path)
{
    struct sl_found found;
    int fd = sl_tail_open(source->received.services->io, path, &found);
    if (fd < 0)
        return SL_EREJECT;
    if (found.inode != file->inode || found.born_ns != file->born_ns) {
        sl_io_close(source->received.services->io, fd); /* renamed meanwhile: the next scan finds it */
        source->needs_scan = true;
        return SL_EREJECT;
    }
    file->fd = fd;
    source->open++;
    return 0;
}

static int set_path(struct sl_tail_file *file, const char *path)
{
    if (file->path && strcmp(file->path, path) == 0)
        return 0;
    char *copy = strdup(path);
    if (!copy)
        return SL_ENOMEM;
    free(file->path);
    file->path = copy;
    return 0;
}

struct scanning {
    struct tail_source *source;
    bool is_first;    /* of the source: from = "end" is about these files */
    const char *path; /* of see_missed: the name that the files have had */
    struct sl_error *err;
};

static int begin_file(struct scanning *scanning, const struct sl_found *found)
{
    struct tail_source *source = scanning->source;
    struct sl_tail_file new = {.inode = found->inode,
                               .born_ns = found->born_ns,
                               .before = XXH3_64bits("", 0),
                               .fd = -1,
                               .mtime_ns = INT64_MIN,
                               .limit = INT64_MAX,
                               .is_matched = true,
                               .grown_ns = sl_monotonic_ns()};
    if (set_path(&new, found->path) < 0)
        return sl_error_nomem(scanning->err);
    struct sl_tail_file *file = add_file(source, &new);
    if (!file) {
        sl_tail_file_done(&new);
        return sl_error_nomem(scanning->err);
    }
    if (scanning->is_first && source->from_end && open_file(source, file, found->path) == 0)
        return sl_tail_file_skip_to_end(file, &source->received, scanning->err) == SL_ENOMEM ? SL_ENOMEM : 0;
    return 0;
}

/* A file that was renamed before it was seen under its name, which the file that is there now has. */
static int see_missed(void *arg, const struct sl_found *found)
{
    struct scanning *scanning = arg;
    struct tail_source *source = scanning->source;
    struct sl_found renamed = *found;
    if (find_file(source, found->inode, found->born_ns))
        return 0;
    renamed.path = scanning->path;
    int r = begin_file(scanning, &renamed);
    if (r < 0)
        return r;
    struct sl_tail_file *file = &source->file[source->files - 1];
    file->is_matched = false;
    if (open_file(source, file, found->path) < 0)
        remove_file(source, source->files - 1); /* the next scan finds it again, or it is gone */
    return 0;
}

/* The newest known file that has had this name. */
static int64_t newest_birth(const struct tail_source *source, const char *path)
{
    int64_t born_ns = INT64_MIN;
    for (size_t i = 0; i < source->files; i++)
        if (strcmp(source->file[i].path, path) == 0 && source->file[i].born_ns > born_ns)
            born_ns = source->file[i].born_ns;
    return born_ns;
}

static int see_new(struct scanning *scanning, const struct sl_found *found)
{
    struct tail_source *source = scanning->source;
    scanning->path = found->path;
    int r = sl_tail_missed(source->received.services->io, found->path, newest_birth(source, found->path),
                           found->born_ns, see_missed, scanning);
    return r < 0 ? r : begin_file(scanning, found);
}

static int see_file(void *arg, const struct sl_found *found)
{
    struct scanning *scanning = arg;
    struct tail_source *source = scanning->source;
    struct sl_tail_file *file = find_file(source, found->inode, found->born_ns);
    int r = file ? set_path(file, found->path) : see_new(scanning, found);
    if (r < 0)
        return r == SL_ENOMEM ? sl_error_nomem(scanning->err) : r;
    if (file)
        file->is_matched = true;
    watch_parent(source, found->path);
    return 0;
}

/* A file that the glob does not match now and that is not open is looked for and opened: after a restart. */
static bool look_for(struct tail_source *source, struct sl_tail_file *file)
{
    char path[PATH_MAX];
    int found = sl_tail_find(source->received.services->io, file->path, file->inode, file->born_ns, path);
    return found > 0 && open_file(source, file, path) == 0;
}

static bool is_deleted(const struct tail_source *source, const struct sl_tail_file *file)
{
    struct stat st;
    struct sl_io *io = source->received.services->io;
    return file->fd >= 0 && io->ops->fstat(io, file->fd, &st) == 0 && st.st_nlink == 0;
}

static bool is_quiet(const struct sl_tail_file *file, int64_t seconds)
{
    return file->is_done && (sl_monotonic_ns() - file->grown_ns) / NS_PER_MS > seconds * 1000;
}

/* Files that were renamed or deleted are followed for a time: who writes may not have noticed. Of those that were
 * renamed the last RENAMED_MAX as long as they are there. */
static bool is_gone(struct tail_source *source, struct sl_tail_file *file, size_t renamed)
{
    if (file->is_matched)
        return false;
    if (file->fd < 0)
        return !look_for(source, file);
    return is_deleted(source, file) ? is_quiet(file, DELETED_S)
                                    : renamed > RENAMED_MAX && is_quiet(file, RENAMED_S);
}

static void forget_gone(struct tail_source *source)
{
    size_t renamed = 0;
    for (size_t i = source->files; i-- > 0;) {
        renamed += !source->file[i].is_matched;
        if (is_gone(source, &source->file[i], renamed))
            remove_file(source, i);
    }
}

static int scan(struct tail_source *source, bool is_first, struct sl_error *err)
{
    struct scanning scanning = {source, is_first, NULL, err};
    source->needs_scan = false;
    for (size_t i = 0; i < source->files; i++)
        source->file[i].is_matched = false;
    watch_parent(source, source->glob);
    int r = sl_tail_match(source->received.services->io, source->glob, see_file, &scanning);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r == 0)
        forget_gone(source);
    return r;
}

/* Where files begin is durable before anything of them is used. */
static int write_positions(struct tail_source *source, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf all = {0};
    if (!snapshot(&source->received, &all))
        return sl_error_nomem(err);
    struct sl_frame frame = {.kind = SL_FRAME_POSITIONS, .body = all.bytes, .body_len = (uint32_t)all.len};
    int r = sl_received_append(&source->received, &frame, err);
    return r < 0 ? r : sl_received_sync(&source->received, err);
}

/* ---- reading ---- */

static int follow_file(struct tail_source *source, struct sl_tail_file *file, struct sl_error *err)
{
    if (file->fd < 0 && open_file(source, file, file->path) < 0)
        return 0; /* it is gone, or may not be read: the scans find out */
    int r = sl_tail_file_follow(file, &source->received, FOLLOW_BYTES, &source->buf, err);
    if (r == SL_EREJECT) {
        sl_received_trouble(&source->received, "%s", err->text);
        r = 0;
        file->is_done = true;
    }
    if (file->is_done && source->open > OPEN_MAX && file->is_matched)
        close_file(source, file);
    return r;
}

/* Every file in turn until none has more. */
static int follow_all(struct tail_source *source, struct sl_error *err)
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

static void show(struct tail_source *source)
{
    sl_received_show(&source->received, "connected", "%zu file%s", source->files,
                     source->files == 1 ? "" : "s");
}

/* What the events say; a name that changed asks for a scan. */
static void read_events(struct tail_source *source)
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

static int wait_for_more(struct tail_source *source, int64_t scanned_ns)
{
    struct pollfd events = {source->notify, POLLIN, 0};
    int64_t left = SCAN_MS - (sl_monotonic_ns() - scanned_ns) / NS_PER_MS;
    int r = sl_received_wait(&source->received, NULL, 0, SETTLE_MS);
    r = r < 0 ? r : sl_received_wait(&source->received, &events, source->notify >= 0, left > 0 ? left : 0);
    if (r > 0)
        read_events(source);
    return r < 0 ? r : 0;
}

static int run_long(struct tail_source *source, struct sl_error *err)
{
    int64_t scanned_ns = sl_monotonic_ns();
    int r = follow_all(source, err);
    while (r == 0) {
        show(source);
        r = wait_for_more(source, scanned_ns);
        if (r == 0 && (source->needs_scan || (sl_monotonic_ns() - scanned_ns) / NS_PER_MS >= SCAN_MS)) {
            r = follow_all(source,
                           err); /* what was renamed is read to its end before what has its name now */
            r = r < 0 ? r : scan(source, false, err);
            scanned_ns = sl_monotonic_ns();
        }
        r = r < 0 ? r : follow_all(source, err);
    }
    return r;
}

/* A run that ends reads what was there at its start. */
static int run_to_end(struct tail_source *source, struct sl_error *err)
{
    for (size_t i = 0; i < source->files; i++) {
        struct sl_tail_file *file = &source->file[i];
        struct stat st;
        struct sl_io *io = source->received.services->io;
        if (file->fd < 0 && open_file(source, file, file->path) < 0)
            file->limit = 0;
        else
            file->limit = io->ops->fstat(io, file->fd, &st) == 0 ? st.st_size : 0;
    }
    return follow_all(source, err);
}

/* What was renamed stays open until it is read: there may be many. */
static void raise_files_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_MAX)
        return;
    limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* without it there are fewer */
}

static int run(struct sl_received *received, struct sl_error *err)
{
    struct tail_source *source = own(received);
    raise_files_limit();
    source->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    bool is_first = source->is_new;
    int r = scan(source, is_first, err);
    if (r == 0 && is_first)
        r = write_positions(source, err);
    if (r < 0)
        return r;
    return received->services->until_end ? run_to_end(source, err) : run_long(source, err);
}

static void done(struct sl_received *received)
{
    struct tail_source *source = own(received);
    clear_files(source);
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
    .lines = SL_FRAME_LINES, .run = run, .done = done, .restore = restore, .snapshot = snapshot};

/* ---- the source ---- */

static bool option_is(const struct sl_node *node, const char *name, const char *text)
{
    struct sl_arg arg = sl_node_option(node, name);
    return arg.kind == SL_ARG_VALUE && arg.value.tag == SL_STR && arg.value.len == strlen(text) &&
           memcmp(arg.value.str, text, arg.value.len) == 0;
}

static int open_tail(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                     struct sl_error *err)
{
    struct tail_source *source = calloc(1, sizeof *source);
    struct sl_field glob = sl_node_value(node, 0);
    if (!source)
        return sl_error_nomem(err);
    source->notify = -1;
    source->is_new = true;
    source->from_end = option_is(node, "from", "end");
    source->glob = sl_tail_pattern(services->job_dir, &glob);
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
    struct sl_field glob = sl_node_value(node, 0);
    if (glob.len == 0 || memchr(glob.str, 0, glob.len))
        return sl_error_set(err, SL_EUSAGE, "%s: the glob is empty or holds a NUL byte", node->op->name);
    if (sl_node_option(node, "from").kind == SL_ARG_VALUE && !option_is(node, "from", "start") &&
        !option_is(node, "from", "end"))
        return sl_error_set(err, SL_EUSAGE, "%s: from must be \"start\" or \"end\"", node->op->name);
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
