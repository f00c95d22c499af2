/* Both sides are put in key order (what groups gives is in order already and is not sorted again) and merged
 * key by key. Most keys have one row on each side, which are compared as they are. Several rows of a key are
 * written as lines first, sorted, and lines that are on both sides are left out. */
#include "fs/tree/changes.h"

#include "core/base/error.h"
#include "text/format.h"

#include <stdlib.h>
#include <string.h>

/* One row of a side: the key, to sort by, and its number, to find the rest and to keep equal
 * keys in order. */
struct entry {
    struct sl_field key;
    uint64_t row;
};

struct side {
    const struct sl_dataset *rows;
    struct entry *entry;
    uint64_t count;
    struct sl_cursor cursor;
    uint64_t cursor_row; /* the position of the cursor */
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
    uint64_t replaced = 0; /* of bytes that are not UTF-8; not counted here */
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

/* Appends the new row and then the old one, to compare them as text. */
static bool write_change(struct sl_buf *buf, struct side *newer, uint64_t n, struct side *older, uint64_t o)
{
    struct sl_field new_fields[SL_WIDTH_MAX], old_fields[SL_WIDTH_MAX];
    uint32_t new_width = side_row(newer, n, new_fields), old_width = side_row(older, o, old_fields);
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

/* ---- several rows of a key ---- */

/* A row as text. */
struct line {
    size_t start, len; /* in the lines' text */
    uint64_t at;       /* its position among the entries of its side */
    bool in_both;
};

/* The rows of one key on one side. */
struct group {
    size_t count;
    struct line *line;
};

static bool group_init(struct group *group, struct side *side, uint64_t from, uint64_t to,
                       struct sl_buf *text)
{
    struct sl_field fields[SL_WIDTH_MAX];
    *group = (struct group){.line = calloc(to > from ? to - from : 1, sizeof *group->line)};
    for (uint64_t at = from; group->line && at < to; at++) {
        size_t start = text->len;
        uint32_t width = side_row(side, at, fields);
        if (!add_line(text, fields, width))
            return false;
        group->line[group->count++] = (struct line){start, text->len - start, at, false};
    }
    return group->line != NULL;
}

static int compare_text(const struct line *a, const struct line *b, const uint8_t *text)
{
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return memcmp(text + a->start, text + b->start, a->len);
}

static int compare_places(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* By text; equal ones stay in order. */
static int compare_lines(const void *a, const void *b, void *text)
{
    int order = compare_text(a, b, text);
    return order ? order : compare_places(a, b);
}

static void cross_out(struct group *newer, struct group *older, struct sl_buf *text)
{
    qsort_r(newer->line, newer->count, sizeof *newer->line, compare_lines, text->bytes);
    qsort_r(older->line, older->count, sizeof *older->line, compare_lines, text->bytes);
    for (size_t n = 0, o = 0; n < newer->count && o < older->count;) {
        int order = compare_text(&newer->line[n], &older->line[o], text->bytes);
        if (order == 0)
            newer->line[n].in_both = older->line[o].in_both = true;
        n += order <= 0;
        o += order >= 0;
    }
    qsort(newer->line, newer->count, sizeof *newer->line, compare_places);
    qsort(older->line, older->count, sizeof *older->line, compare_places);
}

/* The next one that is on its side only; NULL: there is none. */
static const struct line *next_line(const struct group *group, size_t *at)
{
    while (*at < group->count && group->line[*at].in_both)
        ++*at;
    return *at < group->count ? &group->line[(*at)++] : NULL;
}

static void write_text(struct sl_buf *buf, char sign, const struct line *line, const struct sl_buf *text)
{
    sl_buf_byte(buf, (uint8_t)sign);
    sl_buf_byte(buf, '\t');
    sl_buf_append(buf, text->bytes + line->start, line->len);
}

static bool write_lines(struct sl_buf *buf, const struct group *newer, const struct group *older,
                        const struct sl_buf *text)
{
    size_t n = 0, o = 0;
    for (;;) {
        const struct line *added = next_line(newer, &n), *gone = next_line(older, &o);
        if (!added && !gone)
            return true;
        write_text(buf, !gone ? '+' : !added ? '-' : '~', added ? added : gone, text);
        if (buf->failed)
            return false;
    }
}

static bool write_group(struct sl_buf *buf, struct side *newer, uint64_t n, uint64_t n_end,
                        struct side *older, uint64_t o, uint64_t o_end)
{
    struct sl_buf text SL_CLEANUP(sl_buf_done) = {0};
    struct group added = {0}, gone = {0};
    bool done = group_init(&added, newer, n, n_end, &text) && group_init(&gone, older, o, o_end, &text);
    if (done) {
        cross_out(&added, &gone, &text);
        done = write_lines(buf, &added, &gone, &text);
    }
    free(added.line);
    free(gone.line);
    return done;
}

/* ---- all rows ---- */

static uint64_t end_of_key(const struct side *side, uint64_t at, const struct sl_field *key)
{
    while (at < side->count && sl_field_equals(&side->entry[at].key, key))
        at++;
    return at;
}

static bool write_key(struct sl_buf *buf, struct side *newer, uint64_t n, uint64_t n_end, struct side *older,
                      uint64_t o, uint64_t o_end)
{
    if (n_end - n == 1 && o_end - o == 1)
        return write_change(buf, newer, n, older, o);
    if (n_end - n == 1 && o_end == o)
        return write_row(buf, '+', newer, n);
    if (n_end == n && o_end - o == 1)
        return write_row(buf, '-', older, o);
    return write_group(buf, newer, n, n_end, older, o, o_end);
}

static bool merge(struct side *newer, struct side *older, struct sl_buf *buf)
{
    uint64_t n = 0, o = 0;
    while (n < newer->count || o < older->count) {
        bool from_new =
            o == older->count ||
            (n < newer->count && sl_field_compare(&newer->entry[n].key, &older->entry[o].key) <= 0);
        struct sl_field key = from_new ? newer->entry[n].key : older->entry[o].key;
        uint64_t n_end = end_of_key(newer, n, &key), o_end = end_of_key(older, o, &key);
        if (!write_key(buf, newer, n, n_end, older, o, o_end))
            return false;
        n = n_end;
        o = o_end;
    }
    return true;
}

bool sl_changes_render(struct sl_dataset *rows, struct sl_dataset *before, struct sl_buf *buf)
{
    struct side newer = {0}, older = {0};
    bool done = side_init(&newer, rows) && side_init(&older, before) && merge(&newer, &older, buf);
    free(newer.entry);
    free(older.entry);
    return done;
}
