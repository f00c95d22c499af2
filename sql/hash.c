/* Hashes for looking up a column: what SQLite may find equal, whatever it converts, has one hash; except a text that is
 * infinite as a number and that number. */
#include "sql/sql_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_number(double number)
{
    uint64_t bits;
    number += 0.0; /* -0.0 equals 0 */
    memcpy(&bits, &number, sizeof bits);
    return (uint32_t)((bits * 0x9E3779B97F4A7C15u) >> 32);
}

/* Whether SQLite may take a text for a number; it knows neither hexadecimal ones nor names of numbers. */
static bool is_number(const void *bytes, size_t len, double *ret)
{
    static const char digits[] = "0123456789+-.eE \t\n\v\f\r";
    char text[64], *end;
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, bytes, len);
    text[len] = 0;
    if (strspn(text, digits) != len)
        return false;
    *ret = strtod(text, &end);
    end += strspn(end, " \t\n\v\f\r");
    return end == text + len;
}

static bool has_exponent(const void *bytes, size_t len)
{
    return memchr(bytes, 'e', len) || memchr(bytes, 'E', len);
}

/* What may be a number for SQLite has the number's hash, but those beyond all numbers: 12e34567 is, among other texts of
 * hexadecimal digits, too frequent for a single hash. */
static uint32_t hash_bytes(const void *bytes, size_t len)
{
    double number;
    if (is_number(bytes, len, &number) && !isinf(number))
        return hash_number(number);
    struct sl_field field = sl_string(bytes, len);
    return (uint32_t)sl_field_hash(&field, 0);
}

bool sl_sql_is_infinite(sqlite3_value *value)
{
    double number;
    int type = sqlite3_value_type(value);
    if (type == SQLITE_FLOAT)
        return isinf(sqlite3_value_double(value));
    const void *text = type == SQLITE_TEXT ? sqlite3_value_text(value) : NULL;
    size_t len = text ? (size_t)sqlite3_value_bytes(value) : 0;
    return text && has_exponent(text, len) && is_number(text, len, &number) && isinf(number);
}

uint32_t sl_sql_hash_value(sqlite3_value *value)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        return hash_number((double)sqlite3_value_int64(value));
    case SQLITE_FLOAT:
        return hash_number(sqlite3_value_double(value));
    case SQLITE_TEXT: {
        const void *text = sqlite3_value_text(value);
        return text ? hash_bytes(text, (size_t)sqlite3_value_bytes(value)) : 0;
    }
    case SQLITE_BLOB:
        return hash_bytes(sqlite3_value_blob(value), (size_t)sqlite3_value_bytes(value));
    default:
        return 0;
    }
}

bool sl_sql_hash_field(const struct sl_field *field, uint32_t *ret)
{
    switch ((enum sl_tag)field->tag) {
    case SL_BOOL:
        *ret = hash_number(field->boolean);
        return true;
    case SL_INT:
        *ret = hash_number((double)field->integer);
        return true;
    case SL_FLOAT:
        *ret = hash_number(field->number);
        return true;
    case SL_STR:
        *ret = hash_bytes(field->str, field->len);
        return true;
    case SL_NIL:
    case SL_LIST:
    case SL_MAP:
        break;
    }
    return false;
}
