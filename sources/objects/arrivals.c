#include "sources/objects/arrivals.h"

#include "core/base/array.h"
#include "core/base/condition.h"
#include "core/base/error.h"
#include "core/contract/site.h"
#include "sources/objects/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct object_arrivals {
    struct sl_arrivals arrivals; /* first */
    struct sl_objects *objects;
    const struct sl_services *services;
    const struct sl_file_options *options;
    struct sl_files now;   /* the newest listing */
    struct sl_files taken; /* in this run and earlier ones, and those that were old */
    /* The same, to be merged when there is a listing to compare with: a start remembers many, some at a time. */
    struct sl_files remembered;
    size_t waiting;   /* of `now`, when it came or files were taken */
    bool has_listing; /* since `gone` */
    bool skips_first; /* what the first listing shows is old */

    pthread_t thread;
    bool is_started;
    _Atomic int stop;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool ends, has_fresh;
    struct sl_files fresh; /* a listing that `now` is not yet */
};

static struct object_arrivals *own(struct sl_arrivals *arrivals)
{
    return (struct object_arrivals *)arrivals;
}

/* ---- listing ---- */

struct listing {
    const char *url;
    struct sl_files *files;
};

static int add_listed(void *arg, const struct sl_bucket_entry *entry, struct sl_error *err)
{
    const struct listing *listing = arg;
    const struct sl_file file = sl_object_file_of(entry);
    if (!sl_bucket_name_below(file.path, listing->url))
        return 0; /* a server that does not look at the prefix */
    return sl_files_add(listing->files, &file) < 0 ? sl_error_nomem(err) : 0;
}

/* One object at a path, whatever the server lists. */
static void drop_twins(struct sl_files *files)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++)
        if (kept && strcmp(files->file[kept - 1].path, files->file[i].path) == 0)
            free(files->file[i].path);
        else
            files->file[kept++] = files->file[i];
    files->count = kept;
}

static int list(struct object_arrivals *a, struct sl_bucket *bucket, struct sl_files *ret,
                struct sl_error *err)
{
    struct listing listing = {a->options->dir, ret};
    *ret = (struct sl_files){0};
    int r = bucket->ops->list(bucket, &a->stop, add_listed, &listing, err);
    if (r < 0)
        sl_files_done(ret);
    sl_files_sort(ret, 0);
    drop_twins(ret);
    return r;
}

/* Whether it was not taken as it is now. `at` follows the paths of the listing. */
static bool is_new(const struct object_arrivals *a, const struct sl_file *file, size_t *at)
{
    int order = -1;
    while (*at < a->taken.count && (order = strcmp(a->taken.file[*at].path, file->path)) < 0)
        ++*at;
    return *at == a->taken.count || order != 0 || !sl_file_same(&a->taken.file[*at], file);
}

/* Calls `each` for those that wait, until it returns false. */
static void each_waiting(struct object_arrivals *a, bool (*each)(void *arg, const struct sl_file *file),
                         void *arg)
{
    int64_t now_ms = sl_clock_real.now_ms(&sl_clock_real);
    size_t at = 0;
    for (size_t i = 0; i < a->now.count; i++)
        if (is_new(a, &a->now.file[i], &at) &&
            sl_object_is_ready(&a->now, &a->now.file[i], a->options, now_ms) && !each(arg, &a->now.file[i]))
            return;
}

static bool count_one(void *arg, const struct sl_file *file)
{
    (void)file; /* that there is one is enough */
    ++*(size_t *)arg;
    return true;
}

static void count_waiting(struct object_arrivals *a)
{
    a->waiting = 0;
    each_waiting(a, count_one, &a->waiting);
}

/* Adds the other list, which is empty afterwards; of two at one path the other list's stays. 0 or SL_ENOMEM. */
static int merge(struct sl_files *list, struct sl_files *other)
{
    size_t i = 0, k = 0, count = 0, capacity = list->count + other->count;
    if (!other->count)
        return 0;
    struct sl_file *merged = malloc(capacity * sizeof *merged);
    if (!merged)
        return SL_ENOMEM;
    while (i < list->count || k < other->count) {
        int order = i == list->count    ? 1
                    : k == other->count ? -1
                                        : strcmp(list->file[i].path, other->file[k].path);
        if (order == 0)
            free(list->file[i++].path);
        merged[count++] = order < 0 ? list->file[i++] : other->file[k++];
    }
    free(list->file);
    free(other->file);
    *other = (struct sl_files){0};
    *list = (struct sl_files){merged, count, capacity};
    return 0;
}

/* 0 or SL_ENOMEM. */
static int merge_remembered(struct object_arrivals *a)
{
    sl_files_sort(&a->remembered, 0);
    return merge(&a->taken, &a->remembered);
}

/* Copies all that the listing shows to what was taken. */
static int skip_listed(struct object_arrivals *a, struct sl_files *ret, struct sl_error *err)
{
    struct sl_files old = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < a->now.count; i++) {
        r = sl_files_add(&old, &a->now.file[i]);
        r = r < 0 || !ret ? r : sl_files_add(ret, &a->now.file[i]);
    }
    r = r < 0 ? r : merge(&a->taken, &old);
    sl_files_done(&old);
    a->skips_first = false;
    return r < 0 ? sl_error_nomem(err) : 0;
}

