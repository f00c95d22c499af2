/* Rows as PostgreSQL takes them: lines of COPY, or an array for each column. */
#ifdef SLUICE_HAS_POSTGRES

#include "core/base/error.h"
#include "sinks/table/postgres_internal.h"
#include "sinks/table/sql.h"
#include "text/integer.h"

#include "text/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct postgres *own(struct sl_table_database *database)
{
    return (struct postgres *)database;
}

/* ---- values as text ---- */

static bool put_hex(struct sl_buf *buf, const struct sl_field *bytes)
{
    static const char digits[] = "0123456789abcdef";
    if (!sl_buf_reserve(buf, 2 * (size_t)bytes->len))
        return false;
    for (uint32_t i = 0; i < bytes->len; i++) {
        buf->bytes[buf->len++] = (uint8_t)digits[bytes->str[i] >> 4];
        buf->bytes[buf->len++] = (uint8_t)digits[bytes->str[i] & 15];
    }
    return true;
}

/* All but strings, and bytes: nothing of it needs an escape. */
static bool put_plain(struct sl_buf *buf, enum sl_table_kind kind, const struct sl_field *value)
{
    if (value->tag == SL_BOOL)
        return sl_buf_byte(buf, value->boolean ? 't' : 'f');
    if (value->tag == SL_FLOAT)
        return sl_buf_float(buf, value->number);
    sl_assert(value->tag == SL_INT);
    return kind == SL_TABLE_TIMESTAMP6 ? sl_table_put_time(buf, value->integer, NULL, 0)
                                       : sl_integer_append(buf, value->integer);
}

/* ---- COPY ---- */

/* The letter after a backslash; 0: none is needed. */
static uint8_t copy_escape(uint8_t byte)
{
    switch (byte) {
    case '\\':
        return '\\';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    }
    return 0;
}

static bool put_copy_text(struct sl_buf *buf, const struct sl_field *text)
{
    if (!sl_buf_reserve(buf, 2 * (size_t)text->len))
        return false;
    uint8_t *to = buf->bytes + buf->len;
    for (uint32_t i = 0; i < text->len; i++) {
        uint8_t letter = text->str[i] <= '\\' ? copy_escape(text->str[i]) : 0;
        if (letter)
            *to++ = '\\';
        *to++ = letter ? letter : text->str[i];
    }
    buf->len = (size_t)(to - buf->bytes);
    return true;
}

static bool put_copy_value(struct sl_buf *buf, enum sl_table_kind kind, const struct sl_field *value)
{
    if (value->tag == SL_NIL)
        return sl_buf_text(buf, "\\N");
    if (value->tag != SL_STR)
        return put_plain(buf, kind, value);
    if (kind == SL_TABLE_BYTES)
        return sl_buf_text(buf, "\\\\x") && put_hex(buf, value);
    return put_copy_text(buf, value);
}

static bool put_lines(struct sl_buf *buf, const struct sl_table_rows *rows, uint32_t from, uint32_t to)
{
    bool ok = true;
    sl_buf_clear(buf);
    for (uint32_t row = from; ok && row < to; row++)
        for (uint32_t c = 0; ok && c < rows->count; c++)
            ok = put_copy_value(buf, rows->column[c].kind, &rows->row[row][c]) &&
                 sl_buf_byte(buf, c + 1 < rows->count ? '\t' : '\n');
    return ok;
}

static int copy_rows(struct postgres *db, const struct sl_table_rows *rows, uint32_t from, uint32_t to,
                     uint32_t *ret_bad, struct sl_error *err)
{
    sl_buf_clear(&db->sql);
    db->pq.line = 0;
    bool ok = sl_buf_printf(&db->sql, "%sCOPY %s ", db->savepoints ? "SAVEPOINT piece; " : "",
                            (const char *)db->name.bytes) &&
              sl_sql_columns(&db->sql, rows->column, rows->count) &&
              sl_buf_text(&db->sql, db->savepoints ? " FROM STDIN; RELEASE piece" : " FROM STDIN") &&
              sl_buf_byte(&db->sql, 0) && put_lines(&db->data, rows, from, to);
    if (!ok)
        return sl_error_nomem(err);
    int r = sl_pq_copy(&db->pq, db->relation, (const char *)db->sql.bytes, db->data.bytes, db->data.len, err);
    if (r == SL_EREJECT && db->pq.line >= 1 && db->pq.line <= to - from)
        *ret_bad = from + (uint32_t)db->pq.line - 1;
    return r;
}

/* ---- INSERT ... ON CONFLICT ---- */

