#include "core/contract/columns.h"

#include "core/base/nearest.h"
#include "core/contract/operator.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
    [SL_COLUMN_ANY] = "any",       [SL_COLUMN_STRING] = "string",   [SL_COLUMN_INT] = "int",
    [SL_COLUMN_DOUBLE] = "double", [SL_COLUMN_BOOLEAN] = "boolean", [SL_COLUMN_TIMESTAMP] = "timestamp",
    [SL_COLUMN_JSON] = "json",
};

const char *sl_column_type_name(enum sl_column_type type)
{
    return type_names[type];
}

static bool find_type(const void *name, size_t len, enum sl_column_type *ret)
{
    for (size_t i = SL_COLUMN_STRING; i < sizeof type_names / sizeof *type_names; i++)
        if (strlen(type_names[i]) == len && memcmp(type_names[i], name, len) == 0) {
            *ret = (enum sl_column_type)i;
            return true;
        }
    return false;
}

struct sl_columns *sl_columns_new(struct sl_arena *arena, uint32_t count)
{
    struct sl_columns *columns =
        sl_arena_calloc(arena, 1, sizeof *columns + count * sizeof columns->column[0]);
    if (columns)
        columns->count = count;
    return columns;
}

int sl_columns_find(const struct sl_columns *columns, const void *name, size_t len)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        const char *known = columns->column[i].name;
        if (known && strlen(known) == len && memcmp(known, name, len) == 0)
            return (int)i;
    }
    return -1;
}

int sl_columns_name(struct sl_columns *columns, struct sl_arena *arena, uint32_t i,
                    const struct sl_field *name, struct sl_error *err)
{
    if (name->tag != SL_STR || !name->len || name->len > SL_COLUMN_NAME_MAX ||
        memchr(name->str, 0, name->len))
        return sl_error_set(err, SL_EUSAGE,
                            "the name of column %u must be a text of 1 to %d bytes without NUL", i + 1,
                            SL_COLUMN_NAME_MAX);
    if (sl_columns_find(columns, name->str, name->len) >= 0)
        return sl_error_set(err, SL_EUSAGE, "two columns have the name \"%.*s\"", (int)name->len,
                            (const char *)name->str);
    columns->column[i].name = sl_arena_text(arena, (const char *)name->str, name->len);
    return columns->column[i].name ? 0 : sl_error_nomem(err);
}

int sl_columns_named(struct sl_arena *arena, const struct sl_field *names, const struct sl_columns **ret,
                     struct sl_error *err)
{
    if (names->len > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%u columns are named; a record has at most %d fields",
                            names->len, SL_WIDTH_MAX);
    struct sl_columns *columns = sl_columns_new(arena, names->len);
    int r = columns ? 0 : sl_error_nomem(err);
    for (uint32_t i = 0; i < names->len && r == 0; i++)
        r = sl_columns_name(columns, arena, i, &names->items[i], err);
    if (r == 0)
        *ret = columns;
    return r;
}

static int schema_type(const struct sl_field *type, struct sl_column *column, struct sl_error *err)
{
    static const char *const names[] = {"string", "int", "double", "boolean", "timestamp", "json"};
    char text[32] = "";
    if (type->tag == SL_STR && find_type(type->str, type->len, &column->type))
        return 0;
    if (type->tag == SL_STR)
        snprintf(text, sizeof text, "%.*s", (int)(type->len < sizeof text ? type->len : sizeof text - 1),
                 (const char *)type->str);
    sl_error_set(err, SL_EUSAGE,
                 "schema: the type of column \"%s\" must be \"string\", \"int\", \"double\", "
                 "\"boolean\", \"timestamp\" or \"json\"",
                 column->name);
    const char *nearest = sl_name_nearest(text, names, sizeof names / sizeof *names);
    return nearest ? sl_error_hint(err, "did you mean \"%s\"?", nearest) : SL_EUSAGE;
}

