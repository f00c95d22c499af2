/* Both sides are put in key order (what groups gives is in order already and is not sorted again) and merged
 * row by row. Rows of one key keep their order, so the n-th of one side meets the n-th of the other. */
#include "fs/changes.h"

#include "core/error.h"
#include "text/format.h"

#include <stdlib.h>
#include <string.h>

/* One row of a side: the key, to sort by, and its number, to find the rest and to keep equal keys in order.
 */
struct entry {
    struct sl_field key;
    uint64_t row;
};

struct side {
    const struct sl_dataset *rows;
    struct entry *entry;
    uint64_t count;
    struct sl_cursor cursor;
    uint64_t cursor_row; /* where the cursor stands */
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = sl_field_compare(&x->key, &y->key);
    if (order)
        return order;
    return x->row < y->row ? -1 : x->row > y->row;
}

static bool side_init(struct side *side, struct sl_dataset *rows)
{
    *side = (struct side){.rows = rows};
    if (!rows)
        return true;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    bool sorted = true;
    side->entry = calloc(rows->count ? rows->count : 1, sizeof *side->entry);
    if (!side->entry || sl_dataset_resolve(rows, NULL) < 0)
        return false;
    sl_cursor_init(&side->cursor, rows);
    for (; sl_cursor_next(&side->cursor, fields, &width); side->count++) {
        side->entry[side->count] = (struct entry){fields[0], side->count};
        if (side->count && sorted)
            sorted = sl_field_compare(&side->entry[side->count - 1].key, &fields[0]) <= 0;
    }
    side->cursor_row = side->count;
    if (!sorted)
        qsort(side->entry, side->count, sizeof *side->entry, compare_entries);
    return true;
}

static uint32_t side_row(struct side *side, uint64_t at, struct sl_field *fields)
{
    uint64_t row = side->entry[at].row;
    uint32_t width = 0;
    if (side->cursor_row != row)
        sl_cursor_seek(&side->cursor, row);
    bool found = sl_cursor_next(&side->cursor, fields, &width);
    sl_assert(found);
    side->cursor_row = row + 1;
    return width;
}

static bool add_line(struct sl_buf *buf, const struct sl_field *fields, uint32_t width)
{
    uint64_t replaced = 0; /* JSON inside tsv: nobody asks for the count here */
    struct sl_chunk chunk = {.rows = 1, .width = width};
    for (uint32_t c = 0; c < width; c++)
        chunk.column[c] = &fields[c];
    return sl_format_find("tsv", 3)->rows(buf, &chunk, &replaced);
}

static bool plainly_same(const struct sl_field *a, const struct sl_field *b, uint32_t width)
{
    for (uint32_t c = 0; c < width; c++)
        if (!sl_field_looks_same(&a[c], &b[c]))
            return false;
    return true;
}

static bool write_line(struct sl_buf *buf, char sign, const struct sl_field *fields, uint32_t width)
{
    return sl_buf_byte(buf, (uint8_t)sign) && sl_buf_byte(buf, '\t') && add_line(buf, fields, width);
}

static bool write_row(struct sl_buf *buf, char sign, struct side *side, uint64_t at)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width = side_row(side, at, fields);
    return write_line(buf, sign, fields, width);
}

/* Writes the new row, then the old one behind it to compare the two as people see them. */
static bool write_change(struct sl_buf *buf, struct side *new, uint64_t n, struct side *old, uint64_t o)
{
    struct sl_field new_fields[SL_WIDTH_MAX], old_fields[SL_WIDTH_MAX];
    uint32_t new_width = side_row(new, n, new_fields), old_width = side_row(old, o, old_fields);
    if (new_width == old_width && plainly_same(new_fields, old_fields, new_width))
        return true;
    size_t start = buf->len;
    if (!write_line(buf, '~', new_fields, new_width))
        return false;
    size_t end = buf->len, line = start + strlen("~\t");
    if (!add_line(buf, old_fields, old_width))
        return false;
    bool same = end - line == buf->len - end && memcmp(buf->bytes + line, buf->bytes + end, end - line) == 0;
    buf->len = same ? start : end;
    return true;
}

static bool merge(struct side *new, struct side *old, struct sl_buf *buf)
{
    uint64_t n = 0, o = 0;
    while (n < new->count || o < old->count) {
        int order = n == new->count   ? 1
                    : o == old->count ? -1
                                      : sl_field_compare(&new->entry[n].key, &old->entry[o].key);
        bool written = order < 0   ? write_row(buf, '+', new, n)
                       : order > 0 ? write_row(buf, '-', old, o)
                                   : write_change(buf, new, n, old, o);
        if (!written)
            return false;
        n += order <= 0;
        o += order >= 0;
    }
    return true;
}

bool sl_changes_render(struct sl_dataset *rows, struct sl_dataset *before, struct sl_buf *buf)
{
    struct side new = {0}, old = {0};
    bool done = side_init(&new, rows) && side_init(&old, before) && merge(&new, &old, buf);
    free(new.entry);
    free(old.entry);
    return done;
}