static bool put_element_text(struct sl_buf *buf, const struct sl_field *text)
{
    bool ok = sl_buf_byte(buf, '"');
    for (uint32_t i = 0; ok && i < text->len; i++)
        ok = (text->str[i] != '"' && text->str[i] != '\\' ? true : sl_buf_byte(buf, '\\')) &&
             sl_buf_byte(buf, text->str[i]);
    return ok && sl_buf_byte(buf, '"');
}

static bool put_element(struct sl_buf *buf, enum sl_table_kind kind, const struct sl_field *value)
{
    if (value->tag == SL_NIL)
        return sl_buf_text(buf, "NULL");
    if (value->tag == SL_STR && kind != SL_TABLE_BYTES)
        return put_element_text(buf, value);
    if (value->tag == SL_STR)
        return sl_buf_text(buf, "\"\\\\x") && put_hex(buf, value) && sl_buf_byte(buf, '"');
    return sl_buf_byte(buf, '"') && put_plain(buf, kind, value) && sl_buf_byte(buf, '"');
}

/* Which rows are the last of their key: no statement may change a row twice. */
struct last_rows {
    const struct sl_table_rows *rows;
    const uint32_t *key; /* [keys]: numbers of columns */
    uint32_t keys;
};

static int compare_keys(const void *a, const void *b, void *arg)
{
    const struct last_rows *last = arg;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int order = 0;
    for (uint32_t k = 0; order == 0 && k < last->keys; k++)
        order = sl_field_compare(&last->rows->row[left][last->key[k]], &last->rows->row[right][last->key[k]]);
    return order ? order : (left > right) - (left < right);
}

static bool same_key(const struct last_rows *last, uint32_t left, uint32_t right)
{
    for (uint32_t k = 0; k < last->keys; k++)
        if (sl_field_compare(&last->rows->row[left][last->key[k]], &last->rows->row[right][last->key[k]]) !=
            0)
            return false;
    return true;
}

static uint32_t find_keys(const struct sl_table_settings *settings, const struct sl_table_rows *rows,
                          uint32_t key[SL_WIDTH_MAX])
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < rows->count; c++)
        if (sl_sql_is_key(settings, rows->column[c].name))
            key[count++] = c;
    return count;
}

/* The numbers of those of [from, to), in the order of keys. NULL: out of memory; the caller frees. */
static uint32_t *last_of_keys(const struct sl_table_settings *settings, const struct sl_table_rows *rows,
                              uint32_t from, uint32_t to, uint32_t *ret_count)
{
    uint32_t key[SL_WIDTH_MAX], count = to - from, kept = 0;
    struct last_rows last = {rows, key, find_keys(settings, rows, key)};
    uint32_t *number = malloc((count + 1) * sizeof *number);
    if (!number)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        number[i] = from + i;
    qsort_r(number, count, sizeof *number, compare_keys, &last);
    for (uint32_t i = 0; i < count; i++)
        if (i + 1 == count || !same_key(&last, number[i], number[i + 1]))
            number[kept++] = number[i];
    *ret_count = kept;
    return number;
}

static bool has_identity(const struct sl_table_rows *rows)
{
    uint32_t c = 0;
    while (c < rows->count && !rows->column[c].is_identity)
        c++;
    return c < rows->count;
}

/* A value for a numbered column is taken as COPY takes it. */
static bool put_insert(struct postgres *db, const struct sl_table_rows *rows)
{
    struct sl_buf *sql = &db->sql;
    sl_buf_clear(sql);
    sl_buf_printf(sql, "INSERT INTO %s ", (const char *)db->name.bytes);
    sl_sql_columns(sql, rows->column, rows->count);
    sl_buf_text(sql, has_identity(rows) ? " OVERRIDING SYSTEM VALUE SELECT " : " SELECT ");
    for (uint32_t c = 0; c < rows->count; c++)
        sl_buf_printf(sql, "%sc%u::%s", c ? ", " : "", c, rows->column[c].type);
    sl_buf_text(sql, " FROM unnest(");
    for (uint32_t c = 0; c < rows->count; c++)
        sl_buf_printf(sql, "%s$%u::text[]", c ? ", " : "", c + 1);
    sl_buf_text(sql, ") AS given (");
    for (uint32_t c = 0; c < rows->count; c++)
        sl_buf_printf(sql, "%sc%u", c ? ", " : "", c);
    sl_buf_byte(sql, ')');
    sl_sql_upsert(sql, db->base.settings, rows->column, rows->count);
    sl_buf_byte(sql, 0);
    return !sql->failed;
}

