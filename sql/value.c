/* Fields as SQLite's values: nil and NaN are NULL, booleans 1 and 0, lists and maps JSON; a string that is not UTF-8 is a
 * blob, for SQLite trusts its texts. */
#include "sql/sql_internal.h"
#include "text/json.h"
#include "text/utf8.h"

#include <math.h>
#include <string.h>

bool sl_sql_is_utf8(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        uint64_t word;
        uint32_t code;
        if (len - at >= sizeof word) {
            memcpy(&word, bytes + at, sizeof word);
            if (sl_word_is_ascii(word)) {
                at += sizeof word;
                continue;
            }
        }
        if (bytes[at] < 0x80) {
            at++;
            continue;
        }
        at += sl_utf8_sequence(bytes + at, len - at, &code);
        if (code == SL_UTF8_INVALID)
            return false;
    }
    return true;
}

static void give_json(sqlite3_context *context, const struct sl_field *field)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    if (sl_json_field(&buf, field, NULL))
        sqlite3_result_text64(context, (const char *)buf.bytes, buf.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_result_error_nomem(context);
}

void sl_sql_result(sqlite3_context *context, const struct sl_field *field, bool is_lasting)
{
    sqlite3_destructor_type memory = is_lasting ? SQLITE_STATIC : SQLITE_TRANSIENT;
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        sqlite3_result_null(context);
        break;
    case SL_BOOL:
        sqlite3_result_int(context, field->boolean);
        break;
    case SL_INT:
        sqlite3_result_int64(context, field->integer);
        break;
    case SL_FLOAT:
        sqlite3_result_double(context, field->number); /* NaN becomes NULL */
        break;
    case SL_STR:
        if (sl_sql_is_utf8(field->str, field->len))
            sqlite3_result_text64(context, field->len ? (const char *)field->str : "", field->len, memory,
                                  SQLITE_UTF8);
        else
            sqlite3_result_blob64(context, field->str, field->len, memory);
        break;
    case SL_LIST:
    case SL_MAP:
        give_json(context, field);
        break;
    }
}
