/* Two keyed sections. Part HEAD: (-1, time, inputs, list of first paths, number of rows, whether they are
 * saved by key) and, where the columns have names, the list of them; and for rows saved by place (place, fields as a list); those after the number are left over
 * from longer versions and mean nothing. Part KEYS, for rows saved by key: (key, other fields as a list), or
 * (key) where it is gone; it holds nothing else than the rows of the version. */
#include "output/shown.h"

#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/state_writer.h"

#include <stdlib.h>
#include <string.h>

enum part { HEAD = SL_SHOWN_HEAD, KEYS };
enum { HEAD_PLACE = -1, HEAD_WIDTH = 6, NAMED_HEAD_WIDTH };

static void drop_texts(char ***text, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        free((*text)[i]);
    free(*text);
    *text = NULL;
    *count = 0;
}

void sl_shown_done(void *memory)
{
    struct sl_shown *shown = memory;
    sl_dataset_unref(shown->rows);
    sl_sorted_rows_done(&shown->keys);
    drop_texts(&shown->first, &shown->first_count);
    drop_texts(&shown->name, &shown->names);
}

/* ---- saving ---- */

static int save_head(struct sl_stage *stage, const struct sl_dataset *rows, struct sl_state_writer *keeper)
{
    const struct sl_services *services = stage->services;
    struct sl_field paths[SL_INPUT_PATHS_SHOWN];
    for (size_t i = 0; i < services->first_count; i++)
        paths[i] = sl_string(services->first[i], strlen(services->first[i]));
    const struct sl_columns *columns = sl_node_columns(stage->node->input[0]);
    struct sl_field names[SL_WIDTH_MAX];
    for (uint32_t i = 0; columns && i < columns->count; i++)
        names[i] = sl_text(columns->column[i].name);
    struct sl_field head[NAMED_HEAD_WIDTH] = {sl_integer(HEAD_PLACE),
                                              sl_integer(stage->batch_ms),
                                              sl_integer((int64_t)services->inputs),
                                              sl_list(paths, services->first_count),
                                              sl_integer((int64_t)rows->count),
                                              sl_boolean(rows->revision.of != NULL),
                                              sl_list(names, columns ? columns->count : 0)};
    return keeper->ops->row(keeper, head, columns ? NAMED_HEAD_WIDTH : HEAD_WIDTH);
}

static bool is_same(const struct sl_field *a, uint32_t a_width, const struct sl_field *b, uint32_t b_width)
{
    bool same = a_width == b_width;
    for (uint32_t i = 0; same && i < a_width; i++)
        same = sl_field_looks_same(&a[i], &b[i]);
    return same;
}

static int save_places(const struct sl_dataset *old, const struct sl_dataset *rows,
                       struct sl_state_writer *keeper)
{
    struct sl_field a[SL_WIDTH_MAX], b[SL_WIDTH_MAX];
    struct sl_arena before_block SL_CLEANUP(sl_arena_done) = {0}, now_block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_cursor before, now;
    uint32_t a_width = 0, b_width;
    bool there = old != NULL;
    int r = 0;
    if (there)
        sl_cursor_pass(&before, old, &before_block);
    sl_cursor_pass(&now, rows, &now_block);
    for (int64_t place = 0; r == 0 && sl_cursor_next(&now, b, &b_width); place++) {
        there = there && sl_cursor_next(&before, a, &a_width);
        if (there && is_same(a, a_width, b, b_width))
            continue;
        struct sl_field row[2] = {sl_integer(place), sl_list(b, b_width)};
        r = keeper->ops->row(keeper, row, 2);
    }
    return r;
}

/* ---- saving by key ---- */

static int save_key(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width)
{
    struct sl_field row[2] = {fields[0]};
    if (width > 1)
        row[1] = sl_list((struct sl_field *)fields + 1, width - 1);
    return keeper->ops->row(keeper, row, width > 1 ? 2 : 1);
}

static int save_all(const struct sl_dataset *rows, bool gone, struct sl_state_writer *keeper)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, fields, &width))
        r = save_key(keeper, fields, gone ? 1 : width);
    return r;
}