/* All arrays, one after the other; offset[c] is where that of column c begins. */
static bool put_arrays(struct sl_buf *buf, const struct sl_table_rows *rows, const uint32_t *number,
                       uint32_t count, size_t offset[SL_WIDTH_MAX])
{
    bool ok = true;
    sl_buf_clear(buf);
    for (uint32_t c = 0; ok && c < rows->count; c++) {
        offset[c] = buf->len;
        ok = sl_buf_byte(buf, '{');
        for (uint32_t i = 0; ok && i < count; i++)
            ok = (!i || sl_buf_byte(buf, ',')) &&
                 put_element(buf, rows->column[c].kind, &rows->row[number[i]][c]);
        ok = ok && sl_buf_byte(buf, '}') && sl_buf_byte(buf, 0);
    }
    return ok;
}

static int insert_rows(struct postgres *db, const struct sl_table_rows *rows, uint32_t from, uint32_t to,
                       struct sl_error *err)
{
    size_t offset[SL_WIDTH_MAX];
    const char *values[SL_WIDTH_MAX];
    uint32_t count = 0;
    uint32_t *number = last_of_keys(db->base.settings, rows, from, to, &count);
    bool ok = number && put_insert(db, rows) && put_arrays(&db->data, rows, number, count, offset);
    free(number);
    if (!ok)
        return sl_error_nomem(err);
    for (uint32_t c = 0; c < rows->count; c++)
        values[c] = (const char *)db->data.bytes + offset[c];
    int r = db->savepoints ? sl_postgres_failed(db, sl_pq_run(&db->pq, "SAVEPOINT piece", err), err) : 0;
    r = r < 0 ? r : sl_pq_query(&db->pq, (const char *)db->sql.bytes, values, (int)rows->count, NULL, err);
    if (r == 0 && db->savepoints)
        r = sl_postgres_failed(db, sl_pq_run(&db->pq, "RELEASE piece", err), err);
    return r;
}

/* ---- a piece ---- */

static int take_back(struct postgres *db, struct sl_error *err)
{
    return sl_postgres_failed(db, sl_pq_run(&db->pq, "ROLLBACK TO piece; RELEASE piece", err), err);
}

static void take_message(const struct postgres *db, char *message)
{
    snprintf(message, SL_MESSAGE_MAX, "table %.120s: %.380s", db->base.settings->table, db->pq.message);
}

/* Of a value that does not fit its column COPY names the column, and INSERT does not. The row was refused: it is tried with
 * COPY, and taken back in any case. */
static int name_column(struct postgres *db, const struct sl_table_rows *rows, uint32_t row, const char *state,
                       char *message, struct sl_error *err)
{
    uint32_t bad;
    int r = sl_pq_run(&db->pq, "SAVEPOINT named", err);
    r = r < 0 ? r : copy_rows(db, rows, row, row + 1, &bad, err);
    if (r == SL_EREJECT && strcmp(db->pq.state, state) == 0)
        take_message(db, message);
    if (r < 0 && r != SL_EREJECT)
        return sl_postgres_failed(db, r, err);
    return sl_postgres_failed(db, sl_pq_run(&db->pq, "ROLLBACK TO named; RELEASE named", err), err);
}

/* data_exception, without further names: overflow, a text that is no number. */
static bool lacks_column(const struct postgres *db, uint32_t rows)
{
    return db->base.settings->mode == SL_TABLE_UPSERT && db->savepoints && rows == 1 &&
           strncmp(db->pq.state, "22", 2) == 0;
}

static int reject(struct postgres *db, const struct sl_table_rows *rows, uint32_t from, uint32_t to,
                  char *message, struct sl_error *err)
{
    char state[sizeof db->pq.state];
    bool is_unnamed = lacks_column(db, to - from);
    memcpy(state, db->pq.state, sizeof state);
    take_message(db, message);
    int r = db->savepoints ? take_back(db, err) : 0;
    if (r == 0 && is_unnamed)
        r = name_column(db, rows, from, state, message, err);
    return r < 0 ? r : SL_EREJECT;
}

int sl_postgres_write(struct sl_table_database *database, const struct sl_table_rows *rows, uint32_t from,
                      uint32_t to, uint32_t *ret_bad, char *message, struct sl_error *err)
{
    struct postgres *db = own(database);
    int r = database->settings->mode == SL_TABLE_UPSERT ? insert_rows(db, rows, from, to, err)
                                                        : copy_rows(db, rows, from, to, ret_bad, err);
    if (r == SL_EREJECT && db->transactions && !db->savepoints)
        return sl_postgres_failed(db, r, err);
    if (r == SL_EREJECT)
        return reject(db, rows, from, to, message, err);
    return r < 0 ? sl_postgres_failed(db, r, err) : 0;
}

#endif
