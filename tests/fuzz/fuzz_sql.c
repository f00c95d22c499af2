/* Queries are trusted, the rows they read are not: rows of any bytes (text/row_codec.h) under queries that put them through
 * the functions of sql/functions.c, JSON, joins by hash and sorting. A query ends, or fails on a value; the same rows give
 * the same result. */
#include "core/base/error.h"
#include "sql/sql.h"
#include "text/row_codec.h"

#include <stdlib.h>

enum { ROWS_MAX = 200, RESULT_ROWS_MAX = 10000, TIMEOUT_MS = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const queries[] = {
    "SELECT _1, count(*), sum(_2), avg(_2), min(_2), max(_2), total(_3) FROM this GROUP BY _1 ORDER BY 2 DESC, 1",
    "SELECT regexp(_1, '(a|b)+'), regexp_extract(_1, '(.)(.)', 2), split_part(_1, '-', -1), upper(_1), length(_1), hex(_1),"
    " substr(_1, 2, 3), to_timestamp(_1), typeof(_1), quote(_1) FROM this",
    "SELECT date_trunc('week', _2), to_timestamp(_1, '%Y'), CAST(_1 AS INTEGER), _2 || _3, round(_2, 1), _1 LIKE '%a%' FROM this"
    " WHERE typeof(_2) <> 'integer' OR _2 BETWEEN -1000000000000 AND 1000000000000",
    "SELECT a._1, b._2 FROM this a JOIN this b ON a._1 = b._2 OR a._1 = b._1",
    "SELECT json_type(_1), json_extract(_1, '$[0]'), value FROM this, explode(CASE WHEN json_valid(_1) THEN _1 ELSE '[]' END)",
    "SELECT percentile(_2, 0.5), sum(_2) OVER (ORDER BY rowid ROWS 2 PRECEDING) FROM this GROUP BY _1, _2",
};

static struct sl_dataset *read_rows(const uint8_t *data, size_t size)
{
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    struct sl_rows *rows = sl_rows_new();
    uint32_t width;
    if (!rows)
        abort();
    for (size_t at = 0; at < size && rows->count < ROWS_MAX;) {
        if (sl_row_codec_read(data, size, &at, &rows->arena, fields, &width) < 0)
            break;
        if (width && width <= SL_WIDTH_MAX && sl_rows_append_row(rows, fields, width) < 0)
            abort();
    }
    return sl_dataset_of(rows);
}

static uint64_t digest_row(uint64_t digest, const struct sl_field *fields, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++)
        digest = digest * 1000003 + sl_field_partition_hash(&fields[i]);
    return digest;
}

/* Of the result, or of the failure. */
static uint64_t ask(const char *query, struct sl_dataset *rows)
{
    const struct sl_sql_options options = {.repeatable = true, .batch_ms = 1000, .timeout_ms = TIMEOUT_MS};
    struct sl_sql_table table = {.name = "this", .rows = rows};
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_error err;
    struct sl_sql *sql;
    uint64_t digest = 0;
    int r = sl_sql_open(&options, &sql, &err);
    if (r < 0)
        abort();
    if (sl_sql_add(sql, &table, &err) < 0 || sl_sql_prepare(sql, query, strlen(query), &err) < 0)
        abort(); /* the queries compile, whatever the rows are */
    for (int i = 0; i < RESULT_ROWS_MAX && (r = sl_sql_next(sql, fields, &err)) > 0; i++)
        digest = digest_row(digest, fields, sl_sql_width(sql));
    if (r < 0 && r != SL_EFAIL)
        abort();
    sl_sql_close(sql);
    return r < 0 ? 1 : digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_dataset *rows = read_rows(data, size);
    if (!rows)
        abort();
    for (size_t i = 0; i < 2; i++) { /* all of them, over many inputs */
        const char *query =
            queries[(size + (size ? data[size / 2] : 0) + i) % (sizeof queries / sizeof *queries)];
        if (ask(query, rows) != ask(query, rows))
            abort();
    }
    sl_dataset_unref(rows);
    return 0;
}
