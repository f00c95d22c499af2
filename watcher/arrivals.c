/* The calls of core/contract/arrivals.h upon the struct of watched_dir.h, which has the invariants. Taking is in take.c. */
#include "watcher/arrivals.h"

#include "core/base/clock.h"
#include "core/contract/names.h"
#include "watcher/consumed.h"
#include "watcher/subdirs.h"
#include "watcher/take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct sl_watched_dir *intake_of(struct sl_arrivals *arrivals)
{
    return (struct sl_watched_dir *)arrivals;
}

static bool arrivals_pending(struct sl_arrivals *arrivals)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    if (sl_events_any(&intake->hints))
        return true;
    if (intake->missing)
        return false;
    return intake->scan_due || intake->entries.first[SL_LIST_READY] ||
           (intake->aging_due_ms != INT64_MAX &&
            intake->clock->now_ms(intake->clock) >= intake->aging_due_ms);
}

static int arrivals_refresh(struct sl_arrivals *arrivals, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    int rc = sl_watched_dir_update(intake, true, err);
    intake->refreshed_ns = rc ? 0 : sl_monotonic_ns();
    sl_dir_path_leave(&intake->place);
    return rc;
}

static int arrivals_take(struct sl_arrivals *arrivals, uint64_t files_max, uint64_t bytes_max,
                         struct sl_files *ret, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    int rc = sl_watched_dir_update(intake, false, err);
    if (rc == 0 && !intake->missing)
        rc = sl_watched_dir_take(intake, files_max, bytes_max, ret, err);
    sl_dir_path_leave(&intake->place);
    return rc;
}

/* ---- remember, gone ---- */

/* The name of the entry a path belongs to; false when it is no path of this directory. */
static bool name_of(const struct sl_watched_dir *intake, const char *path, char ret[SL_NAME_MAX + 1])
{
    size_t len = strlen(intake->place.path);
    if (strncmp(path, intake->place.path, len) != 0 || path[len] != '/')
        return false;
    path += len + 1;
    size_t name_len = strcspn(path, "/");
    if (name_len == 0 || name_len > SL_NAME_MAX)
        return false;
    memcpy(ret, path, name_len);
    ret[name_len] = 0;
    return true;
}

static bool is_there(const struct sl_entry *entry, const struct sl_file *file)
{
    if (entry->look.kind == SL_LOOK_DIRECTORY)
        return !entry->remembered || sl_subdirs_hold(entry->remembered, file);
    struct sl_file there = {NULL, entry->look.inode, entry->look.born_ns, entry->look.mtime_ns,
                            entry->look.size};
    return sl_file_same(&there, file);
}

static bool is_packed(const struct sl_packed_file *packed, const struct sl_file *file)
{
    struct sl_file there = {NULL, packed->inode, packed->born_ns, packed->mtime_ns, packed->size};
    return !packed->is_unverified && sl_file_same(&there, file);
}

/* Whether it is the file that is there now and was taken, or part of it. */
static bool is_taken(const struct sl_watched_dir *intake, const struct sl_file *file)
{
    char name[SL_NAME_MAX + 1];
    if (!name_of(intake, file->path, name))
        return false;
    const struct sl_packed_file *packed = sl_entries_find_packed(&intake->entries, name);
    if (packed)
        return is_packed(packed, file);
    struct sl_entry *entry = sl_entries_find(&intake->entries, name);
    return entry && entry->standing == SL_STANDING_TAKEN && !entry->unverified && is_there(entry, file);
}

/* Of a name that nothing is known of: nearly all, when a run starts. */
static int remember_packed(struct sl_watched_dir *intake, const char *name, const struct sl_file *file)
{
    const struct sl_packed_file packed = {
        .inode = file->inode,
        .born_ns = file->born_ns,
        .mtime_ns = file->mtime_ns,
        .size = file->size,
        .is_unverified = true,
    };
    return sl_entries_add_packed(&intake->entries, name, &packed);
}

