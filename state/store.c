#include "state/store.h"

#include "core/buf.h"
#include "core/error.h"
#include "state/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 64 };

struct entry {
    uint64_t number, bytes, hash;
};

/* A list of segments, oldest first. */
struct list {
    size_t count, capacity;
    struct entry *entry;
};

struct sl_store {
    struct sl_keeper keeper; /* first */
    struct sl_io *io;
    struct sl_log *log;
    int dirfd; /* of <checkpoint>/state */
    struct list list;
    uint64_t next; /* number of the next file */
    size_t keys, keys_capacity;
    char **key; /* of operators that have sections */
    size_t drops;
    const char **drop; /* [drops] and a NULL, of key[] */

    /* the batch being written */
    int64_t t, last_ms;
    const char *operator;
    struct sl_segment_writer *writer; /* NULL: nothing was written yet */
    uint64_t number;
    int failed;
    struct sl_error error;
    struct sl_buf text; /* of the list to commit */
    size_t gone, gone_capacity;
    uint64_t *gone_number; /* files that the list to commit has no more */

    /* the merge under way */
    bool merging;
    pthread_t thread;
    struct sl_merge merge;
    struct sl_merge_input *input; /* [merge.count] */
    char (*path)[PATH_BYTES];     /* [merge.count + 1], the last is the result's */
    uint64_t merge_first, merge_number;
    _Atomic int stop, done;
    int merge_result;
    struct entry merged;
    struct sl_error merge_error;
};

static void path_of(uint64_t number, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%" PRIu64 ".seg", number);
}

static bool append_entry(struct list *list, struct entry entry)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct entry *grown = realloc(list->entry, capacity * sizeof *grown);
        if (!grown)
            return false;
        list->entry = grown;
        list->capacity = capacity;
    }
    list->entry[list->count++] = entry;
    return true;
}

/* ---- the list as text: a line "number bytes hash" per segment, the last two in hexadecimal ---- */

static int parse_list(struct sl_store *store, const char *text, struct sl_error *err)
{
    for (const char *line = text; *line;) {
        struct entry entry;
        int len = 0;
        if (sscanf(line, "%" SCNu64 " %" SCNx64 " %" SCNx64 "\n%n", &entry.number, &entry.bytes, &entry.hash,
                   &len) != 3 ||
            !len)
            return sl_error_set(err, SL_EDAMAGED, "the list of segments in the catalog is damaged");
        if (!append_entry(&store->list, entry))
            return sl_error_nomem(err);
        if (entry.number >= store->next)
            store->next = entry.number + 1;
        line += len;
    }
    return 0;
}

static int format_list(struct sl_store *store, struct sl_error *err)
{
    bool ok = true;
    store->text.len = 0;
    for (size_t i = 0; ok && i < store->list.count; i++) {
        const struct entry *entry = &store->list.entry[i];
        ok = sl_buf_printf(&store->text, "%" PRIu64 " %" PRIx64 " %" PRIx64 "\n", entry->number, entry->bytes,
                           entry->hash);
    }
    ok = ok && sl_buf_byte(&store->text, 0);
    return ok ? 0 : sl_error_nomem(err);
}

/* ---- opening ---- */

static bool is_listed(const struct sl_store *store, const char *name)
{
    for (size_t i = 0; i < store->list.count; i++) {
        char path[PATH_BYTES];
        path_of(store->list.entry[i].number, path);
        if (strcmp(path, name) == 0)
            return true;
    }
    return false;
}

static bool is_segment_name(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits && strcmp(name + digits, ".seg") == 0;
}

