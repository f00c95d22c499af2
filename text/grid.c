#include "text/grid.h"

#include "core/base/limits.h"
#include "text/format_list.h"
#include "text/notation.h"
#include "text/utf8.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH_MIN = 3, CUT_MIN = 4 };

void sl_grid_init(struct sl_grid *grid, uint32_t columns, uint32_t cut, bool is_safe)
{
    *grid = (struct sl_grid){
        .columns = columns < SL_WIDTH_MAX ? columns : SL_WIDTH_MAX, .cut = cut, .is_safe = is_safe};
    for (uint32_t c = 0; c < SL_WIDTH_MAX; c++)
        grid->width[c] = WIDTH_MIN;
}

void sl_grid_done(struct sl_grid *grid)
{
    sl_buf_done(&grid->text);
    sl_buf_done(&grid->ends);
}

/* ---- characters ---- */

/* Those that Spark counts twice. */
static bool is_wide(uint32_t code)
{
    static const uint32_t ranges[][2] = {{0x1100, 0x115F}, {0x2E80, 0xA4CF}, {0xAC00, 0xD7A3},
                                         {0xF900, 0xFAFF}, {0xFE10, 0xFE19}, {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    return false;
}

static uint32_t units(uint32_t code) /* of Java's strings */
{
    return code != SL_UTF8_INVALID && code >= 0x10000 ? 2 : 1;
}

static uint32_t count_units(const uint8_t *bytes, size_t len, uint32_t *ret_width)
{
    uint32_t count = 0, width = 0, code;
    for (size_t at = 0; at < len;) {
        at += sl_utf8_sequence(bytes + at, len - at, &code);
        count += units(code);
        width += is_wide(code) ? 2 : units(code);
    }
    *ret_width = width;
    return count;
}

/* As Spark escapes them; what is left of the control characters where it must not reach a terminal. */
static bool add_character(struct sl_buf *to, const uint8_t *bytes, size_t len, uint32_t code, bool is_safe)
{
    static const char from[] = "\a\b\t\n\v\f\r", escapes[] = "abtnvfr";
    const char *found = code > 0 && code < 0x20 ? strchr(from, (int)code) : NULL;
    if (code == SL_UTF8_INVALID)
        return sl_buf_text(to, "\xEF\xBF\xBD");
    if (found)
        return sl_buf_byte(to, '\\') && sl_buf_byte(to, (uint8_t)escapes[found - from]);
    if (is_safe && (code < 0x20 || (code >= 0x7f && code < 0xa0)))
        return sl_buf_printf(to, "\\x%02x", code);
    return sl_buf_append(to, bytes, len);
}

static bool add_escaped(struct sl_buf *to, const uint8_t *bytes, size_t len, bool is_safe)
{
    uint32_t code;
    bool ok = true;
    for (size_t at = 0, step; ok && at < len; at += step) {
        step = sl_utf8_sequence(bytes + at, len - at, &code);
        ok = add_character(to, bytes + at, step, code, is_safe);
    }
    return ok;
}

/* ---- cells ---- */

/* Cuts what was added after `from` to `cut` characters, the last three of which are dots. */
static bool cut_cell(struct sl_buf *text, size_t from, uint32_t cut)
{
    uint32_t width, kept = cut < CUT_MIN ? cut : cut - 3, count = 0, code;
    size_t at = from;
    if (!cut || count_units(text->bytes + from, text->len - from, &width) <= cut)
        return true;
    while (at < text->len) {
        size_t step = sl_utf8_sequence(text->bytes + at, text->len - at, &code);
        if (count + units(code) > kept)
            break;
        count += units(code);
        at += step;
    }
    text->len = at;
    return cut < CUT_MIN || sl_buf_text(text, "...");
}

static bool end_cell(struct sl_grid *grid, size_t from, uint32_t column)
{
    uint32_t width;
    size_t end = grid->text.len;
    (void)count_units(grid->text.bytes + from, end - from, &width);
    if (width > grid->width[column])
        grid->width[column] = width;
    return sl_buf_append(&grid->ends, &end, sizeof end);
}

static bool plain_string(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    return sl_buf_append(buf, field->str, field->len);
}

static bool add_value(struct sl_grid *grid, const struct sl_field *field)
{
    static const struct sl_notation spark = {.nil = "NULL",
                                             .true_ = "true",
                                             .false_ = "false",
                                             .list_open = "[",
                                             .list_close = "]",
                                             .map_open = "{",
                                             .map_close = "}",
                                             .separator = ", ",
                                             .arrow = " -> ",
                                             .string = plain_string,
                                             .number = sl_java_double};
    SL_CLEANUP(sl_buf_done) struct sl_buf value = {0};
    size_t from = grid->text.len;
    return sl_notation_field(&spark, &value, field, NULL) &&
           add_escaped(&grid->text, value.bytes, value.len, grid->is_safe) &&
           cut_cell(&grid->text, from, grid->cut);
}

bool sl_grid_names(struct sl_grid *grid, const char *const *names)
{
    char number[16];
    bool ok = sl_buf_reserve(&grid->text, 1);
    for (uint32_t c = 0; ok && c < grid->columns; c++) {
        size_t from = grid->text.len;
        snprintf(number, sizeof number, "_%u", c + 1);
        const char *name = names ? names[c] : number;
        ok = add_escaped(&grid->text, (const uint8_t *)name, strlen(name), grid->is_safe) &&
             end_cell(grid, from, c);
    }
    grid->rows++;
    return ok;
}

bool sl_grid_row(struct sl_grid *grid, const struct sl_field *fields, uint32_t width)
{
    bool ok = true;
    for (uint32_t c = 0; ok && c < grid->columns; c++) {
        size_t from = grid->text.len;
        ok = (c >= width || add_value(grid, &fields[c])) && end_cell(grid, from, c);
    }
    grid->rows++;
    return ok;
}

/* ---- lines ---- */

static bool add_rule(const struct sl_grid *grid, struct sl_buf *to)
{
    bool ok = sl_buf_byte(to, '+');
    for (uint32_t c = 0; ok && c < grid->columns; c++) {
        for (uint32_t i = 0; ok && i < grid->width[c]; i++)
            ok = sl_buf_byte(to, '-');
        ok = ok && sl_buf_byte(to, '+');
    }
    return ok && sl_buf_byte(to, '\n');
}

static bool add_blanks(struct sl_buf *to, uint32_t count)
{
    bool ok = true;
    while (ok && count-- > 0)
        ok = sl_buf_byte(to, ' ');
    return ok;
}

static bool add_cell(const struct sl_grid *grid, struct sl_buf *to, const uint8_t *bytes, size_t len,
                     uint32_t column)
{
    uint32_t width;
    (void)count_units(bytes, len, &width);
    uint32_t blanks = grid->width[column] - width;
    return (!grid->cut || add_blanks(to, blanks)) && sl_buf_append(to, bytes, len) &&
           (grid->cut || add_blanks(to, blanks)) && sl_buf_byte(to, '|');
}

bool sl_grid_print(const struct sl_grid *grid, struct sl_buf *to)
{
    size_t from = 0, end;
    bool ok = add_rule(grid, to);
    for (size_t row = 0; ok && row < grid->rows; row++) {
        ok = sl_buf_byte(to, '|');
        for (uint32_t c = 0; ok && c < grid->columns; c++) {
            memcpy(&end, grid->ends.bytes + (row * grid->columns + c) * sizeof end, sizeof end);
            ok = add_cell(grid, to, grid->text.bytes + from, end - from, c);
            from = end;
        }
        ok = ok && sl_buf_byte(to, '\n') && (row > 0 || add_rule(grid, to));
    }
    return ok && add_rule(grid, to);
}