static int remember_file(struct sl_watched_dir *intake, const struct sl_file *file)
{
    char name[SL_NAME_MAX + 1];
    struct sl_entry *entry;
    if (!name_of(intake, file->path, name))
        return sl_watched_dir_add_gone(intake, file);
    bool is_part = file->path[strlen(intake->place.path) + 1 + strlen(name)] == '/';
    int rc = sl_entries_get(&intake->entries, name, &entry);
    if (rc == 0 && !entry && !is_part)
        return remember_packed(intake, name, file);
    if (rc == 0 && !entry)
        entry = sl_entries_add(&intake->entries, name);
    if (!entry)
        return SL_ENOMEM;
    /* What the first scan found instead is old: the job wants new files only. */
    if (entry->standing == SL_STANDING_OLD && !is_there(entry, file))
        return sl_watched_dir_add_gone(intake, file);
    rc = sl_consumed_remember(intake, entry, file, is_part);
    if (rc == 0)
        sl_entries_pack(&intake->entries, entry);
    return rc;
}

static int arrivals_remember(struct sl_arrivals *arrivals, const struct sl_files *files, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    for (size_t i = 0; i < files->count; i++) {
        int rc = remember_file(intake, &files->file[i]);
        if (rc)
            return sl_error_nomem(err);
    }
    intake->scan_due = true;
    return 0;
}

/* ---- what was there before (newFilesOnly) ---- */

struct decision {
    struct sl_watched_dir *intake;
    bool is_decided;
    struct sl_files *ret;
    struct sl_error *err;
};

static int add_old_file(const struct decision *decision, const struct sl_entry *entry)
{
    char *path = sl_watched_dir_path(decision->intake, entry->name, NULL);
    const struct sl_file_stat *look = &entry->look;
    struct sl_file file = {path, look->inode, look->born_ns, look->mtime_ns, look->size};
    int rc = path ? sl_files_add(decision->ret, &file) : SL_ENOMEM;
    free(path);
    return rc ? sl_error_nomem(decision->err) : 0;
}

/* One that is not finished yet arrives when it is. */
static int add_old_directory(const struct decision *decision, struct sl_entry *entry)
{
    bool is_finished = false;
    struct sl_files files = {0};
    int rc = sl_subdirs_finished(decision->intake, entry, &is_finished, decision->err);
    if (rc == 0 && is_finished)
        rc = sl_subdirs_list(decision->intake, entry->name, &files, decision->err);
    for (size_t i = 0; rc == 0 && i < files.count; i++)
        rc = sl_files_add(decision->ret, &files.file[i]) < 0 ? sl_error_nomem(decision->err) : 0;
    sl_files_done(&files);
    return rc;
}

static int decide_entry(void *arg, struct sl_entry *entry)
{
    const struct decision *decision = arg;
    if (entry->standing != SL_STANDING_OLD)
        return 0;
    if (decision->is_decided)
        sl_entries_put(&decision->intake->entries, entry, SL_STANDING_NEW);
    else if (entry->look.kind == SL_LOOK_FILE)
        return add_old_file(decision, entry);
    else if (entry->look.kind == SL_LOOK_DIRECTORY && decision->intake->place.fd >= 0)
        return add_old_directory(decision, entry);
    return 0;
}

static int arrivals_decide(struct sl_arrivals *arrivals, bool is_decided, struct sl_files *ret,
                           struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    struct decision decision = {intake, is_decided, ret, err};
    enum sl_dir_path_state state;
    if (intake->options.existing)
        return 0;
    int rc = sl_dir_path_enter(&intake->place, &state, err);
    if (rc == 0 && state == SL_PLACE_REPLACED)
        intake->watch_due = true;
    rc = rc ? rc : sl_entries_each(&intake->entries, decide_entry, &decision);
    sl_dir_path_leave(&intake->place);
    intake->scan_due = true;
    return rc;
}

static int arrivals_gone(struct sl_arrivals *arrivals, struct sl_files *ret, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    size_t first = ret->count;
    for (size_t i = 0; i < intake->gone.count; i++) {
        const struct sl_file *file = &intake->gone.file[i];
        if (is_taken(intake, file) || sl_files_add(ret, file) == 0)
            continue;
        while (ret->count > first)
            free(ret->file[--ret->count].path);
        return sl_error_nomem(err);
    }
    sl_files_done(&intake->gone);
    return 0;
}

/* *ret: NULL where nothing is known of the file's name. 0 or SL_ENOMEM. */
static int get_entry(struct sl_watched_dir *intake, const struct sl_file *file, struct sl_entry **ret)
{
    char name[SL_NAME_MAX + 1];
    *ret = NULL;
    return name_of(intake, file->path, name) ? sl_entries_get(&intake->entries, name, ret) : 0;
}

