/* sum, total and avg in the place of SQLite's: exact until they are rounded once, so that they are what our own operators
 * give (ops/query/aggregates.c), in windows too. What counts as a number, and as which, is SQLite's. */
#include "core/base/exact.h"
#include "sql/sql_internal.h"

#include <stdlib.h>

/* SQLite's memory for it is aligned for 8 bytes. */
typedef __int128 integer_sum __attribute__((aligned(8)));

struct sum {
    struct sl_arena arena;
    struct sl_exact exact; /* of floats */
    integer_sum integers;
    int64_t count, reals;
};

static void change(sqlite3_context *context, sqlite3_value *value, bool undo)
{
    struct sum *sum = sqlite3_aggregate_context(context, sizeof *sum);
    int type = sqlite3_value_numeric_type(value);
    bool ok = sum != NULL;
    if (!ok || type == SQLITE_NULL)
        return;
    if (type == SQLITE_INTEGER)
        sum->integers += undo ? -(__int128)sqlite3_value_int64(value) : (__int128)sqlite3_value_int64(value);
    else
        ok = sl_exact_add(&sum->exact, &sum->arena, sqlite3_value_double(value), undo);
    sum->reals += type == SQLITE_INTEGER ? 0 : undo ? -1 : 1;
    sum->count += undo ? -1 : 1;
    if (!ok)
        sqlite3_result_error_nomem(context);
}

static void add(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    change(context, argv[0], false);
}

static void take_out(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    change(context, argv[0], true);
}

/* Divided by `divisor` and rounded once. */
static void give_real(sqlite3_context *context, const struct sum *sum, uint64_t divisor)
{
    struct sl_arena scratch;
    struct sl_exact whole = {0};
    double number = 0;
    sl_arena_init(&scratch);
    bool ok = sl_exact_copy(&sum->exact, &scratch, &whole) &&
              sl_exact_add_integer(&whole, &scratch, sum->integers) &&
              sl_exact_round(&whole, divisor, &scratch, &number);
    sl_arena_done(&scratch);
    if (ok)
        sqlite3_result_double(context, number); /* NaN becomes NULL */
    else
        sqlite3_result_error_nomem(context);
}

static void show_sum(sqlite3_context *context)
{
    const struct sum *sum = sqlite3_aggregate_context(context, 0);
    if (!sum || !sum->count)
        return;
    if (sum->reals)
        give_real(context, sum, 1);
    else if (sum->integers < INT64_MIN || sum->integers > INT64_MAX)
        sqlite3_result_error(context, "sum: integer overflow", -1);
    else
        sqlite3_result_int64(context, (sqlite3_int64)sum->integers);
}

static void show_total(sqlite3_context *context)
{
    const struct sum *sum = sqlite3_aggregate_context(context, 0);
    if (sum && sum->count)
        give_real(context, sum, 1);
    else
        sqlite3_result_double(context, 0);
}

static void show_avg(sqlite3_context *context)
{
    const struct sum *sum = sqlite3_aggregate_context(context, 0);
    if (sum && sum->count)
        give_real(context, sum, (uint64_t)sum->count);
}

static void release(sqlite3_context *context)
{
    struct sum *sum = sqlite3_aggregate_context(context, 0);
    if (sum)
        sl_arena_done(&sum->arena);
}

static void give_sum(sqlite3_context *context)
{
    show_sum(context);
    release(context);
}

static void give_total(sqlite3_context *context)
{
    show_total(context);
    release(context);
}

static void give_avg(sqlite3_context *context)
{
    show_avg(context);
    release(context);
}

int sl_sql_add_sums(struct sl_sql *sql)
{
    static const struct {
        const char *name;
        void (*final)(sqlite3_context *context);
        void (*value)(sqlite3_context *context);
    } sums[] = {{"sum", give_sum, show_sum}, {"total", give_total, show_total}, {"avg", give_avg, show_avg}};
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof sums / sizeof *sums; i++)
        code = sqlite3_create_window_function(sql->handle, sums[i].name, 1, flags, sql, add, sums[i].final,
                                              sums[i].value, take_out, NULL);
    return code;
}
