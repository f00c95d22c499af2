/* percentile(x, p): an aggregate, interpolated as Spark does it. The numbers of a group are in memory; beyond memoryLimit in a
 * table of the database of sql/copy.c, which sorts them on disk. */
#include "sql/sql_internal.h"

#include <math.h>
#include <stdlib.h>

enum { ROOM_MIN = 1024 };

struct numbers {
    double *number;
    sqlite3_int64 count, capacity;
    sqlite3_int64 stored; /* that are in table numbers_<table> */
    unsigned table;
    double p;
    bool failed;
};

/* How many may be in memory: half of it is for sorting them. */
static sqlite3_int64 room_of(const struct sl_sql *sql)
{
    sqlite3_int64 room = (sqlite3_int64)(sql->options.memory_max / sizeof(double) / 2);
    return !sql->options.memory_max ? INT64_MAX : room > ROOM_MIN ? room : ROOM_MIN;
}

static int execute(struct sl_sql *sql, const char *format, unsigned table)
{
    char *text = sqlite3_mprintf(format, table);
    int code = text ? sqlite3_exec(sql->copies->handle, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    return code;
}

static int prepare(struct sl_sql *sql, const char *format, unsigned table, sqlite3_stmt **ret)
{
    char *text = sqlite3_mprintf(format, table);
    int code = text ? sqlite3_prepare_v2(sql->copies->handle, text, -1, ret, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    return code;
}

static int open_table(struct sl_sql *sql, struct numbers *numbers)
{
    int code = sql->copies ? SQLITE_OK : sql->open_copies(sql);
    if (code != SQLITE_OK || numbers->stored)
        return code;
    numbers->table = sql->copies_made++;
    return execute(sql, "CREATE TABLE numbers_%u(number)", numbers->table);
}

static int store(struct sl_sql *sql, struct numbers *numbers)
{
    sqlite3_stmt *insert = NULL;
    int code = open_table(sql, numbers);
    code =
        code == SQLITE_OK ? prepare(sql, "INSERT INTO numbers_%u VALUES(?)", numbers->table, &insert) : code;
    for (sqlite3_int64 i = 0; code == SQLITE_OK && i < numbers->count; i++) {
        code = sqlite3_bind_double(insert, 1, numbers->number[i]);
        code =
            code == SQLITE_OK && sqlite3_step(insert) == SQLITE_DONE ? sqlite3_reset(insert) : SQLITE_ERROR;
    }
    int ended = sqlite3_finalize(insert);
    numbers->stored += numbers->count;
    numbers->count = 0;
    return ended != SQLITE_OK ? ended : code;
}

static void report(sqlite3_context *context, struct numbers *numbers, int code)
{
    struct sl_sql *sql = sqlite3_user_data(context);
    numbers->failed = true;
    if (sql->copies) {
        sql->timed_out = sql->timed_out || sql->copies->timed_out;
        sqlite3_result_error(context, sqlite3_errmsg(sql->copies->handle), -1);
    }
    sqlite3_result_error_code(context, code);
}

static bool grow(struct numbers *numbers)
{
    sqlite3_int64 capacity = numbers->capacity ? numbers->capacity * 2 : 16;
    double *grown = sqlite3_realloc64(numbers->number, (sqlite3_uint64)capacity * sizeof *grown);
    if (!grown)
        return false;
    numbers->number = grown;
    numbers->capacity = capacity;
    return true;
}

static void add(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_sql *sql = sqlite3_user_data(context);
    struct numbers *numbers = sqlite3_aggregate_context(context, sizeof *numbers);
    int type = sqlite3_value_numeric_type(argv[0]);
    (void)argc;
    if (!numbers || (type != SQLITE_INTEGER && type != SQLITE_FLOAT))
        return; /* as sum() would count them: not at all */
    numbers->p = sqlite3_value_double(argv[1]);
    if (!(numbers->p >= 0 && numbers->p <= 1) || sqlite3_value_type(argv[1]) == SQLITE_NULL) {
        numbers->failed = true;
        sqlite3_result_error(context, "percentile: p must be from 0 to 1", -1);
        return;
    }
    int code = numbers->count >= room_of(sql) ? store(sql, numbers) : SQLITE_OK;
    if (code != SQLITE_OK) {
        report(context, numbers, code);
    } else if (numbers->count == numbers->capacity && !grow(numbers)) {
        numbers->failed = true;
        sqlite3_result_error_nomem(context);
    } else {
        numbers->number[numbers->count++] = sqlite3_value_double(argv[0]);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Those at `low` and after it, in order. */
static int find_stored(struct sl_sql *sql, struct numbers *numbers, sqlite3_int64 low, double *ret_a,
                       double *ret_b)
{
    sqlite3_stmt *sorted = NULL;
    int code = store(sql, numbers), step = SQLITE_ROW;
    code = code == SQLITE_OK
               ? prepare(sql, "SELECT number FROM numbers_%u ORDER BY number", numbers->table, &sorted)
               : code;
    for (sqlite3_int64 i = 0; code == SQLITE_OK && i <= low + 1 && step == SQLITE_ROW; i++) {
        step = sqlite3_step(sorted);
        if (step == SQLITE_ROW && i >= low)
            *(i == low ? ret_a : ret_b) = sqlite3_column_double(sorted, 0);
        if (step == SQLITE_ROW && i == low)
            *ret_b = *ret_a; /* where it is the last */
    }
    int ended = sqlite3_finalize(sorted);
    (void)execute(sql, "DROP TABLE numbers_%u", numbers->table); /* or with the database */
    return ended != SQLITE_OK ? ended : code;
}

static int find(struct sl_sql *sql, struct numbers *numbers, sqlite3_int64 low, double *ret_a, double *ret_b)
{
    if (numbers->stored)
        return find_stored(sql, numbers, low, ret_a, ret_b);
    qsort(numbers->number, (size_t)numbers->count, sizeof(double), by_value);
    *ret_a = numbers->number[low];
    *ret_b = numbers->number[low + 1 < numbers->count ? low + 1 : low];
    return SQLITE_OK;
}

static void give(sqlite3_context *context)
{
    struct sl_sql *sql = sqlite3_user_data(context);
    struct numbers *numbers = sqlite3_aggregate_context(context, 0);
    double a = 0, b = 0;
    if (!numbers)
        return;
    sqlite3_int64 count = numbers->count + numbers->stored;
    if (count && !numbers->failed) {
        double at = numbers->p * (double)(count - 1), low = floor(at), high = ceil(at);
        int code = find(sql, numbers, (sqlite3_int64)low, &a, &b);
        if (code != SQLITE_OK)
            report(context, numbers, code);
        else /* as Spark has it: b - a may be larger than any number */
            sqlite3_result_double(context, high == low || a == b ? a : (high - at) * a + (at - low) * b);
    }
    sqlite3_free(numbers->number);
}

int sl_sql_add_percentile(struct sl_sql *sql)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    return sqlite3_create_function_v2(sql->handle, "percentile", 2, flags, sql, NULL, add, give, NULL);
}