static int arrivals_removed(struct sl_arrivals *arrivals, const struct sl_file *file, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    struct sl_entry *entry;
    if (get_entry(intake, file, &entry))
        return sl_error_nomem(err);
    bool is_taken = entry && entry->standing == SL_STANDING_TAKEN && !entry->touched;
    return is_taken ? sl_consumed_forget(intake, entry, err) : 0;
}

/* Like one of an earlier run, it is compared with what is there now, whatever it was renamed to meanwhile. */
static int arrivals_put_back(struct sl_arrivals *arrivals, const struct sl_file *file, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    struct sl_entry *entry;
    if (get_entry(intake, file, &entry))
        return sl_error_nomem(err);
    if (entry && entry->standing == SL_STANDING_TAKEN)
        entry->unverified = true;
    return 0;
}

/* ---- the directory of earlier runs ---- */

static int get_mount(const struct sl_dir_path *place, const char *shown, const char *path, uint64_t *ret,
                     struct sl_error *err)
{
    struct sl_file_stat look;
    int rc = sl_file_stat_get(place->io, place->base_fd, shown, path, &look, err);
    if (rc == 0 && look.kind != SL_LOOK_DIRECTORY)
        rc = sl_error_sys(err, look.kind == SL_LOOK_HIDDEN ? look.sys : ENOENT, "looking at %s", shown);
    *ret = rc ? 0 : look.mount;
    return rc;
}

static int get_home(const struct sl_dir_path *place, struct sl_watched_home *ret, struct sl_error *err)
{
    uint64_t job, root;
    int rc = get_mount(place, "the job's directory", ".", &job, err);
    rc = rc ? rc : get_mount(place, "the root directory", "/", &root, err);
    if (rc)
        return rc;
    *ret = (struct sl_watched_home){
        .path = place->path,
        .inode = place->who.inode,
        .born_ns = place->who.born_ns,
        .is_mounted = place->who.mount != job && place->who.mount != root,
    };
    return 0;
}

static bool is_same_home(const struct sl_watched_home *a, const struct sl_watched_home *b)
{
    return a->inode == b->inode && a->born_ns == b->born_ns;
}

/* As in a run whose directory was unmounted: no mount has the number 0. */
static void wait_for_home(struct sl_watched_dir *intake)
{
    intake->place.who = (struct sl_file_stat){
        .kind = SL_LOOK_DIRECTORY, .inode = intake->home.inode, .born_ns = intake->home.born_ns};
    intake->awaits_home = true;
    intake->home_due = false;
    intake->scan_due = true;
}

static int arrivals_remember_homes(struct sl_arrivals *arrivals, const struct sl_watched_homes *homes,
                                   bool accepts, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    const struct sl_watched_home *before = sl_watched_homes_find(homes, intake->place.path);
    struct sl_watched_home now;
    if (!before)
        return 0;
    intake->home = *before;
    intake->home.path = intake->place.path;
    intake->has_home = true;
    int rc = get_home(&intake->place, &now, err);
    if (rc == 0 && !accepts && !now.is_mounted && !is_same_home(before, &now))
        wait_for_home(intake);
    return rc;
}

/* A directory beside the job has to be known by no later run: it is never waited for. */
static int arrivals_homes(struct sl_arrivals *arrivals, struct sl_watched_homes *ret, struct sl_error *err)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    struct sl_watched_home now;
    if (!intake->home_due || intake->missing)
        return 0;
    int rc = get_home(&intake->place, &now, err);
    if (rc)
        return rc;
    bool is_kept = intake->has_home && now.is_mounted && is_same_home(&intake->home, &now);
    if (!is_kept && (intake->has_home || now.is_mounted) && sl_watched_homes_add(ret, &now) < 0)
        return sl_error_nomem(err);
    intake->home = now;
    intake->has_home = now.is_mounted;
    intake->home_due = false;
    return 0;
}

static bool arrivals_awaits_home(const struct sl_arrivals *arrivals, const struct sl_file *file)
{
    const struct sl_watched_dir *intake = (const struct sl_watched_dir *)arrivals;
    size_t len = strlen(intake->place.path);
    return intake->awaits_home && strncmp(file->path, intake->place.path, len) == 0 && file->path[len] == '/';
}