/* The listing takes the place of the last one. */
static int adopt(struct object_arrivals *a, struct sl_files *listing, struct sl_error *err)
{
    sl_files_done(&a->now);
    a->now = *listing;
    a->has_listing = true;
    int r = merge_remembered(a) < 0 ? sl_error_nomem(err) : 0;
    r = r == 0 && a->skips_first ? skip_listed(a, NULL, err) : r;
    count_waiting(a);
    return r;
}

/* What the thread has listed since. */
static int adopt_fresh(struct object_arrivals *a, struct sl_error *err)
{
    struct sl_files fresh;
    pthread_mutex_lock(&a->lock);
    bool has_fresh = a->has_fresh;
    fresh = a->fresh;
    if (has_fresh)
        a->fresh = (struct sl_files){0};
    a->has_fresh = false;
    pthread_mutex_unlock(&a->lock);
    return has_fresh ? adopt(a, &fresh, err) : 0;
}

/* ---- the thread ---- */

static void report(struct object_arrivals *a, int result, const struct sl_error *err, bool *is_away)
{
    const struct sl_node *node = a->options->node;
    if (result < 0 && !*is_away)
        sl_log(a->services->log, SL_LOG_WARNING, "%s:%d: %s: %s; it is listed again every pollInterval",
               node->site.file, node->site.line, node->op->name, err->text);
    if (result == 0 && *is_away)
        sl_log(a->services->log, SL_LOG_INFO, "%s:%d: %s: %s can be listed again", node->site.file,
               node->site.line, node->op->name, a->options->dir);
    *is_away = result < 0;
}

static void hand_over(struct object_arrivals *a, struct sl_files *listing)
{
    pthread_mutex_lock(&a->lock);
    sl_files_done(&a->fresh);
    a->fresh = *listing;
    a->has_fresh = true;
    pthread_mutex_unlock(&a->lock);
}

/* False: it is to end. */
static bool rest(struct object_arrivals *a)
{
    const struct timespec until = sl_condition_end(a->options->arrivals.poll_interval_ms);
    pthread_mutex_lock(&a->lock);
    while (!a->ends && pthread_cond_timedwait(&a->changed, &a->lock, &until) == 0)
        ;
    bool goes_on = !a->ends;
    pthread_mutex_unlock(&a->lock);
    return goes_on;
}

static void *watch(void *arg)
{
    struct object_arrivals *a = arg;
    struct sl_bucket *bucket = NULL;
    bool is_away = false;
    do {
        struct sl_error err = {0};
        struct sl_files listing;
        int r = bucket ? 0 : sl_objects_connect(a->objects, 0, &bucket, &err);
        r = r < 0 ? r : list(a, bucket, &listing, &err);
        if (r == 0)
            hand_over(a, &listing);
        if (!atomic_load(&a->stop))
            report(a, r, &err, &is_away);
    } while (rest(a));
    if (bucket)
        bucket->ops->close(bucket);
    return NULL;
}

int sl_object_arrivals_start(struct sl_arrivals *arrivals, struct sl_error *err)
{
    struct object_arrivals *a = own(arrivals);
    int failed = pthread_create(&a->thread, NULL, watch, a);
    a->is_started = failed == 0;
    return failed ? sl_error_thread(err, failed, "starting a thread") : 0;
}

/* ---- the contract ---- */

static bool pending(struct sl_arrivals *arrivals)
{
    struct sl_error ignored; /* without memory nothing waits yet */
    return adopt_fresh(own(arrivals), &ignored) == 0 && own(arrivals)->waiting > 0;
}

/* Runs that end fail where the server stays away. */
static int refresh(struct sl_arrivals *arrivals, struct sl_error *err)
{
    struct object_arrivals *a = own(arrivals);
    struct sl_files listing;
    struct sl_bucket *bucket;
    int r = sl_objects_borrow(a->objects, &bucket, err);
    if (r < 0)
        return r;
    r = list(a, bucket, &listing, err);
    sl_objects_give_back(a->objects, bucket);
    r = r < 0 ? r : adopt(a, &listing, err);
    if (r != SL_EUNREACHABLE)
        return r;
    err->code = SL_EFAIL;
    return sl_site_wrap(&a->options->node->site, err);
}

struct choice {
    struct sl_file *file; /* [count], borrowed */
    size_t count, capacity;
    bool nomem;
};

static bool choose(void *arg, const struct sl_file *file)
{
    struct choice *choice = arg;
    struct sl_file *grown = sl_array_grow(choice->file, choice->count, &choice->capacity, sizeof *grown);
    choice->nomem = !grown;
    if (!grown)
        return false;
    choice->file = grown;
    grown[choice->count++] = *file;
    return true;
}

static int compare_age(const void *left, const void *right)
{
    const struct sl_file *a = left, *b = right;
    int by_time = (a->mtime_ns > b->mtime_ns) - (a->mtime_ns < b->mtime_ns);
    return by_time ? by_time : strcmp(a->path, b->path);
}

