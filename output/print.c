/* print([n]) and pprint([n]): the first rows of each batch on standard output, as Spark shows them: print in
 * Scala's layout, pprint in Python's. They happen at least once (a batch that is redone is shown again), and
 * a batch without records shows nothing, unless emptyBatches asks for all of them. */
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "output/outputs.h"
#include "text/format.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS_SHOWN = 10 };

#define RULE "-------------------------------------------\n"

static int64_t rows_shown(const struct sl_node *node)
{
    return sl_node_integer(node, 0, ROWS_SHOWN);
}

static int print_begin(struct sl_stage *stage)
{
    struct sl_collect *collect = stage->state;
    /* One more than is shown tells whether there are more. */
    return sl_collect_init(collect, stage, (uint64_t)rows_shown(stage->node) + 1);
}

/* ---- the block of text ---- */

static bool add_row(struct sl_buf *text, const struct sl_format *format, const struct sl_field *fields,
                    uint32_t width)
{
    struct sl_chunk chunk = {.rows = 1, .width = width};
    uint64_t replaced = 0;
    /* A string that is the whole record is printed, in either language, and not its literal. */
    if (width == 1 && fields[0].tag == SL_STR)
        return sl_buf_append(text, fields[0].str, fields[0].len) && sl_buf_byte(text, '\n');
    for (uint32_t c = 0; c < width; c++)
        chunk.column[c] = &fields[c];
    return format->rows(text, &chunk, &replaced);
}

/* The same for a terminal, which must not see what may be in data. */
static bool add_safe_row(struct sl_buf *text, const struct sl_format *format, const struct sl_field *fields,
                         uint32_t width)
{
    struct sl_buf row = {0};
    bool ok = add_row(&row, format, fields, width);
    size_t len = row.len && row.bytes[row.len - 1] == '\n' ? row.len - 1 : row.len;
    ok = ok && sl_buf_safe(text, row.bytes, len) && sl_buf_byte(text, '\n');
    sl_buf_done(&row);
    return ok;
}

static bool add_rows(struct sl_buf *text, const struct sl_format *format, const struct sl_dataset *dataset,
                     int64_t count, bool safe)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    bool ok = true;
    sl_cursor_init(&cursor, dataset);
    for (int64_t i = 0; ok && i < count && sl_cursor_next(&cursor, fields, &width); i++)
        ok = safe ? add_safe_row(text, format, fields, width) : add_row(text, format, fields, width);
    if (ok && dataset->count > (uint64_t)count)
        ok = sl_buf_text(text, "...\n");
    return ok;
}

static bool add_block(struct sl_buf *text, const struct sl_stage *stage, const char *time, const char *format)
{
    const struct sl_collect *collect = stage->state;
    bool safe = isatty(fileno(stage->services->out));
    return sl_buf_printf(text, RULE "Time: %s\n" RULE, time) &&
           add_rows(text, sl_format_find(format, strlen(format)), collect->result, rows_shown(stage->node),
                    safe) &&
           sl_buf_byte(text, '\n');
}

static int show(struct sl_stage *stage, const char *time, const char *format)
{
    FILE *out = stage->services->out;
    struct sl_buf text SL_CLEANUP(sl_buf_done) = {0};
    if (!add_block(&text, stage, time, format))
        return sl_error_nomem(stage->err);
    if (fwrite(text.bytes, 1, text.len, out) < text.len || fflush(out) != 0)
        return sl_error_sys(stage->err, errno, "writing to the standard output");
    return 0;
}

static bool is_shown(const struct sl_stage *stage)
{
    const struct sl_collect *collect = stage->state;
    return stage->emits && (stage->services->empty_batches || (stage->said && collect->result->count > 0));
}

static int print_effect(struct sl_stage *stage)
{
    char time[32];
    snprintf(time, sizeof time, "%lld ms", (long long)stage->batch_ms);
    return is_shown(stage) ? show(stage, time, "spark") : 0;
}

/* A local date as Python's datetime shows it: microseconds only where there are any. */
static int pprint_effect(struct sl_stage *stage)
{
    char date[64];
    int64_t second = stage->batch_ms / 1000, ms = stage->batch_ms % 1000;
    if (ms < 0) {
        second--;
        ms += 1000;
    }
    time_t seconds = (time_t)second;
    struct tm local;
    if (!localtime_r(&seconds, &local))
        return sl_error_sys(stage->err, errno, "pprint: time %lld", (long long)stage->batch_ms);
    size_t len = strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local);
    if (ms)
        snprintf(date + len, sizeof date - len, ".%06d", (int)ms * 1000);
    return is_shown(stage) ? show(stage, date, "python") : 0;
}

static int print_check(struct sl_node *node, struct sl_error *err)
{
    int64_t rows = rows_shown(node);
    return rows >= 1 && rows < INT32_MAX ? 0
                                         : sl_error_set(err, SL_EUSAGE, "n must be from 1 to %d, got %lld",
                                                        INT32_MAX - 1, (long long)rows);
}

static const struct sl_param params[] = {
    {"n", SL_WANT_COUNT, true, "rows shown, 10 by default"},
    {0},
};

static const struct sl_wide wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = print_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = sl_collect_finish,
    .done = sl_collect_end,
};

static bool print_text(const struct sl_node *node, const struct sl_dataset *dataset, struct sl_buf *buf)
{
    return add_rows(buf, sl_format_find("spark", 5), dataset, rows_shown(node), false);
}

static bool pprint_text(const struct sl_node *node, const struct sl_dataset *dataset, struct sl_buf *buf)
{
    return add_rows(buf, sl_format_find("python", 6), dataset, rows_shown(node), false);
}

static const struct sl_output print_steps = {.effect = print_effect, .text = print_text};
static const struct sl_output pprint_steps = {.effect = pprint_effect, .text = pprint_text};

const struct sl_op sl_output_print = {
    .name = "print",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Prints the first rows of each batch in the layout of Spark's Scala API.",
    .example = "s:print(5)",
    .params = params,
    .wide = &wide,
    .output = &print_steps,
    .check = print_check,
};

const struct sl_op sl_output_pprint = {
    .name = "pprint",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Prints the first rows of each batch in the layout of PySpark.",
    .example = "s:pprint()",
    .params = params,
    .wide = &wide,
    .output = &pprint_steps,
    .check = print_check,
};