static int schema_options(const struct sl_field *options, struct sl_column *column, struct sl_error *err)
{
    for (uint32_t i = 0; i < options->len; i++) {
        const struct sl_field *name = &options->items[2 * (size_t)i], *value = name + 1;
        if (!sl_field_is_text(name, "required"))
            return sl_error_set(err, SL_EUSAGE,
                                "schema: column \"%s\" has an option \"%.*s\"; there is only required",
                                column->name, (int)name->len, (const char *)name->str);
        if (value->tag != SL_BOOL)
            return sl_error_set(err, SL_EUSAGE, "schema: required of column \"%s\" must be true or false",
                                column->name);
        column->required = value->boolean;
    }
    return 0;
}

static int schema_column(struct sl_columns *columns, struct sl_arena *arena, uint32_t i,
                         const struct sl_field *item, struct sl_error *err)
{
    bool good = item->tag == SL_LIST && (item->len == 2 || (item->len == 3 && item->items[2].tag == SL_MAP));
    if (!good)
        return sl_error_set(err, SL_EUSAGE,
                            "schema: column %u must be { \"name\", \"type\" } or "
                            "{ \"name\", \"type\", required = true }",
                            i + 1);
    int r = sl_columns_name(columns, arena, i, &item->items[0], err);
    if (r < 0)
        return r == SL_ENOMEM ? r : sl_error_wrap(err, "schema");
    r = schema_type(&item->items[1], &columns->column[i], err);
    return r < 0 || item->len < 3 ? r : schema_options(&item->items[2], &columns->column[i], err);
}

int sl_columns_schema(struct sl_arena *arena, const struct sl_field *schema, const struct sl_columns **ret,
                      struct sl_error *err)
{
    if (schema->tag != SL_LIST || !schema->len || schema->len > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE,
                            "schema must be a list of 1 to %d columns, each { \"name\", \"type\" }",
                            SL_WIDTH_MAX);
    struct sl_columns *columns = sl_columns_new(arena, schema->len);
    int r = columns ? 0 : sl_error_nomem(err);
    for (uint32_t i = 0; i < schema->len && r == 0; i++)
        r = schema_column(columns, arena, i, &schema->items[i], err);
    if (r == 0)
        *ret = columns;
    return r;
}

static bool is_chosen_before(const uint32_t *number, uint32_t i)
{
    for (uint32_t earlier = 0; earlier < i; earlier++)
        if (number[earlier] == number[i])
            return true;
    return false;
}

const struct sl_columns *sl_columns_pick(struct sl_arena *arena, const struct sl_columns *columns,
                                         const uint32_t *number, uint32_t count)
{
    struct sl_columns *picked = columns ? sl_columns_new(arena, count) : NULL;
    for (uint32_t i = 0; picked && i < count; i++) {
        if (number[i] < 1 || number[i] > columns->count || is_chosen_before(number, i))
            return NULL;
        picked->column[i] = columns->column[number[i] - 1];
    }
    return picked;
}

/* Of records that come from either: NULL where names or their order differ; where types differ, any. */
static const struct sl_columns *common_columns(struct sl_arena *arena, const struct sl_columns *a,
                                               const struct sl_columns *b)
{
    if (!a || !b || a->count != b->count)
        return NULL;
    struct sl_columns *common = sl_columns_new(arena, a->count);
    for (uint32_t i = 0; common && i < a->count; i++) {
        const struct sl_column *left = &a->column[i], *right = &b->column[i];
        if (strcmp(left->name, right->name) != 0)
            return NULL;
        common->column[i] = (struct sl_column){
            .name = left->name,
            .type = left->type == right->type ? left->type : SL_COLUMN_ANY,
            .required = left->required && right->required,
        };
    }
    return common;
}

int sl_columns_of_input(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                        struct sl_error *err)
{
    *ret = sl_node_columns(node->input[0]);
    return 0;
}

int sl_columns_of_inputs(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                         struct sl_error *err)
{
    const struct sl_columns *common = sl_node_columns(node->input[0]);
    for (unsigned i = 1; i < node->inputs; i++)
        common = common_columns(arena, common, sl_node_columns(node->input[i]));
    *ret = common;
    return 0;
}
