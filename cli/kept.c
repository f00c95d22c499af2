#include "cli/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 100 };

#define VIEW_PREFIX "view:"

static int open_once(const char *checkpoint, const char *text, struct sl_snapshot **ret, struct sl_error *err)
{
    return sl_snapshot_open(&sl_io_system, checkpoint, text, ret, err);
}

int sl_kept_open(const char *checkpoint, sl_kept_list *list, void *arg, struct sl_snapshot **ret,
                 struct sl_error *err)
{
    char *before = NULL;
    int r = SL_EDAMAGED;
    for (int i = 0; r == SL_EDAMAGED && i < TRIES; i++) {
        char *text = NULL;
        r = list(arg, &text, err);
        if (r < 0)
            break;
        r = open_once(checkpoint, text, ret, err);
        bool is_same = before && strcmp(before, text) == 0;
        free(before);
        before = text;
        if (is_same)
            break; /* no batch was committed meanwhile: it is damage */
    }
    free(before);
    return r;
}

const char *sl_kept_name(const struct sl_snapshot *snapshot, size_t index, bool *ret_is_view)
{
    const char *key = sl_snapshot_key(snapshot, index);
    *ret_is_view = key && strncmp(key, VIEW_PREFIX, strlen(VIEW_PREFIX)) == 0;
    return *ret_is_view ? key + strlen(VIEW_PREFIX) : key;
}

/* ---- views ---- */

struct loading {
    struct sl_shown *shown;
    struct sl_sorted_rows *keys;
    const char *name;
    struct sl_error *err;
};

static int load_shown(void *arg, const struct sl_section *section, const struct sl_dataset *rows)
{
    const struct loading *loading = arg;
    return sl_shown_load(loading->shown, section, rows, loading->err);
}

static char *view_key(const char *name)
{
    char *key;
    return asprintf(&key, VIEW_PREFIX "%s", name) < 0 ? NULL : key;
}

/* As the oldest `segments` have it. */
static int load_view(struct sl_snapshot *snapshot, size_t segments, const char *key, struct sl_shown *ret,
                     struct sl_error *err)
{
    struct loading loading = {.shown = ret, .err = err};
    *ret = (struct sl_shown){0};
    int r = sl_snapshot_load_oldest(snapshot, segments, key, load_shown, &loading, err);
    r = r < 0 ? r : sl_shown_loaded(ret, err);
    if (r < 0)
        sl_shown_done(ret);
    return r;
}

int sl_kept_view(struct sl_snapshot *snapshot, const char *name, struct sl_shown *ret, struct sl_error *err)
{
    char *key = view_key(name);
    int r = key ? load_view(snapshot, sl_snapshot_segments(snapshot), key, ret, err) : sl_error_nomem(err);
    free(key);
    return r;
}

/* ---- earlier versions: what a view showed when a segment was the newest ---- */

struct head {
    int64_t t;
    bool any;
};

static int read_head(void *arg, const struct sl_field *row, uint32_t width)
{
    struct head *head = arg;
    head->any = sl_shown_time(row, width, &head->t);
    return 0;
}

/* The time of the version that a segment makes; none: it has nothing of the view. */
static int find_head(struct sl_snapshot *snapshot, size_t segment, const char *key, struct head *ret,
                     struct sl_error *err)
{
    *ret = (struct head){0};
    return sl_snapshot_first_row(snapshot, segment, key, SL_SHOWN_HEAD, read_head, ret, err);
}

int sl_kept_versions(struct sl_snapshot *snapshot, const char *name, int64_t **ret, size_t *ret_count,
                     struct sl_error *err)
{
    size_t segments = sl_snapshot_segments(snapshot), count = 0;
    char *key = view_key(name);
    int64_t *times = calloc(segments + 1, sizeof *times);
    int r = key && times ? 0 : sl_error_nomem(err);
    for (size_t s = 0; r == 0 && s < segments; s++) {
        struct head head;
        r = find_head(snapshot, s, key, &head, err);
        if (r == 0 && head.any)
            times[count++] = head.t;
    }
    free(key);
    if (r < 0) {
        free(times);
        return r;
    }
    *ret = times;
    *ret_count = count;
    return 0;
}

int sl_kept_version(struct sl_snapshot *snapshot, const char *name, int64_t t, struct sl_shown *ret,
                    struct sl_error *err)
{
    char *key = view_key(name);
    struct head head = {0};
    size_t segment = 0;
    int r = key ? 0 : sl_error_nomem(err);
    for (; r == 0 && !(head.any && head.t == t) && segment < sl_snapshot_segments(snapshot); segment++)
        r = find_head(snapshot, segment, key, &head, err);
    r = r < 0 ? r : load_view(snapshot, segment, key, ret, err);
    free(key);
    return r;
}

/* ---- state: sections of keys in their order, (key, value) or (key, value, time of the last record); a key alone
 * was removed ---- */

static int refuse(const struct loading *loading)
{
    return sl_error_set(loading->err, SL_EUSAGE, "%s keeps no state by key", loading->name);
}

static int append(struct sl_rows *to, const struct sl_field *row, uint32_t width)
{
    struct sl_field copy[2];
    for (uint32_t i = 0; i < width; i++)
        if (!sl_field_copy(&to->arena, &row[i], &copy[i]))
            return SL_ENOMEM;
    return sl_rows_append_row(to, copy, width);
}

static int copy_pairs(const struct loading *loading, const struct sl_dataset *rows, struct sl_rows *to)
{
    struct sl_field row[SL_WIDTH_MAX], last = sl_nil();
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    bool any = false;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        if (width > 3)
            return refuse(loading);
        if (any && sl_field_compare(&last, &row[0]) >= 0)
            return sl_error_set(loading->err, SL_EDAMAGED,
                                "the state of %s is damaged: its keys are in no order", loading->name);
        last = row[0];
        any = true;
        r = append(to, row, width > 1 ? 2 : 1);
    }
    return r == SL_ENOMEM ? sl_error_nomem(loading->err) : r;
}

static int load_state(void *arg, const struct sl_section *section, const struct sl_dataset *rows)
{
    const struct loading *loading = arg;
    if (section->kind != SL_SECTION_KEYED || section->part != 0)
        return refuse(loading);
    struct sl_rows *changes = sl_rows_new();
    int r = changes ? copy_pairs(loading, rows, changes) : sl_error_nomem(loading->err);
    if (r < 0) {
        sl_rows_unref(changes);
        return r;
    }
    r = sl_sorted_rows_add(loading->keys, NULL, changes, 0);
    return r < 0 ? sl_error_nomem(loading->err) : 0;
}

int sl_kept_state(struct sl_snapshot *snapshot, const char *name, struct sl_dataset **ret,
                  struct sl_error *err)
{
    struct sl_sorted_rows keys = {0};
    struct loading loading = {.keys = &keys, .name = name, .err = err};
    struct sl_rows *rows = NULL;
    int r = sl_snapshot_load(snapshot, name, load_state, &loading, err);
    if (r == 0 && sl_sorted_rows_rows(&keys, &rows) < 0)
        r = sl_error_nomem(err);
    sl_sorted_rows_done(&keys);
    if (r < 0)
        return r;
    *ret = sl_dataset_of(rows);
    return *ret ? 0 : sl_error_nomem(err);
}
