/* show([n [, truncate]]): the first rows of each batch on standard output as a table, as Spark's df.show() prints a
 * DataFrame. It happens at least once, like print; a batch without records shows nothing. */
#include "output/show.h"

#include "core/contract/collect.h"
#include "output/outputs.h"
#include "text/grid.h"

#include <errno.h>
#include <unistd.h>

static int64_t rows_shown(const struct sl_node *node)
{
    return sl_node_integer(node, 0, SL_SHOW_ROWS);
}

/* true: 20 characters; false: all; a number: so many. */
static uint32_t characters_shown(const struct sl_node *node)
{
    struct sl_field truncate = sl_node_value(node, 1);
    if (truncate.tag == SL_INT)
        return (uint32_t)truncate.integer;
    return truncate.tag == SL_BOOL && !truncate.boolean ? 0 : SL_SHOW_CHARACTERS;
}

static int show_begin(struct sl_stage *stage)
{
    struct sl_collect *collect = stage->state;
    return sl_collect_init(collect, stage, (uint64_t)rows_shown(stage->node) + 1);
}

/* ---- the table ---- */

static uint32_t widest(const struct sl_dataset *dataset, int64_t count)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width, most = 0;
    sl_cursor_init(&cursor, dataset);
    for (int64_t i = 0; i < count && sl_cursor_next(&cursor, fields, &width); i++)
        most = width > most ? width : most;
    return most;
}

static bool add_names(struct sl_grid *grid, const struct sl_columns *columns)
{
    const char *names[SL_WIDTH_MAX];
    if (!columns || columns->count < grid->columns)
        return sl_grid_names(grid, NULL);
    for (uint32_t i = 0; i < columns->count; i++)
        names[i] = columns->column[i].name;
    return sl_grid_names(grid, names);
}

static bool add_rows(struct sl_grid *grid, const struct sl_dataset *dataset, int64_t count)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    bool ok = true;
    sl_cursor_init(&cursor, dataset);
    for (int64_t i = 0; ok && i < count && sl_cursor_next(&cursor, fields, &width); i++)
        ok = sl_grid_row(grid, fields, width);
    return ok;
}

static bool add_table(struct sl_buf *text, struct sl_dataset *dataset,
                      const struct sl_show_settings *settings, bool is_safe)
{
    struct sl_grid grid;
    sl_grid_init(&grid, widest(dataset, settings->rows), settings->characters, is_safe);
    bool ok = add_names(&grid, settings->columns) && add_rows(&grid, dataset, settings->rows) &&
              sl_grid_print(&grid, text);
    sl_grid_done(&grid);
    if (ok && dataset->count > (uint64_t)settings->rows)
        ok = sl_buf_printf(text, "only showing top %lld row%s\n", (long long)settings->rows,
                           settings->rows == 1 ? "" : "s");
    return ok && sl_buf_byte(text, '\n');
}

int sl_show(FILE *out, struct sl_dataset *dataset, const struct sl_show_settings *settings,
            struct sl_error *err)
{
    struct sl_buf text SL_CLEANUP(sl_buf_done) = {0};
    if (!dataset->count)
        return 0;
    if (sl_dataset_resolve(dataset, NULL) < 0 || !add_table(&text, dataset, settings, isatty(fileno(out))))
        return sl_error_nomem(err);
    if (fwrite(text.bytes, 1, text.len, out) < text.len || fflush(out) != 0)
        return sl_error_sys(err, errno, "writing to the standard output");
    return 0;
}

static int show_effect(struct sl_stage *stage)
{
    const struct sl_collect *collect = stage->state;
    const struct sl_show_settings settings = {.rows = rows_shown(stage->node),
                                              .characters = characters_shown(stage->node),
                                              .columns = sl_node_columns(stage->node->input[0])};
    return stage->emits && stage->said ? sl_show(stage->services->out, collect->result, &settings, stage->err)
                                       : 0;
}

static int show_check(struct sl_node *node, struct sl_error *err)
{
    int64_t rows = rows_shown(node);
    struct sl_field truncate = sl_node_value(node, 1);
    if (rows < 1 || rows >= INT32_MAX)
        return sl_error_set(err, SL_EUSAGE, "n must be from 1 to %d, got %lld", INT32_MAX - 1,
                            (long long)rows);
    if (truncate.tag == SL_INT && truncate.integer > INT32_MAX)
        return sl_error_set(err, SL_EUSAGE, "truncate must be at most %d characters", INT32_MAX);
    return 0;
}

static const struct sl_param params[] = {
    {"n", SL_WANT_COUNT | SL_WANT_NIL, true, "rows shown, 20 by default"},
    {"truncate", SL_WANT_BOOLEAN | SL_WANT_INTEGER, true,
     "false: whole values; a number: the characters of a value that are shown; 20"},
    {0},
};

static const struct sl_wide wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = show_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = sl_collect_finish,
    .done = sl_collect_end,
};

static const struct sl_output steps = {.effect = show_effect};

const struct sl_op sl_output_show = {
    .name = "show",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Prints the first rows of each batch as a table, as Spark's df.show() does.",
    .example = "s:show(5, false)",
    .params = params,
    .wide = &wide,
    .output = &steps,
    .check = show_check,
};
