#include "sources/csv_columns.h"

#include "core/base/error.h"
#include "core/rows/field.h"
#include "sources/input_schema.h"

#include <string.h>

/* ---- options ---- */

struct sl_csv sl_csv_dialect(const struct sl_node *node)
{
    struct sl_field delimiter = sl_node_option_value(node, "delimiter"),
                    quote = sl_node_option_value(node, "quote");
    struct sl_csv csv = {.delimiter = ',', .quotes = true, .quote = '"'};
    if (delimiter.tag == SL_STR)
        csv.delimiter = delimiter.str[0];
    if (quote.tag == SL_STR) {
        csv.quotes = quote.len > 0;
        csv.quote = csv.quotes ? quote.str[0] : 0;
    }
    struct sl_field trim = sl_node_option_value(node, "trim");
    csv.trims = trim.tag == SL_BOOL && trim.boolean;
    return csv;
}

/* A text of one byte that does not end lines; none at all where `optional`. */
static int check_byte(const struct sl_node *node, const char *name, bool optional, struct sl_error *err)
{
    struct sl_field value = sl_node_option_value(node, name);
    bool good = value.tag != SL_STR || (optional && !value.len) ||
                (value.len == 1 && value.str[0] != '\n' && value.str[0] != '\r');
    if (good)
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s: %s must be one byte%s, no end of line", node->op->name, name,
                        optional ? " or \"\" for none" : "");
}

static int check_names(const struct sl_node *node, const struct sl_field *names, struct sl_error *err)
{
    if (names->tag == SL_LIST && names->len > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: columns has %u names; a record has at most %d fields",
                            node->op->name, names->len, SL_WIDTH_MAX);
    for (uint32_t i = 0; names->tag == SL_LIST && i < names->len; i++)
        for (uint32_t k = 0; k < i; k++)
            if (names->items[i].len && sl_field_equals(&names->items[i], &names->items[k]))
                return sl_error_set(err, SL_EUSAGE, "%s: columns has the name \"%.*s\" twice", node->op->name,
                                    (int)names->items[i].len, (const char *)names->items[i].str);
    return 0;
}

struct sl_field sl_csv_comment(const struct sl_node *node)
{
    return sl_node_option_value(node, "comment");
}

uint64_t sl_csv_skip_lines(const struct sl_node *node)
{
    struct sl_field lines = sl_node_option_value(node, "skipLines");
    return lines.tag == SL_INT ? (uint64_t)lines.integer : 0;
}

static int check_comment(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field comment = sl_node_option_value(node, "comment");
    if (comment.tag != SL_STR ||
        (comment.len && comment.len <= 16 && !memchr(comment.str, '\n', comment.len)))
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s: comment must be 1 to 16 bytes without an end of line",
                        node->op->name);
}

int sl_csv_options_check(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field names = sl_node_option_value(node, "columns");
    int r = check_byte(node, "delimiter", false, err);
    r = r < 0 ? r : check_byte(node, "quote", true, err);
    r = r < 0 ? r : check_names(node, &names, err);
    r = r < 0 ? r : check_comment(node, err);
    if (r < 0)
        return r;
    if (sl_node_option_integer(node, "skipLines", 0) < 0)
        return sl_error_set(err, SL_EUSAGE, "%s: skipLines must be 0 or more", node->op->name);
    struct sl_csv csv = sl_csv_dialect(node);
    if (csv.quotes && csv.quote == csv.delimiter)
        return sl_error_set(err, SL_EUSAGE, "%s: delimiter and quote must differ", node->op->name);
    return 0;
}

/* ---- columns ---- */

void sl_csv_columns_init(struct sl_csv_columns *columns, const struct sl_node *node, const char *path)
{
    struct sl_field header = sl_node_option_value(node, "header");
    *columns = (struct sl_csv_columns){
        .header = header.tag == SL_BOOL && header.boolean,
        .path = path,
        .wanted = sl_node_option_value(node, "columns"),
        .all = true,
    };
    sl_input_schema_typed(node, "csv", &columns->typed);
    if (!columns->header && columns->typed.columns)
        columns->expected = columns->typed.count;
    else if (!columns->header && columns->wanted.tag == SL_LIST)
        columns->expected = columns->wanted.len;
}

static int find_column(const struct sl_csv_columns *columns, const struct sl_field *name,
                       const struct sl_field *fields, uint32_t count, uint32_t *ret, struct sl_error *err)
{
    uint32_t found = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!sl_field_equals(&fields[i], name))
            continue;
        if (found < count)
            return sl_error_set(err, SL_EFAIL, "reading %s: its header has column \"%.*s\" twice",
                                columns->path, (int)name->len, (const char *)name->str);
        found = i;
    }
    if (found == count)
        return sl_error_set(err, SL_EFAIL, "reading %s: its header has no column \"%.*s\"", columns->path,
                            (int)name->len, (const char *)name->str);
    *ret = found;
    return 0;
}

int sl_csv_columns_header(struct sl_csv_columns *columns, const struct sl_field *fields, uint32_t count,
                          struct sl_error *err)
{
    const struct sl_columns *schema = columns->typed.columns;
    columns->expected = count;
    if (columns->wanted.tag != SL_LIST && !schema)
        return 0;
    columns->all = false;
    columns->count = schema ? columns->typed.count : columns->wanted.len;
    int r = 0;
    for (uint32_t i = 0; i < columns->count && r == 0; i++) {
        const char *name = schema ? schema->column[i].name : NULL;
        struct sl_field wanted = name ? sl_string(name, strlen(name)) : columns->wanted.items[i];
        r = find_column(columns, &wanted, fields, count, &columns->pick[i], err);
    }
    return r;
}