/* ---- open, close ---- */

static void intake_free(struct sl_watched_dir *intake)
{
    sl_dir_path_close(&intake->place);
    sl_events_done(&intake->hints);
    sl_buf_done(&intake->batch.names);
    sl_entries_done(&intake->entries);
    sl_files_done(&intake->gone);
    free(intake->touched);
    free(intake);
}

static bool arrivals_is_removed(const struct sl_arrivals *arrivals)
{
    return ((const struct sl_watched_dir *)arrivals)->removed;
}

static void arrivals_close(struct sl_arrivals *arrivals)
{
    struct sl_watched_dir *intake = intake_of(arrivals);
    if (!intake)
        return;
    if (intake->watching)
        (void)sl_notify_watch_end(intake->notify, intake->watching, NULL); /* it is left */
    sl_notify_leave(intake->notify, &intake->hints);
    intake_free(intake);
}

static const struct sl_arrivals_ops intake_ops = {
    .pending = arrivals_pending,
    .refresh = arrivals_refresh,
    .take = arrivals_take,
    .remember = arrivals_remember,
    .decide = arrivals_decide,
    .gone = arrivals_gone,
    .removed = arrivals_removed,
    .put_back = arrivals_put_back,
    .remember_homes = arrivals_remember_homes,
    .homes = arrivals_homes,
    .awaits_home = arrivals_awaits_home,
    .is_removed = arrivals_is_removed,
    .close = arrivals_close,
};

static bool wants_polling(const struct sl_watched_dir *intake)
{
    const char *kind;
    if (intake->options.watch == SL_WATCH_POLL)
        return true;
    if (sl_dir_path_has_events(&intake->place, &kind))
        return false;
    if (intake->options.watch == SL_WATCH_INOTIFY) {
        sl_log(intake->log, SL_LOG_WARNING,
               "%s: %s does not tell what others do, and watch = \"inotify\" does not scan for it",
               intake->place.path, kind);
        return false;
    }
    sl_log(intake->log, SL_LOG_INFO, "%s: %s does not tell what others do; it is scanned every pollInterval",
           intake->place.path, kind);
    return true;
}

/* With newFilesOnly, what this first scan finds was there before; what the watch sees from now on is new. */
static int begin(struct sl_watched_dir *intake, struct sl_error *err)
{
    intake->polling = wants_polling(intake);
    int rc = intake->options.existing ? sl_watched_dir_begin_watch(intake, err)
                                      : sl_watched_dir_watch(intake, err);
    if (rc || intake->options.existing)
        return rc;
    intake->baseline = true;
    rc = sl_watched_dir_scan(intake, err);
    intake->baseline = false;
    return rc;
}

int sl_watched_dir_open(const struct sl_services *services, struct sl_notify *notify, const char *dir,
                        const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                        struct sl_error *err)
{
    if (options->complete && !sl_marker_valid(options->complete))
        return sl_error_set(err, SL_EUSAGE,
                            "complete = \"%s\": must be a name with one %% for the file's name",
                            options->complete);
    struct sl_watched_dir *intake = calloc(1, sizeof *intake);
    if (!intake)
        return sl_error_nomem(err);
    intake->arrivals.ops = &intake_ops;
    intake->io = services->io;
    intake->log = services->log;
    intake->clock = services->clock;
    intake->notify = notify;
    intake->pool = services->pool;
    intake->durable = services->durable;
    intake->options = *options;
    intake->round = 1; /* no entry was looked at in it */
    intake->aging_due_ms = INT64_MAX;
    intake->home_due = true;
    sl_entries_init(&intake->entries);
    int rc = sl_events_init(&intake->hints) ? sl_error_nomem(err) : 0;
    if (rc == 0 && (rc = sl_dir_path_open(services, dir, &intake->place, err)))
        sl_events_done(&intake->hints);
    if (rc) {
        free(intake);
        return rc;
    }
    rc = sl_notify_join(notify, &intake->hints, options->poll_interval_ms, err);
    if (rc) {
        intake_free(intake);
        return rc;
    }
    rc = begin(intake, err);
    sl_dir_path_leave(&intake->place);
    if (rc) {
        arrivals_close(&intake->arrivals);
        return rc;
    }
    *ret = &intake->arrivals;
    return 0;
}
