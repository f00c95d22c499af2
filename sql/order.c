/* Whether rows are in SQLite's order of their first column: NULL, numbers, texts. */
#include "sql/sql_internal.h"

/* Numbers before texts; what is neither is in no order of ours. */
static int rank(const struct sl_field *field)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return 0;
    case SL_INT:
        return 1;
    case SL_STR:
        return sl_sql_is_utf8(field->str, field->len) ? 2 : -1;
    case SL_BOOL:
    case SL_FLOAT:
    case SL_LIST:
    case SL_MAP:
        break;
    }
    return -1;
}

static bool follows(const struct sl_field *before, const struct sl_field *field)
{
    int a = rank(before), b = rank(field);
    return a >= 0 && b >= 0 && (a < b || (a == b && sl_field_compare(before, field) <= 0));
}

bool sl_sql_is_sorted(const struct sl_dataset *rows)
{
    struct sl_field before = sl_nil();
    for (size_t p = 0; p < rows->partitions; p++) {
        for (size_t s = 0; s < rows->partition[p].slices; s++) {
            const struct sl_slice *slice = &rows->partition[p].slice[s];
            if (slice->rows->stored)
                return false;
            for (size_t c = 0; c < slice->rows->chunks; c++) {
                const struct sl_chunk *chunk = slice->rows->chunk[c];
                uint64_t start = slice->rows->start[c];
                for (uint32_t row = 0; row < chunk->rows; row++) {
                    if (start + row < slice->from || start + row >= slice->to)
                        continue;
                    if (!follows(&before, &chunk->column[0][row]))
                        return false;
                    before = chunk->column[0][row];
                }
            }
        }
    }
    return true;
}