/* Removes segments that no committed batch knows: what a crash or a merge left behind. */
static int remove_unlisted(struct sl_store *store, struct sl_error *err)
{
    int fd = sl_io_open(store->io, store->dirfd, ".", O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return sl_error_wrap(err, "the directory of segments");
    DIR *dir = store->io->ops->fdopendir(store->io, fd);
    if (!dir) {
        sl_io_close(store->io, fd);
        return sl_error_sys(err, errno, "reading the directory of segments");
    }
    for (struct dirent *entry; (entry = store->io->ops->readdir(store->io, dir));)
        if (is_segment_name(entry->d_name) && !is_listed(store, entry->d_name))
            (void)store->io->ops->unlinkat(store->io, store->dirfd, entry->d_name,
                                           0);      /* the next start tries again */
    (void)store->io->ops->closedir(store->io, dir); /* nothing was written through it */
    return 0;
}

static int add_key(struct sl_store *store, const char *key, struct sl_error *err)
{
    for (size_t i = 0; i < store->keys; i++)
        if (strcmp(store->key[i], key) == 0)
            return 0;
    if (store->keys == store->keys_capacity) {
        size_t capacity = store->keys_capacity ? store->keys_capacity * 2 : 8;
        char **grown = realloc(store->key, capacity * sizeof *grown);
        if (!grown)
            return sl_error_nomem(err);
        store->key = grown;
        store->keys_capacity = capacity;
    }
    store->key[store->keys] = strdup(key);
    return store->key[store->keys] ? (store->keys++, 0) : sl_error_nomem(err);
}

static int open_entry(struct sl_store *store, const struct entry *entry, bool verify, struct sl_segment **ret,
                      struct sl_error *err)
{
    char path[PATH_BYTES];
    path_of(entry->number, path);
    return sl_segment_open(store->io, store->dirfd, path, entry->bytes, entry->hash, verify, ret, err);
}

/* Every segment is read once: damage is told before anything is computed. */
static int check_segments(struct sl_store *store, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < store->list.count && r == 0; s++) {
        struct sl_segment *segment;
        r = open_entry(store, &store->list.entry[s], true, &segment, err);
        if (r < 0)
            return r;
        for (size_t i = 0; i < segment->sections && r == 0; i++)
            r = add_key(store, segment->section[i].key, err);
        sl_segment_close(segment);
    }
    return r;
}

static int keeper_begin(struct sl_keeper *keeper, const struct sl_section *section);
static int keeper_row(struct sl_keeper *keeper, const struct sl_field *fields, uint32_t width);
static const struct sl_keeper_ops keeper_ops = {keeper_begin, keeper_row};

static int open_directory(struct sl_store *store, int dirfd, const char *dir, struct sl_error *err)
{
    struct sl_buf path = {0};
    if (!sl_buf_printf(&path, "%s/state", dir) || !sl_buf_byte(&path, 0)) {
        sl_buf_done(&path);
        return sl_error_nomem(err);
    }
    int r = sl_io_make_dirs(store->io, dirfd, (const char *)path.bytes, 0700, err);
    if (r == 0)
        r = sl_io_open(store->io, dirfd, (const char *)path.bytes, O_RDONLY | O_DIRECTORY, 0, err);
    sl_buf_done(&path);
    if (r < 0)
        return r;
    store->dirfd = r;
    return sl_io_sync_dir(store->io, dirfd, dir, err); /* state/ itself is durable before it is named */
}

int sl_store_open(struct sl_io *io, struct sl_log *log, int dirfd, const char *dir, const char *list,
                  int64_t last_ms, struct sl_store **ret, struct sl_error *err)
{
    struct sl_store *store = calloc(1, sizeof *store);
    if (!store)
        return sl_error_nomem(err);
    store->keeper.ops = &keeper_ops;
    store->io = io;
    store->log = log;
    store->dirfd = -1;
    store->last_ms = last_ms;
    int r = open_directory(store, dirfd, dir, err);
    r = r < 0 ? r : parse_list(store, list, err);
    r = r < 0 ? r : check_segments(store, err);
    r = r < 0 ? r : remove_unlisted(store, err);
    if (r < 0) {
        sl_store_close(store);
        return r;
    }
    *ret = store;
    return 0;
}

const char *sl_store_key(const struct sl_store *store, size_t index)
{
    return index < store->keys ? store->key[index] : NULL;
}

