#include "sources/input_schema.h"

#include "core/base/error.h"

#include <string.h>

/* Tables have no such option. */
static bool has_meta(const struct sl_node *node)
{
    struct sl_field meta = node->op->is_table ? sl_nil() : sl_node_option_value(node, "meta");
    return meta.tag == SL_BOOL && meta.boolean;
}

/* ---- checking ---- */

static int check_schema(const struct sl_node *node, const struct sl_field *schema, struct sl_error *err)
{
    const struct sl_columns *columns;
    struct sl_arena arena;
    if (sl_node_option_value(node, "columns").tag != SL_NIL)
        return sl_error_set(err, SL_EUSAGE, "%s: schema names the columns already; leave columns out",
                            node->op->name);
    sl_arena_init(&arena);
    int r = sl_columns_schema(&arena, schema, &columns, err);
    if (r == 0 && has_meta(node) &&
        (columns->count == SL_WIDTH_MAX || sl_columns_find(columns, "meta", 4) >= 0))
        r = sl_error_set(err, SL_EUSAGE,
                         "%s: meta = true adds a column \"meta\", for which the schema has %s",
                         node->op->name, columns->count == SL_WIDTH_MAX ? "no room" : "the same name");
    sl_arena_done(&arena);
    return r;
}

int sl_input_schema_check(const struct sl_node *node, bool takes, const char *format, struct sl_error *err)
{
    struct sl_field schema = sl_node_option_value(node, "schema"),
                    bad = sl_node_option_value(node, "badValues");
    if (!takes && (schema.tag != SL_NIL || bad.tag != SL_NIL))
        return sl_error_set(
            err, SL_EUSAGE,
            "%s: %s is an option of formats \"csv\", \"tsv\", \"jsonl\" and \"json\", the format is \"%s\"",
            node->op->name, schema.tag != SL_NIL ? "schema" : "badValues", format);
    if (bad.tag != SL_NIL && schema.tag == SL_NIL)
        return sl_error_set(err, SL_EUSAGE, "%s: badValues needs a schema", node->op->name);
    if (bad.tag != SL_NIL && !sl_field_is_text(&bad, "nil") && !sl_field_is_text(&bad, "error")) {
        sl_error_set(err, SL_EUSAGE, "%s: badValues must be \"error\" or \"nil\"", node->op->name);
        return sl_error_got(err, &bad);
    }
    return schema.tag == SL_NIL ? 0 : check_schema(node, &schema, err);
}

/* ---- columns ---- */

static int add_meta(struct sl_arena *arena, const struct sl_columns **columns)
{
    uint32_t count = (*columns)->count;
    struct sl_columns *wider = sl_columns_new(arena, count + 1);
    if (!wider)
        return SL_ENOMEM;
    memcpy(wider->column, (*columns)->column, count * sizeof wider->column[0]);
    wider->column[count] = (struct sl_column){"meta", SL_COLUMN_ANY, true};
    *columns = wider;
    return 0;
}

/* Names that a csv file may have and columns may not (none, one twice) are no failure: then there are none. */
static int named_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret)
{
    struct sl_field names = sl_node_option_value(node, "columns");
    struct sl_error ignored;
    int r = names.tag == SL_LIST ? sl_columns_named(arena, &names, ret, &ignored) : 0;
    return r == SL_EUSAGE ? 0 : r;
}

int sl_input_schema_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                            struct sl_error *err)
{
    struct sl_field schema = sl_node_option_value(node, "schema");
    const struct sl_columns *columns = NULL;
    int r = schema.tag == SL_NIL ? named_columns(node, arena, &columns)
                                 : sl_columns_schema(arena, &schema, &columns, err);
    if (r == 0 && columns && has_meta(node)) {
        bool fits = columns->count < SL_WIDTH_MAX && sl_columns_find(columns, "meta", 4) < 0;
        r = fits ? add_meta(arena, &columns) : 0;
        columns = fits ? columns : NULL;
    }
    if (r == 0)
        *ret = columns;
    return r;
}

void sl_input_schema_typed(const struct sl_node *node, const char *format, struct sl_typed *ret)
{
    struct sl_field schema = sl_node_option_value(node, "schema"),
                    bad = sl_node_option_value(node, "badValues");
    *ret = (struct sl_typed){.format = format};
    if (schema.tag != SL_LIST)
        return;
    ret->columns = sl_node_columns(node);
    ret->count = schema.len;
    ret->bad_is_nil = sl_field_is_text(&bad, "nil");
}
