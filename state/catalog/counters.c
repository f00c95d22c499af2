#include "state/catalog/counters.h"

#include "state/catalog/catalog_internal.h"
#include "state/catalog/rows.h"

#include <string.h>

static int64_t bits_of(const struct sl_field *value)
{
    int64_t bits = value->integer;
    if (value->tag == SL_FLOAT)
        memcpy(&bits, &value->number, sizeof bits);
    return bits;
}

static int read_row(struct sl_catalog *catalog, sqlite3_stmt *row, sl_counter_visit *visit, void *arg,
                    struct sl_error *err)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    bool is_float = sqlite3_column_type(row, 1) == SQLITE_FLOAT;
    struct sl_field value =
        is_float ? sl_number(sqlite3_column_double(row, 1)) : sl_integer(sqlite3_column_int64(row, 1));
    if (!name)
        return sl_error_nomem(err);
    if (sqlite3_column_int64(row, 2) != sl_row_counter(catalog->hash, name, is_float, bits_of(&value)))
        return sl_catalog_damaged(catalog, err, "table counter");
    int r = visit(arg, name, value);
    return r == SL_ENOMEM ? sl_error_nomem(err)
           : r < 0        ? sl_error_set(err, SL_EUSAGE, "the catalog has too many counters")
                          : 0;
}

int sl_catalog_each_counter(struct sl_catalog *catalog, sl_counter_visit *visit, void *arg,
                            struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_COUNTERS];
    int r;
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_COUNTERS, err)) > 0) {
        r = read_row(catalog, get, visit, arg, err);
        if (r < 0)
            break;
    }
    (void)sqlite3_reset(get); /* a failure was reported already */
    return r;
}

int sl_catalog_put_counters(struct sl_catalog *catalog, const struct sl_counted *counted, size_t count,
                            struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_COUNTER];
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        const struct sl_field *value = &counted[i].value;
        bool is_float = value->tag == SL_FLOAT;
        sl_statement_text(put, 1, counted[i].name);
        if (is_float)
            (void)sqlite3_bind_double(put, 2, value->number);
        else
            sl_statement_integer(put, 2, value->integer);
        sl_statement_integer(put, 3,
                             sl_row_counter(catalog->hash, counted[i].name, is_float, bits_of(value)));
        r = sl_catalog_step(catalog, SL_SQL_PUT_COUNTER, err);
    }
    return r;
}
