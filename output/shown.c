/* Rows of the keyed section: (place, fields as a list), and (-1, time, inputs, list of first paths, number of
 * rows). Rows behind the number are left over from longer versions and mean nothing. */
#include "output/shown.h"

#include "core/error.h"
#include "core/keeper.h"
#include "core/services.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_PLACE = -1, HEAD_WIDTH = 5 };

static void drop_paths(struct sl_shown *shown)
{
    for (size_t i = 0; i < shown->first_count; i++)
        free(shown->first[i]);
    free(shown->first);
    shown->first = NULL;
    shown->first_count = 0;
}

void sl_shown_done(void *memory)
{
    struct sl_shown *shown = memory;
    sl_dataset_unref(shown->rows);
    drop_paths(shown);
}

/* ---- saving ---- */

static int save_head(struct sl_stage *stage, uint64_t count, struct sl_keeper *keeper)
{
    const struct sl_services *services = stage->services;
    struct sl_field paths[SL_INPUT_PATHS_SHOWN];
    for (size_t i = 0; i < services->first_count; i++)
        paths[i] = sl_string(services->first[i], strlen(services->first[i]));
    struct sl_field head[HEAD_WIDTH] = {sl_integer(HEAD_PLACE), sl_integer(stage->batch_ms),
                                        sl_integer((int64_t)services->inputs),
                                        sl_list(paths, services->first_count), sl_integer((int64_t)count)};
    return keeper->ops->row(keeper, head, HEAD_WIDTH);
}

/* 1 and 1.0 are shown differently, so equal is not enough. */
static bool is_same(const struct sl_field *a, uint32_t a_width, const struct sl_field *b, uint32_t b_width)
{
    bool same = a_width == b_width;
    for (uint32_t i = 0; same && i < a_width; i++)
        same = a[i].tag == b[i].tag && a[i].tag < SL_LIST && sl_field_equals(&a[i], &b[i]);
    return same;
}

static int save_rows(const struct sl_dataset *old, const struct sl_dataset *rows, struct sl_keeper *keeper)
{
    struct sl_field a[SL_WIDTH_MAX], b[SL_WIDTH_MAX];
    struct sl_cursor before, now;
    uint32_t a_width = 0, b_width;
    bool there = old != NULL;
    int r = 0;
    if (there)
        sl_cursor_init(&before, old);
    sl_cursor_init(&now, rows);
    for (int64_t place = 0; r == 0 && sl_cursor_next(&now, b, &b_width); place++) {
        there = there && sl_cursor_next(&before, a, &a_width);
        if (there && is_same(a, a_width, b, b_width))
            continue;
        struct sl_field row[2] = {sl_integer(place), sl_list(b, b_width)};
        r = keeper->ops->row(keeper, row, 2);
    }
    return r;
}

int sl_shown_save(struct sl_shown *shown, struct sl_stage *stage, struct sl_dataset *rows,
                  struct sl_keeper *keeper)
{
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    int r = keeper->ops->begin(keeper, &section);
    if (r == 0)
        r = save_head(stage, rows->count, keeper);
    if (r == 0)
        r = save_rows(shown->rows, rows, keeper);
    sl_dataset_unref(shown->rows);
    shown->rows = sl_dataset_ref(rows);
    return r;
}

/* ---- loading: sections come oldest first, each replaces places of the one before ---- */

static int take_head(struct sl_shown *shown, const struct sl_field *head, uint64_t *ret_count)
{
    drop_paths(shown);
    shown->time_ms = head[1].integer;
    shown->inputs = (uint64_t)head[2].integer;
    *ret_count = (uint64_t)head[4].integer;
    shown->first = calloc(head[3].len + 1, sizeof *shown->first);
    for (uint32_t i = 0; shown->first && i < head[3].len; i++) {
        const struct sl_field *path = &head[3].items[i];
        shown->first[i] = strndup((const char *)path->str, path->len);
        if (!shown->first[i])
            return SL_ENOMEM;
        shown->first_count++;
    }
    return shown->first ? 0 : SL_ENOMEM;
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
static int merge(const struct sl_dataset *old, struct sl_cursor *section, uint64_t count, struct sl_rows *to)
{
    struct sl_field a[SL_WIDTH_MAX], row[SL_WIDTH_MAX];
    struct sl_cursor before;
    uint32_t a_width, width = 0;
    bool there = old != NULL, more = sl_cursor_next(section, row, &width);
    int r = 0;
    if (there)
        sl_cursor_init(&before, old);
    for (uint64_t place = 0; r == 0 && place < count; place++) {
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

int sl_shown_load(struct sl_shown *shown, struct sl_stage *stage, const struct sl_dataset *section)
{
    struct sl_field head[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    struct sl_rows *to = sl_rows_new();
    uint32_t width = 0;
    uint64_t count = 0;
    sl_cursor_init(&cursor, section);
    bool ok = sl_cursor_next(&cursor, head, &width) && width == HEAD_WIDTH && head[3].tag == SL_LIST;
    int r = !to ? SL_ENOMEM : ok ? take_head(shown, head, &count) : SL_EDAMAGED;
    if (r == 0)
        r = merge(shown->rows, &cursor, count, to);
    if (r == SL_EDAMAGED)
        sl_error_set(stage->err, SL_EDAMAGED, "the rows that a view showed are damaged");
    if (r < 0) {
        sl_rows_unref(to);
        return r;
    }
    sl_dataset_unref(shown->rows);
    shown->rows = sl_dataset_of(to);
    return shown->rows ? 0 : SL_ENOMEM;
}
