/* Whether a value fits a column, and what it is there: decided before the database sees it, so that a record
 * that does not fit costs nothing but itself. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/rows/field.h"

enum sl_table_kind {
    SL_TABLE_ANY, /* another type: it gets text, and the database decides */
    SL_TABLE_BOOLEAN,
    SL_TABLE_INT2,
    SL_TABLE_INT4,
    SL_TABLE_INT8,
    SL_TABLE_INTEGER, /* INT8, or a boolean as 1 or 0 */
    SL_TABLE_FLOAT4,  /* of PostgreSQL's real */
    SL_TABLE_FLOAT,
    SL_TABLE_NUMERIC,
    SL_TABLE_TEXT,
    SL_TABLE_BYTES,
    SL_TABLE_JSON,
    SL_TABLE_TIMESTAMP,  /* integers are ms since the epoch */
    SL_TABLE_TIMESTAMP6, /* the same in a column that holds microseconds */
    SL_TABLE_DYNAMIC,    /* a column that holds any value as it is */
};

/* *ret: nil, or
 *   BOOLEAN a boolean; INT* an integer; FLOAT a float; NUMERIC integer, float or digits; TEXT, ANY UTF-8 without NUL;
 *   BYTES bytes; JSON its text; TIMESTAMP* an integer of ms, or text for the database; DYNAMIC the value, lists
 *   and maps as JSON text
 * which borrows from the value or lives in the arena. Strings fit where their text is such a value. 0; SL_EREJECT with
 * a constant text in *ret_why; or SL_ENOMEM. */
int sl_table_fit(enum sl_table_kind kind, struct sl_arena *arena, const struct sl_field *value,
                 struct sl_field *ret, const char **ret_why);

/* Appends a time of the years 1 to 9999 as ISO 8601 has it, in UTC; `digits` follow those of the ms. */
bool sl_table_put_time(struct sl_buf *buf, int64_t ms, const uint8_t *digits, size_t count);

/* Whether a string is UTF-8 without NUL bytes. */
bool sl_table_is_text(const struct sl_field *string);
