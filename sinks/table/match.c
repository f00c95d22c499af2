/* The columns of a job against those of a table. */
#include "core/base/error.h"
#include "sinks/table/writer.h"

#include <stdio.h>
#include <string.h>

static const struct sl_table_column *find(const struct sl_table_shape *shape, const char *name)
{
    for (uint32_t i = 0; i < shape->count; i++)
        if (strcmp(shape->column[i].name, name) == 0)
            return &shape->column[i];
    return NULL;
}

static int generated_column(const struct sl_table_settings *settings, const char *name, struct sl_error *err)
{
    return sl_error_set(err, SL_EUSAGE,
                        "column \"%s\" of table %s is generated: the database computes it from the others",
                        name, settings->table);
}

static int missing_column(const struct sl_table_settings *settings, const struct sl_table_shape *shape,
                          const char *name, struct sl_error *err)
{
    sl_error_set(err, SL_EUSAGE, "table %s has no column \"%s\"; it has", settings->table, name);
    for (uint32_t i = 0; i < shape->count; i++) {
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, "%s %s", i ? "," : "", shape->column[i].name);
    }
    return SL_EUSAGE;
}

/* Those that the job names. */
static int match_named(const struct sl_table_settings *settings, const struct sl_table_shape *shape,
                       struct sl_table_column *column, uint32_t *ret, struct sl_error *err)
{
    for (uint32_t i = 0; i < settings->columns->count; i++) {
        const char *name = settings->columns->column[i].name;
        const struct sl_table_column *found = find(shape, name);
        if (!found)
            return missing_column(settings, shape, name, err);
        if (found->is_generated)
            return generated_column(settings, name, err);
        column[i] = *found;
    }
    *ret = settings->columns->count;
    return 0;
}

static bool is_left_out(const struct sl_table_settings *settings, const struct sl_table_column *column)
{
    return column->is_generated || (settings->batch && strcmp(column->name, settings->batch) == 0);
}

/* All of the table's but that of the batch's time. */
static int match_all(const struct sl_table_settings *settings, const struct sl_table_shape *shape,
                     struct sl_table_column *column, uint32_t *ret, struct sl_error *err)
{
    uint32_t count = 0, room = SL_WIDTH_MAX - (settings->batch != NULL);
    for (uint32_t i = 0; i < shape->count; i++) {
        if (is_left_out(settings, &shape->column[i]))
            continue;
        if (count == room)
            return sl_error_set(err, SL_EUSAGE,
                                "table %s has more columns than a record has fields; name those "
                                "that are meant with columns = {...}",
                                settings->table);
        column[count++] = shape->column[i];
    }
    *ret = count;
    return 0;
}

static int check_keys(const struct sl_table_settings *settings, const struct sl_table_shape *shape,
                      const struct sl_table_column *column, uint32_t count, struct sl_error *err)
{
    for (uint32_t k = 0; k < settings->keys; k++) {
        uint32_t i = 0;
        while (i < count && strcmp(column[i].name, settings->key[k]) != 0)
            i++;
        if (i == count)
            return sl_error_set(err, SL_EUSAGE, "the key \"%s\" is not among the columns of table %s",
                                settings->key[k], settings->table);
    }
    if (settings->mode == SL_TABLE_UPSERT && !shape->key_is_unique)
        return sl_error_set(
            err, SL_EUSAGE,
            "table %s has no unique key of exactly the columns of key; add one (CREATE UNIQUE "
            "INDEX ...), or name another key",
            settings->table);
    return 0;
}

/* What the table will be like. */
static int match_new(const struct sl_table_settings *settings, struct sl_table_column *column, uint32_t *ret,
                     struct sl_error *err)
{
    if (!settings->create)
        return sl_error_set(err, SL_EUSAGE, "there is no table %s in %s; make it, or add create = true",
                            settings->table, settings->url);
    for (uint32_t i = 0; i < settings->columns->count; i++)
        column[i] = (struct sl_table_column){.name = settings->columns->column[i].name};
    *ret = settings->columns->count;
    return 0;
}

/* The time of any batch fits it, or of none. */
static int match_batch(const struct sl_table_settings *settings, const struct sl_table_shape *shape,
                       struct sl_table_column *ret, struct sl_error *err)
{
    const struct sl_table_column *batch = shape->exists ? find(shape, settings->batch) : NULL;
    if (shape->exists && !batch)
        return missing_column(settings, shape, settings->batch, err);
    if (batch && batch->is_generated)
        return generated_column(settings, settings->batch, err);
    bool is_narrow = batch && (batch->kind == SL_TABLE_BOOLEAN || batch->kind == SL_TABLE_INT2 ||
                               batch->kind == SL_TABLE_INT4 || batch->kind == SL_TABLE_BYTES);
    if (is_narrow)
        return sl_error_set(err, SL_EUSAGE,
                            "column \"%s\" of table %s has type %s, which holds no time of a batch; make it "
                            "a bigint (milliseconds) or a timestamp",
                            settings->batch, settings->table, batch->type);
    *ret = batch ? *batch : (struct sl_table_column){.name = settings->batch};
    return 0;
}

int sl_table_match(const struct sl_table_settings *settings, const struct sl_table_shape *shape,
                   struct sl_table_column column[SL_WIDTH_MAX], uint32_t *ret_count, uint32_t *ret_width,
                   struct sl_error *err)
{
    uint32_t width = 0;
    if (shape->refused)
        return sl_error_set(err, SL_EUSAGE, "%s in %s is %s, not a table that takes rows", settings->table,
                            settings->url, shape->refused);
    int r = !shape->exists      ? match_new(settings, column, &width, err)
            : settings->columns ? match_named(settings, shape, column, &width, err)
                                : match_all(settings, shape, column, &width, err);
    if (r == 0 && shape->exists)
        r = check_keys(settings, shape, column, width, err);
    if (r < 0)
        return r;
    *ret_width = *ret_count = width;
    if (!settings->batch)
        return 0;
    *ret_count = width + 1;
    return match_batch(settings, shape, &column[width], err);
}