int sl_store_drop(struct sl_store *store, const char *key)
{
    const char **grown = realloc(store->drop, (store->drops + 2) * sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    store->drop = grown;
    for (size_t i = 0; i < store->keys; i++)
        if (strcmp(store->key[i], key) == 0)
            store->drop[store->drops++] = store->key[i];
    store->drop[store->drops] = NULL;
    return 0;
}

/* ---- loading ---- */

static int read_rows(struct sl_segment *segment, const struct sl_segment_section *section,
                     struct sl_rows *rows, struct sl_error *err)
{
    struct sl_segment_rows reader;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    int r;
    sl_segment_rows_init(&reader, segment, section);
    while ((r = sl_segment_rows_next(&reader, fields, &width, err)) > 0) {
        for (uint32_t i = 0; i < width && r > 0; i++)
            if (!sl_field_copy(&rows->arena, &fields[i], &fields[i]))
                r = SL_ENOMEM;
        if (r > 0 && sl_rows_append_row(rows, fields, width) < 0)
            r = SL_ENOMEM;
        if (r < 0)
            break;
    }
    sl_segment_rows_done(&reader);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

static int visit_section(struct sl_segment *segment, const struct sl_segment_section *section,
                         int (*visit)(void *arg, const struct sl_section *section,
                                      const struct sl_dataset *rows),
                         void *arg, struct sl_error *err)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? read_rows(segment, section, rows, err) : sl_error_nomem(err);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    struct sl_dataset *dataset = sl_dataset_of(rows);
    r = dataset ? visit(arg, &section->section, dataset) : sl_error_nomem(err);
    sl_dataset_unref(dataset);
    return r;
}

int sl_store_load(struct sl_store *store, const char *key,
                  int (*visit)(void *arg, const struct sl_section *section, const struct sl_dataset *rows),
                  void *arg, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < store->list.count && r == 0; s++) {
        struct sl_segment *segment;
        r = open_entry(store, &store->list.entry[s], false, &segment, err);
        if (r < 0)
            return r;
        for (size_t i = 0; i < segment->sections && r == 0; i++)
            if (strcmp(segment->section[i].key, key) == 0)
                r = visit_section(segment, &segment->section[i], visit, arg, err);
        sl_segment_close(segment);
    }
    return r;
}

/* ---- a batch ---- */

void sl_store_batch(struct sl_store *store, int64_t t)
{
    sl_segment_abort(store->writer);
    store->writer = NULL;
    store->t = t;
    store->failed = 0;
}

struct sl_keeper *sl_store_operator(struct sl_store *store, const char *key)
{
    store->operator= key;
    return &store->keeper;
}

static int keep_failure(struct sl_store *store, int r)
{
    if (r < 0 && store->failed == 0)
        store->failed = r;
    return r;
}

static int keeper_begin(struct sl_keeper *keeper, const struct sl_section *section)
{
    struct sl_store *store = (struct sl_store *)keeper;
    char path[PATH_BYTES];
    int r = 0;
    if (!store->writer) {
        store->number = store->next++;
        path_of(store->number, path);
        r = sl_segment_create(store->io, store->dirfd, path, &store->writer, &store->error);
    }
    if (r == 0)
        r = sl_segment_begin(store->writer, store->operator, section, &store->error);
    return keep_failure(store, r);
}

static int keeper_row(struct sl_keeper *keeper, const struct sl_field *fields, uint32_t width)
{
    struct sl_store *store = (struct sl_store *)keeper;
    return keep_failure(store, sl_segment_row(store->writer, fields, width, &store->error));
}

static int finish_segment(struct sl_store *store, struct sl_error *err)
{
    struct entry entry = {.number = store->number};
    if (!store->writer)
        return 0;
    int r = sl_segment_finish(store->writer, &entry.bytes, &entry.hash, err);
    store->writer = NULL;
    return r == 0 && !append_entry(&store->list, entry) ? sl_error_nomem(err) : r;
}

/* ---- merging ---- */

static void *merge_main(void *arg)
{
    struct sl_store *store = arg;
    store->merge_result =
        sl_merge_run(&store->merge, &store->merged.bytes, &store->merged.hash, &store->merge_error);
    atomic_store(&store->done, 1);
    return NULL;
}

static bool note_gone(struct sl_store *store, uint64_t number)
{
    if (store->gone == store->gone_capacity) {
        size_t capacity = store->gone_capacity ? store->gone_capacity * 2 : 16;
        uint64_t *grown = realloc(store->gone_number, capacity * sizeof *grown);
        if (!grown)
            return false;
        store->gone_number = grown;
        store->gone_capacity = capacity;
    }
    store->gone_number[store->gone++] = number;
    return true;
}

/* The merged segment takes the place of its inputs. */
static int replace_merged(struct sl_store *store, struct sl_error *err)
{
    struct list *list = &store->list;
    size_t first = 0, count = store->merge.count;
    while (list->entry[first].number != store->merge_first)
        first++;
    for (size_t i = 0; i < count; i++)
        if (!note_gone(store, list->entry[first + i].number))
            return sl_error_nomem(err);
    bool any = store->merged.bytes > 0;
    if (any)
        list->entry[first] = store->merged;
    size_t rest = first + count;
    memmove(&list->entry[first + any], &list->entry[rest], (list->count - rest) * sizeof *list->entry);
    list->count -= count - any;
    return 0;
}

