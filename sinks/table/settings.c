#include "sinks/table/settings.h"

#include "core/base/error.h"
#include "core/base/nearest.h"
#include "sinks/table/url.h"

#include <string.h>
#include <strings.h>

const struct sl_param sl_table_params[] = {
    {"url", SL_WANT_STRING, false,
     "\"postgresql://host/database\", the name of a service, or \"sqlite:FILE\""},
    {"table", SL_WANT_STRING, false, "its name, \"schema.table\" where it is in another schema"},
    {0},
};

const struct sl_param sl_table_options[] = {
    {"columns", SL_WANT_STRINGS, true,
     "the columns that the fields go to; those of the stream, or all of the table"},
    {"mode", SL_WANT_STRING, true,
     "\"append\", \"upsert\" (by key) or \"replace\" (the table is the newest batch); append"},
    {"key", SL_WANT_STRING | SL_WANT_STRINGS, true, "upsert: the columns that tell rows apart"},
    {"create", SL_WANT_BOOLEAN, true, "makes the table where it is missing; false"},
    {"batch", SL_WANT_STRING, true, "a column that gets the time of the batch"},
    {"atLeastOnce", SL_WANT_BOOLEAN, true,
     "append and replace, too, where the server has no transactions of several statements; false"},
    {"retry", SL_WANT_DURATION, true,
     "how long connecting is tried, and a batch that lost its connection is done again, before it fails; 5m"},
    {"timeout", SL_WANT_DURATION, true,
     "a server that does not answer for this long is treated as unreachable; 30s"},
    {0},
};

enum { RETRY_MS = 300000, TIMEOUT_MS = 30000, TEXT_MAX = 1024 };

/* A text with a NUL at its end. */
static int take_text(struct sl_table_settings *settings, const char *what, const struct sl_field *value,
                     const char **ret, struct sl_error *err)
{
    if (!value->len || value->len > TEXT_MAX || memchr(value->str, 0, value->len))
        return sl_error_set(err, SL_EUSAGE, "%s must be a text of 1 to %d bytes without NUL", what, TEXT_MAX);
    *ret = sl_arena_text(&settings->arena, (const char *)value->str, value->len);
    return *ret ? 0 : sl_error_nomem(err);
}

/* What is written there would be taken for batches, or cannot be made. */
static int check_table(const struct sl_table_settings *settings, struct sl_error *err)
{
    static const char batches[] = "sluice_batches", reserved[] = "sqlite_";
    bool is_sqlite = sl_table_url_sqlite(settings->url);
    const char *dot = is_sqlite ? NULL : strrchr(settings->table, '.');
    if (strcasecmp(dot ? dot + 1 : settings->table, batches) == 0)
        return sl_error_set(err, SL_EUSAGE,
                            "table %s is that in which batches are noted; choose another name",
                            settings->table);
    if (is_sqlite && strncasecmp(settings->table, reserved, sizeof reserved - 1) == 0)
        return sl_error_set(err, SL_EUSAGE, "table %s: names that begin with %s are reserved by SQLite",
                            settings->table, reserved);
    return 0;
}

static int take_mode(const struct sl_node *node, struct sl_table_settings *settings, struct sl_error *err)
{
    static const char *const names[] = {"append", "upsert", "replace"};
    struct sl_field mode = sl_node_option_value(node, "mode");
    char text[32] = "append";
    if (mode.tag == SL_STR) {
        size_t len = mode.len < sizeof text ? mode.len : sizeof text - 1;
        memcpy(text, mode.str, len);
        text[len] = 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], text) == 0) {
            settings->mode = (enum sl_table_mode)i;
            return 0;
        }
    sl_error_set(err, SL_EUSAGE, "mode must be \"append\", \"upsert\" or \"replace\"");
    sl_error_got(err, &mode);
    const char *nearest = sl_name_nearest(text, names, sizeof names / sizeof *names);
    return nearest ? sl_error_hint(err, "did you mean \"%s\"?", nearest) : SL_EUSAGE;
}

static int take_columns(const struct sl_node *node, struct sl_table_settings *settings, struct sl_error *err)
{
    struct sl_field names = sl_node_option_value(node, "columns");
    const struct sl_columns *known = sl_node_columns(node->input[0]);
    struct sl_columns *columns;
    settings->columns = known;
    if (names.tag != SL_LIST)
        return 0;
    if (known && known->count != names.len)
        return sl_error_set(err, SL_EUSAGE, "columns names %u columns, the records have %u", names.len,
                            known->count);
    int r = sl_columns_named(&settings->arena, &names, (const struct sl_columns **)&columns, err);
    if (r < 0)
        return r;
    for (uint32_t i = 0; known && i < columns->count; i++) {
        columns->column[i].type = known->column[i].type;
        columns->column[i].required = known->column[i].required;
    }
    settings->columns = columns;
    return 0;
}