/* The number of those, in their order, that the limits permit. */
static size_t within(const struct choice *choice, uint64_t files_max, uint64_t bytes_max)
{
    uint64_t bytes = 0;
    size_t count = 0;
    for (; count < choice->count && count < files_max; count++) {
        bytes += (uint64_t)choice->file[count].size;
        if (bytes > bytes_max && count)
            break;
    }
    return count;
}

static int remember(struct sl_arrivals *arrivals, const struct sl_files *files, struct sl_error *err)
{
    struct object_arrivals *a = own(arrivals);
    int r = 0;
    for (size_t i = 0; r == 0 && i < files->count; i++)
        r = sl_files_add(&a->remembered, &files->file[i]);
    r = r == 0 && a->now.count ? merge_remembered(a) : r;
    if (r == 0)
        count_waiting(a);
    return r < 0 ? sl_error_nomem(err) : 0;
}

static int take_chosen(struct object_arrivals *a, struct choice *choice, uint64_t files_max,
                       uint64_t bytes_max, struct sl_files *ret, struct sl_error *err)
{
    if (choice->count)
        qsort(choice->file, choice->count, sizeof *choice->file, compare_age);
    size_t count = within(choice, files_max, bytes_max), before = ret->count;
    const struct sl_files chosen = {.file = choice->file, .count = count};
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = sl_files_add(ret, &choice->file[i]);
    if (r < 0)
        return sl_error_nomem(err);
    sl_files_sort(ret, before);
    return remember(&a->arrivals, &chosen, err);
}

static int take(struct sl_arrivals *arrivals, uint64_t files_max, uint64_t bytes_max, struct sl_files *ret,
                struct sl_error *err)
{
    struct object_arrivals *a = own(arrivals);
    struct choice choice = {0};
    int r = adopt_fresh(a, err);
    if (r == 0)
        each_waiting(a, choose, &choice);
    r = r < 0          ? r
        : choice.nomem ? sl_error_nomem(err)
                       : take_chosen(a, &choice, files_max, bytes_max, ret, err);
    free(choice.file);
    return r;
}

static int decide(struct sl_arrivals *arrivals, bool is_decided, struct sl_files *ret, struct sl_error *err)
{
    struct object_arrivals *a = own(arrivals);
    a->skips_first = false;
    int r = is_decided ? 0 : refresh(arrivals, err);
    r = r < 0 || is_decided ? r : skip_listed(a, ret, err);
    count_waiting(a);
    return r;
}

static int gone(struct sl_arrivals *arrivals, struct sl_files *ret, struct sl_error *err)
{
    struct object_arrivals *a = own(arrivals);
    size_t kept = 0;
    int r = 0;
    if (!a->has_listing)
        return 0;
    a->has_listing = false;
    for (size_t i = 0; i < a->taken.count; i++) {
        struct sl_file *file = &a->taken.file[i];
        bool is_gone = r == 0 && !sl_files_find(&a->now, file->path);
        r = is_gone ? sl_files_add(ret, file) : r;
        if (is_gone && r == 0)
            free(file->path);
        else
            a->taken.file[kept++] = *file;
    }
    a->taken.count = kept;
    return r < 0 ? sl_error_nomem(err) : 0;
}

/* They are of no watched directory. */
static const struct sl_arrivals *part(const struct sl_arrivals *arrivals, size_t i)
{
    (void)arrivals, (void)i;
    return NULL;
}

static void count(const struct sl_arrivals *arrivals, uint64_t *ret_waiting, uint64_t *ret_taken)
{
    const struct object_arrivals *a = (const struct object_arrivals *)arrivals;
    *ret_waiting = a->waiting;
    *ret_taken = a->taken.count + a->remembered.count;
}

static void close_arrivals(struct sl_arrivals *arrivals)
{
    struct object_arrivals *a = own(arrivals);
    atomic_store(&a->stop, 1);
    pthread_mutex_lock(&a->lock);
    a->ends = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (a->is_started)
        pthread_join(a->thread, NULL);
    sl_files_done(&a->now);
    sl_files_done(&a->taken);
    sl_files_done(&a->remembered);
    sl_files_done(&a->fresh);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static const struct sl_arrivals_ops ops = {
    .pending = pending,
    .refresh = refresh,
    .take = take,
    .remember = remember,
    .decide = decide,
    .gone = gone,
    .close = close_arrivals,
    .part = part,
    .count = count,
};

int sl_object_arrivals_open(struct sl_objects *objects, const struct sl_services *services,
                            const struct sl_file_options *options, struct sl_arrivals **ret,
                            struct sl_error *err)
{
    struct object_arrivals *a = calloc(1, sizeof *a);
    if (!a)
        return sl_error_nomem(err);
    a->arrivals.ops = &ops;
    a->objects = objects;
    a->services = services;
    a->options = options;
    a->skips_first = !options->arrivals.existing;
    pthread_mutex_init(&a->lock, NULL);
    sl_condition_init(&a->changed);
    *ret = &a->arrivals;
    return 0;
}
