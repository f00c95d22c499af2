#include "sinks/table/sql.h"

#include <string.h>

bool sl_sql_name(struct sl_buf *sql, const char *name)
{
    sl_buf_byte(sql, '"');
    for (; *name; name++) {
        if (*name == '"')
            sl_buf_byte(sql, '"');
        sl_buf_byte(sql, (uint8_t)*name);
    }
    sl_buf_byte(sql, '"');
    return !sql->failed;
}

bool sl_sql_is_key(const struct sl_table_settings *settings, const char *name)
{
    for (uint32_t i = 0; i < settings->keys; i++)
        if (strcmp(settings->key[i], name) == 0)
            return true;
    return false;
}

/* (a, b) of the key. */
static void append_keys(struct sl_buf *sql, const struct sl_table_settings *settings)
{
    sl_buf_byte(sql, '(');
    for (uint32_t i = 0; i < settings->keys; i++) {
        sl_buf_text(sql, i ? ", " : "");
        sl_sql_name(sql, settings->key[i]);
    }
    sl_buf_byte(sql, ')');
}

bool sl_sql_columns(struct sl_buf *sql, const struct sl_table_column *column, uint32_t count)
{
    sl_buf_byte(sql, '(');
    for (uint32_t i = 0; i < count; i++) {
        sl_buf_text(sql, i ? ", " : "");
        sl_sql_name(sql, column[i].name);
    }
    sl_buf_byte(sql, ')');
    return !sql->failed;
}

bool sl_sql_new_columns(struct sl_buf *sql, const struct sl_table_settings *settings,
                        const struct sl_table_column *column, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sl_buf_text(sql, i ? ", " : "(");
        sl_sql_name(sql, column[i].name);
        sl_buf_printf(sql, " %s%s", column[i].type,
                      sl_sql_is_key(settings, column[i].name) ? " NOT NULL" : "");
    }
    if (settings->keys) {
        sl_buf_text(sql, ", PRIMARY KEY ");
        append_keys(sql, settings);
    }
    sl_buf_byte(sql, ')');
    return !sql->failed;
}

void sl_sql_upsert(struct sl_buf *sql, const struct sl_table_settings *settings,
                   const struct sl_table_column *column, uint32_t count)
{
    sl_buf_text(sql, " ON CONFLICT ");
    append_keys(sql, settings);
    sl_buf_text(sql, " DO ");
    uint32_t set = 0;
    size_t len = sql->len;
    sl_buf_text(sql, "UPDATE SET ");
    for (uint32_t i = 0; i < count; i++) {
        if (sl_sql_is_key(settings, column[i].name))
            continue;
        sl_buf_text(sql, set++ ? ", " : "");
        sl_sql_name(sql, column[i].name);
        sl_buf_text(sql, " = excluded.");
        sl_sql_name(sql, column[i].name);
    }
    if (!set) {
        sql->len = len;
        sl_buf_text(sql, "NOTHING");
    }
}