static void free_merge(struct sl_store *store)
{
    free(store->input);
    free(store->path);
    store->input = NULL;
    store->path = NULL;
    store->merging = false;
}

/* Takes in a merge that is done. A failed one is said and changes nothing. */
static int collect_merge(struct sl_store *store, struct sl_error *err)
{
    if (!store->merging || !atomic_load(&store->done))
        return 0;
    pthread_join(store->thread, NULL);
    int r = store->merge_result == 0 ? replace_merged(store, err) : 0;
    if (store->merge_result < 0 && store->merge_result != SL_ESTOP)
        sl_log(store->log, SL_LOG_WARNING, "merging segments of state: %s", store->merge_error.text);
    if (store->merge_result == SL_EDAMAGED) {
        *err = store->merge_error;
        r = SL_EDAMAGED;
    }
    free_merge(store);
    return r;
}

/* Newer segments that together have grown to the size of the one before them are merged with it. */
static size_t choose_first(const struct list *list)
{
    uint64_t newer = 0;
    size_t first = list->count;
    for (size_t i = list->count; i-- > 0;) {
        if (i + 1 < list->count && newer >= list->entry[i].bytes)
            first = i;
        newer += list->entry[i].bytes;
    }
    return first;
}

enum { SEGMENTS_MIN = 8 };

static bool prepare_merge(struct sl_store *store, size_t first)
{
    size_t count = store->list.count - first;
    store->input = calloc(count, sizeof *store->input);
    store->path = calloc(count + 1, sizeof *store->path);
    if (!store->input || !store->path)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &store->list.entry[first + i];
        path_of(entry->number, store->path[i]);
        store->input[i] = (struct sl_merge_input){store->path[i], entry->bytes, entry->hash};
    }
    store->merge_first = store->list.entry[first].number;
    store->merged = (struct entry){.number = store->next++};
    path_of(store->merged.number, store->path[count]);
    store->merge = (struct sl_merge){
        .io = store->io,
        .dirfd = store->dirfd,
        .count = count,
        .input = store->input,
        .from_oldest = first == 0,
        .last_ms = store->last_ms,
        .drop = store->drops ? store->drop : NULL,
        .path = store->path[count],
        .stop = &store->stop,
    };
    return true;
}

/* Starts a merge where it is due. Without memory or threads there is none: the next batch tries again. */
static void start_merge(struct sl_store *store)
{
    size_t first = choose_first(&store->list);
    if (store->merging || store->list.count < SEGMENTS_MIN || first >= store->list.count)
        return;
    atomic_store(&store->done, 0);
    store->merging =
        prepare_merge(store, first) && pthread_create(&store->thread, NULL, merge_main, store) == 0;
    if (!store->merging)
        free_merge(store);
}

int sl_store_failure(const struct sl_store *store, struct sl_error *err)
{
    if (store->failed)
        *err = store->error;
    return store->failed;
}

int sl_store_finish(struct sl_store *store, const char **ret_list, struct sl_error *err)
{
    bool changed = store->writer != NULL;
    int r = sl_store_failure(store, err);
    store->gone = 0;
    r = r < 0 ? r : finish_segment(store, err);
    r = r < 0 ? r : collect_merge(store, err);
    if (r == 0 && (changed || store->gone))
        r = sl_io_sync(store->io, store->dirfd, "the directory of segments", err);
    r = r < 0 ? r : format_list(store, err);
    if (r == 0)
        *ret_list = (const char *)store->text.bytes;
    return r;
}

void sl_store_committed(struct sl_store *store)
{
    store->last_ms = store->t;
    for (size_t i = 0; i < store->gone; i++) {
        char path[PATH_BYTES];
        path_of(store->gone_number[i], path);
        (void)store->io->ops->unlinkat(store->io, store->dirfd, path, 0); /* a start removes what is left */
    }
    store->gone = 0;
    start_merge(store);
}

void sl_store_close(struct sl_store *store)
{
    if (!store)
        return;
    if (store->merging) {
        atomic_store(&store->stop, 1);
        pthread_join(store->thread, NULL);
        free_merge(store);
    }
    sl_segment_abort(store->writer);
    if (store->dirfd >= 0)
        sl_io_close(store->io, store->dirfd);
    for (size_t i = 0; i < store->keys; i++)
        free(store->key[i]);
    free(store->key);
    free(store->drop);
    free(store->list.entry);
    free(store->gone_number);
    sl_buf_done(&store->text);
    free(store);
}
