#include "sources/known_files.h"

#include "core/base/bisect.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

struct sl_known_file {
    const char *path;
    size_t len;   /* of the directory */
    size_t index; /* of files */
};

void sl_known_files_done(struct sl_known_files *known)
{
    sl_files_done(&known->files);
    free(known->by_dir);
    *known = (struct sl_known_files){0};
}

int sl_known_files_add(struct sl_known_files *known, const struct sl_file *file, struct sl_error *err)
{
    return sl_files_add(&known->files, file) < 0 ? sl_error_nomem(err) : 0;
}

/* ---- by directory ---- */

static size_t dir_len(const struct sl_file *file)
{
    const char *slash = strrchr(file->path, '/');
    return slash ? (size_t)(slash - file->path) : 0;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_by_dir(const void *a, const void *b)
{
    const struct sl_known_file *x = a, *y = b;
    int order = compare(x->path, x->len, y->path, y->len);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int sort(struct sl_known_files *known, struct sl_error *err)
{
    if (known->sorted == known->files.count)
        return 0;
    struct sl_known_file *grown = realloc(known->by_dir, known->files.count * sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    known->by_dir = grown;
    for (size_t i = 0; i < known->files.count; i++)
        grown[i] = (struct sl_known_file){known->files.file[i].path, dir_len(&known->files.file[i]), i};
    known->sorted = known->files.count;
    qsort(grown, known->sorted, sizeof *grown, compare_by_dir);
    return 0;
}

/* The first file of a directory that does not come before this one. */
static size_t find(const struct sl_known_files *known, const char *dir, size_t len)
{
    const struct sl_known_file *by_dir = known->by_dir;
    return SL_BISECT(i, 0, known->sorted, compare(by_dir[i].path, by_dir[i].len, dir, len) < 0);
}

/* ---- of one directory ---- */

typedef int visit(struct sl_known_files *known, size_t index, void *arg, struct sl_error *err);

/* The files in it. */
static int visit_direct(struct sl_known_files *known, const char *dir, visit *each, void *arg,
                        struct sl_error *err)
{
    size_t len = strlen(dir);
    int r = 0;
    for (size_t i = find(known, dir, len); r == 0 && i < known->sorted; i++) {
        const struct sl_known_file *file = &known->by_dir[i];
        if (compare(file->path, file->len, dir, len) != 0)
            break;
        r = each(known, file->index, arg, err);
    }
    return r;
}

/* The files of arrivals that are directories in it. */
static int visit_below(struct sl_known_files *known, const char *dir, visit *each, void *arg,
                       struct sl_error *err)
{
    size_t len = strlen(dir) + 1;
    char *prefix = malloc(len + 1);
    int r = prefix ? 0 : sl_error_nomem(err);
    if (r < 0)
        return r;
    memcpy(prefix, dir, len - 1);
    memcpy(prefix + len - 1, "/", 2);
    for (size_t i = find(known, prefix, len); r == 0 && i < known->sorted; i++) {
        const struct sl_known_file *file = &known->by_dir[i];
        if (file->len < len || memcmp(file->path, prefix, len) != 0)
            break;
        if (!memchr(file->path + len, '/', file->len - len))
            r = each(known, file->index, arg, err);
    }
    free(prefix);
    return r;
}

static int visit_files(struct sl_known_files *known, const char *dir, visit *each, void *arg,
                       struct sl_error *err)
{
    int r = sort(known, err);
    r = r < 0 ? r : visit_direct(known, dir, each, arg, err);
    return r < 0 || known->flat ? r : visit_below(known, dir, each, arg, err);
}

static int remember(struct sl_known_files *known, size_t index, void *arg, struct sl_error *err)
{
    struct sl_arrivals *arrivals = arg;
    const struct sl_files one = {.file = &known->files.file[index], .count = 1};
    return arrivals->ops->remember(arrivals, &one, err);
}

int sl_known_files_remind(struct sl_known_files *known, const char *dir, struct sl_arrivals *arrivals,
                          struct sl_error *err)
{
    return visit_files(known, dir, remember, arrivals, err);
}

/* ---- what was removed ---- */

/* Those to be removed have this size until they are: by_dir still refers to their paths. */
enum { REMOVED = -1 };

static void pack(struct sl_known_files *known)
{
    struct sl_files *files = &known->files;
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++)
        if (files->file[i].size == REMOVED)
            free(files->file[i].path);
        else
            files->file[kept++] = files->file[i];
    if (kept < files->count)
        known->sorted = 0;
    files->count = kept;
}

static int forget(struct sl_known_files *known, size_t index, void *arg, struct sl_error *err)
{
    struct sl_files *ret = arg;
    struct sl_file *file = &known->files.file[index];
    if (ret && sl_files_add(ret, file) < 0)
        return sl_error_nomem(err);
    file->size = REMOVED;
    return 0;
}

int sl_known_files_forget(struct sl_known_files *known, const char *dir, struct sl_error *err)
{
    int r = visit_files(known, dir, forget, NULL, err);
    pack(known);
    return r;
}

/* How many files from number `first` on are in one directory. */
static size_t of_one_dir(const struct sl_known_files *known, size_t first)
{
    const struct sl_known_file *by_dir = known->by_dir;
    size_t end = first + 1;
    while (end < known->sorted &&
           compare(by_dir[end].path, by_dir[end].len, by_dir[first].path, by_dir[first].len) == 0)
        end++;
    return end - first;
}

int sl_known_files_forget_removed(struct sl_known_files *known,
                                  bool (*is_removed)(const void *arg, const char *dir), const void *arg,
                                  struct sl_files *ret, struct sl_error *err)
{
    int r = sort(known, err);
    for (size_t first = 0, count; r == 0 && first < known->sorted; first += count) {
        char *dir = strndup(known->by_dir[first].path, known->by_dir[first].len);
        bool removed = dir && is_removed(arg, dir);
        r = dir ? 0 : sl_error_nomem(err);
        free(dir);
        count = of_one_dir(known, first);
        for (size_t i = first; r == 0 && removed && i < first + count; i++)
            r = forget(known, known->by_dir[i].index, ret, err);
    }
    pack(known);
    return r;
}