/* For rows that do not know what changed: both are in the order of keys. */
static int save_difference(const struct sl_dataset *old, const struct sl_dataset *rows,
                           struct sl_state_writer *keeper)
{
    struct sl_field a[SL_WIDTH_MAX], b[SL_WIDTH_MAX];
    struct sl_arena before_block SL_CLEANUP(sl_arena_done) = {0}, now_block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_cursor before, now;
    uint32_t a_width, b_width;
    sl_cursor_pass(&before, old, &before_block);
    sl_cursor_pass(&now, rows, &now_block);
    bool has_a = sl_cursor_next(&before, a, &a_width), has_b = sl_cursor_next(&now, b, &b_width);
    int r = 0;
    while (r == 0 && (has_a || has_b)) {
        int order = !has_a ? 1 : !has_b ? -1 : sl_field_compare(&a[0], &b[0]);
        if (order < 0)
            r = save_key(keeper, a, 1);
        else if (order > 0 || !is_same(a, a_width, b, b_width))
            r = save_key(keeper, b, b_width);
        if (order >= 0)
            has_b = sl_cursor_next(&now, b, &b_width);
        if (order <= 0)
            has_a = sl_cursor_next(&before, a, &a_width);
    }
    return r;
}

static bool follows(const struct sl_revision *revision, const struct sl_revision *before)
{
    return revision->of == before->of && revision->number == before->number + 1;
}

static int save_keys(struct sl_shown *shown, struct sl_dataset *rows, struct sl_state_writer *keeper)
{
    if (shown->keyed && follows(&rows->revision, &shown->rows->revision))
        return save_all(rows->revision.changes, false, keeper);
    int r = sl_dataset_resolve(rows, NULL);
    if (r == 0 && shown->keyed)
        r = sl_dataset_resolve(shown->rows, NULL);
    if (r < 0)
        return r;
    return shown->keyed ? save_difference(shown->rows, rows, keeper) : save_all(rows, false, keeper);
}

/* Rows are saved by place from now on. */
static int forget_keys(struct sl_shown *shown, struct sl_state_writer *keeper)
{
    int r = sl_dataset_resolve(shown->rows, NULL);
    return r < 0 ? r : save_all(shown->rows, true, keeper);
}

int sl_shown_save(struct sl_shown *shown, struct sl_stage *stage, struct sl_dataset *rows,
                  struct sl_state_writer *keeper)
{
    struct sl_section head = {SL_SECTION_KEYED, HEAD, stage->batch_ms, INT64_MAX};
    struct sl_section keys = {SL_SECTION_KEYED, KEYS, stage->batch_ms, INT64_MAX};
    bool keyed = rows->revision.of != NULL;
    int r = keeper->ops->begin(keeper, &head);
    if (r == 0)
        r = save_head(stage, rows, keeper);
    if (r == 0 && !keyed)
        r = save_places(shown->keyed ? NULL : shown->rows, rows, keeper);
    if (r == 0 && (keyed || shown->keyed))
        r = keeper->ops->begin(keeper, &keys);
    if (r == 0 && keyed)
        r = save_keys(shown, rows, keeper);
    else if (r == 0 && shown->keyed)
        r = forget_keys(shown, keeper);
    sl_dataset_unref(shown->rows);
    shown->rows = sl_dataset_ref(rows);
    shown->keyed = keyed;
    return r;
}

/* ---- loading: sections come oldest first, each replaces what the one before has ---- */

/* Copies of a list of strings. */
static int take_texts(const struct sl_field *list, char ***ret, size_t *ret_count)
{
    drop_texts(ret, ret_count);
    *ret = calloc(list->len + 1, sizeof **ret);
    for (uint32_t i = 0; *ret && i < list->len; i++) {
        (*ret)[i] = strndup((const char *)list->items[i].str, list->items[i].len);
        if (!(*ret)[i])
            return SL_ENOMEM;
        ++*ret_count;
    }
    return *ret ? 0 : SL_ENOMEM;
}

static int take_head(struct sl_shown *shown, const struct sl_field *head, uint32_t width)
{
    shown->time_ms = head[1].integer;
    shown->inputs = (uint64_t)head[2].integer;
    shown->count = (uint64_t)head[4].integer;
    shown->keyed = head[5].boolean;
    drop_texts(&shown->name, &shown->names);
    int r = take_texts(&head[3], &shown->first, &shown->first_count);
    return r == 0 && width == NAMED_HEAD_WIDTH ? take_texts(&head[6], &shown->name, &shown->names) : r;
}

static int append(struct sl_rows *to, const struct sl_field *fields, uint32_t width)
{
    struct sl_field copy[SL_WIDTH_MAX];
    for (uint32_t i = 0; i < width; i++)
        if (!sl_field_copy(&to->arena, &fields[i], &copy[i]))
            return SL_ENOMEM;
    return sl_rows_append_row(to, copy, width);
}

static bool is_row(const struct sl_field *row, uint32_t width)
{
    return width == 2 && row[0].tag == SL_INT && row[1].tag == SL_LIST && row[1].len >= 1 &&
           row[1].len <= SL_WIDTH_MAX;
}

