#include "sinks/table/infer.h"

void sl_table_see(struct sl_table_seen *seen, const struct sl_field *value)
{
    switch ((enum sl_tag)value->tag) {
    case SL_NIL:
        break;
    case SL_BOOL:
        seen->boolean = true;
        break;
    case SL_INT:
        seen->integer = true;
        break;
    case SL_FLOAT:
        seen->floating = true;
        break;
    case SL_STR:
        if (seen->bytes || sl_table_is_text(value))
            seen->text = true;
        else
            seen->bytes = true;
        break;
    case SL_LIST:
    case SL_MAP:
        seen->container = true;
        break;
    }
}

/* Kinds that are mixed are text, but for integers among floats, text among bytes, and anything among lists. */
enum sl_table_kind sl_table_kind_of_seen(const struct sl_table_seen *seen)
{
    bool number = seen->integer || seen->floating;
    if (seen->container)
        return SL_TABLE_JSON;
    if (seen->bytes && !seen->boolean && !number)
        return SL_TABLE_BYTES;
    if (seen->boolean && !number && !seen->text)
        return SL_TABLE_BOOLEAN;
    if (number && !seen->boolean && !seen->text && !seen->bytes)
        return seen->floating ? SL_TABLE_FLOAT : SL_TABLE_INT8;
    return SL_TABLE_TEXT;
}

enum sl_table_kind sl_table_kind_of_type(enum sl_column_type type)
{
    switch (type) {
    case SL_COLUMN_STRING:
        return SL_TABLE_TEXT;
    case SL_COLUMN_INT:
        return SL_TABLE_INT8;
    case SL_COLUMN_DOUBLE:
        return SL_TABLE_FLOAT;
    case SL_COLUMN_BOOLEAN:
        return SL_TABLE_BOOLEAN;
    case SL_COLUMN_TIMESTAMP:
        return SL_TABLE_TIMESTAMP;
    case SL_COLUMN_JSON:
        return SL_TABLE_JSON;
    case SL_COLUMN_ANY:
        break;
    }
    return SL_TABLE_DYNAMIC;
}