static int take_key(struct sl_table_settings *settings, const struct sl_field *name, struct sl_error *err)
{
    const struct sl_columns *columns = settings->columns;
    const char *text;
    int r = take_text(settings, "a key", name, &text, err);
    if (r < 0)
        return r;
    if (columns && sl_columns_find(columns, name->str, name->len) < 0)
        return sl_error_set(err, SL_EUSAGE, "the key \"%s\" is not among the columns", text);
    for (uint32_t i = 0; i < settings->keys; i++)
        if (strcmp(settings->key[i], text) == 0)
            return sl_error_set(err, SL_EUSAGE, "the key \"%s\" is named twice", text);
    settings->key[settings->keys++] = text;
    return 0;
}

static int take_keys(const struct sl_node *node, struct sl_table_settings *settings, struct sl_error *err)
{
    struct sl_field key = sl_node_option_value(node, "key");
    const struct sl_field *items = key.tag == SL_LIST ? key.items : &key;
    uint32_t count = key.tag == SL_NIL ? 0 : key.tag == SL_LIST ? key.len : 1;
    int r = count > SL_WIDTH_MAX ? sl_error_set(err, SL_EUSAGE, "key names %u columns", count) : 0;
    for (uint32_t i = 0; i < count && r == 0; i++)
        r = take_key(settings, &items[i], err);
    if (r == 0 && settings->mode == SL_TABLE_UPSERT && !settings->keys)
        r = sl_error_set(err, SL_EUSAGE, "mode = \"upsert\" needs a key");
    if (r == 0 && settings->mode != SL_TABLE_UPSERT && settings->keys && !settings->create)
        r = sl_error_set(err, SL_EUSAGE, "key is for mode = \"upsert\", and for create = true");
    return r;
}

static int take_batch(const struct sl_node *node, struct sl_table_settings *settings, struct sl_error *err)
{
    struct sl_field batch = sl_node_option_value(node, "batch");
    if (batch.tag == SL_NIL)
        return 0;
    if (settings->columns && sl_columns_find(settings->columns, batch.str, batch.len) >= 0)
        return sl_error_set(err, SL_EUSAGE, "batch names a column that the fields go to already");
    if (settings->columns && settings->columns->count == SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "batch: the records have %d fields already", SL_WIDTH_MAX);
    return take_text(settings, "batch", &batch, &settings->batch, err);
}

/* Two columns that no table of SQLite can have together. */
static int check_pair(const char *name, const char *other, struct sl_error *err)
{
    return strcasecmp(name, other) != 0
               ? 0
               : sl_error_set(
                     err, SL_EUSAGE,
                     "the columns \"%s\" and \"%s\" are one to SQLite, which ignores case; rename one", other,
                     name);
}

/* A column that no table of PostgreSQL can have. */
static int check_column(const char *name, struct sl_error *err)
{
    static const char *const hidden[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strcmp(name, hidden[i]) == 0)
            return sl_error_set(err, SL_EUSAGE,
                                "PostgreSQL has a column \"%s\" of its own in each table; rename it", name);
    return 0;
}

/* Column i; that of the batch's time follows the others. */
static const char *name_of(const struct sl_table_settings *settings, uint32_t i)
{
    return i < settings->columns->count ? settings->columns->column[i].name : settings->batch;
}

static int check_columns(const struct sl_table_settings *settings, struct sl_error *err)
{
    uint32_t count = settings->columns ? settings->columns->count + (settings->batch != NULL) : 0;
    bool is_sqlite = sl_table_url_sqlite(settings->url);
    int r = 0;
    for (uint32_t i = 0; i < count && r == 0; i++) {
        r = is_sqlite ? 0 : check_column(name_of(settings, i), err);
        for (uint32_t other = 0; is_sqlite && other < i && r == 0; other++)
            r = check_pair(name_of(settings, i), name_of(settings, other), err);
    }
    return r;
}

int sl_table_settings_read(const struct sl_node *node, struct sl_table_settings *ret, struct sl_error *err)
{
    struct sl_field url = sl_node_value(node, 0), table = sl_node_value(node, 1);
    *ret = (struct sl_table_settings){
        .node = node,
        .create = sl_node_option_boolean(node, "create", false),
        .at_least_once = sl_node_option_boolean(node, "atLeastOnce", false),
        .retry_ms = sl_node_option_integer(node, "retry", RETRY_MS),
        .timeout_ms = sl_node_option_integer(node, "timeout", TIMEOUT_MS),
    };
    int r = take_text(ret, "url", &url, &ret->url, err);
    r = r < 0 ? r : sl_table_url_check(ret->url, err);
    r = r < 0 ? r : take_text(ret, "table", &table, &ret->table, err);
    r = r < 0 ? r : check_table(ret, err);
    r = r < 0 ? r : take_mode(node, ret, err);
    r = r < 0 ? r : take_columns(node, ret, err);
    r = r < 0 ? r : take_keys(node, ret, err);
    r = r < 0 ? r : take_batch(node, ret, err);
    r = r < 0 ? r : check_columns(ret, err);
    if (r == 0 && ret->create && !ret->columns)
        r = sl_error_set(err, SL_EUSAGE,
                         "create = true needs the names of the columns: give columns = {...}, or "
                         "name them with :columns(...) before");
    return r;
}

void sl_table_settings_done(struct sl_table_settings *settings)
{
    sl_arena_done(&settings->arena);
}