/* The rows of the version before, replaced where the section has others. */
static int merge_places(const struct sl_shown *shown, struct sl_cursor *section, struct sl_rows *to)
{
    struct sl_field a[SL_WIDTH_MAX], row[SL_WIDTH_MAX];
    struct sl_cursor before;
    uint32_t a_width, width = 0;
    bool there = shown->rows != NULL, more = sl_cursor_next(section, row, &width);
    int r = 0;
    if (there)
        sl_cursor_init(&before, shown->rows);
    for (uint64_t place = 0; r == 0 && place < shown->count; place++) {
        there = there && sl_cursor_next(&before, a, &a_width);
        bool replaced = more && is_row(row, width) && row[0].integer == (int64_t)place;
        if (!replaced && !there)
            return SL_EDAMAGED;
        r = replaced ? append(to, row[1].items, row[1].len) : append(to, a, a_width);
        if (replaced)
            more = sl_cursor_next(section, row, &width);
    }
    return r;
}

static bool are_texts(const struct sl_field *list)
{
    bool are = list->tag == SL_LIST;
    for (uint32_t i = 0; are && i < list->len; i++)
        are = list->items[i].tag == SL_STR;
    return are;
}

static bool is_head(const struct sl_field *head, uint32_t width)
{
    bool is_one = (width == HEAD_WIDTH || width == NAMED_HEAD_WIDTH) && head[1].tag == SL_INT &&
                  head[2].tag == SL_INT && head[4].tag == SL_INT && head[4].integer >= 0 &&
                  head[5].tag == SL_BOOL;
    return is_one && are_texts(&head[3]) && (width == HEAD_WIDTH || are_texts(&head[6]));
}

bool sl_shown_time(const struct sl_field *row, uint32_t width, int64_t *ret_ms)
{
    if (!is_head(row, width))
        return false;
    *ret_ms = row[1].integer;
    return true;
}

static int load_head(struct sl_shown *shown, const struct sl_dataset *section)
{
    struct sl_field head[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width = 0;
    sl_cursor_init(&cursor, section);
    if (!sl_cursor_next(&cursor, head, &width) || !is_head(head, width))
        return SL_EDAMAGED;
    struct sl_rows *to = sl_rows_new();
    int r = to ? take_head(shown, head, width) : SL_ENOMEM;
    if (r == 0 && !shown->keyed)
        r = merge_places(shown, &cursor, to);
    if (r < 0) {
        sl_rows_unref(to);
        return r;
    }
    sl_dataset_unref(shown->rows);
    shown->rows = sl_dataset_of(to);
    return shown->rows ? 0 : SL_ENOMEM;
}

static int load_keys(struct sl_shown *shown, const struct sl_dataset *section)
{
    struct sl_field row[SL_WIDTH_MAX], fields[SL_WIDTH_MAX];
    struct sl_rows *changes = sl_rows_new();
    struct sl_cursor cursor;
    uint32_t width;
    int r = changes ? 0 : SL_ENOMEM;
    sl_cursor_init(&cursor, section);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        uint32_t others = width == 2 && row[1].tag == SL_LIST ? row[1].len : 0;
        if (others >= SL_WIDTH_MAX || (width > 1 && !others))
            r = SL_EDAMAGED;
        fields[0] = row[0];
        for (uint32_t i = 0; r == 0 && i < others; i++)
            fields[1 + i] = row[1].items[i];
        if (r == 0)
            r = append(changes, fields, 1 + others);
    }
    if (r < 0) {
        sl_rows_unref(changes);
        return r;
    }
    return sl_sorted_rows_add(&shown->keys, NULL, changes, 0);
}

static int explain(int r, struct sl_error *err)
{
    return r == SL_ENOMEM     ? sl_error_nomem(err)
           : r == SL_EDAMAGED ? sl_error_set(err, SL_EDAMAGED, "the rows that a view showed are damaged")
                              : r;
}

int sl_shown_load(struct sl_shown *shown, const struct sl_section *section, const struct sl_dataset *rows,
                  struct sl_error *err)
{
    return explain(section->part == KEYS ? load_keys(shown, rows) : load_head(shown, rows), err);
}

int sl_shown_loaded(struct sl_shown *shown, struct sl_error *err)
{
    struct sl_rows *rows;
    if (!shown->keyed)
        return 0;
    int r = sl_sorted_rows_rows(&shown->keys, &rows);
    if (r < 0)
        return explain(r, err);
    sl_sorted_rows_done(&shown->keys);
    if (rows->count != shown->count)
        r = SL_EDAMAGED;
    sl_dataset_unref(shown->rows);
    shown->rows = sl_dataset_of(rows);
    return explain(r < 0 ? r : shown->rows ? 0 : SL_ENOMEM, err);
}
