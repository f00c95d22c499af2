#include "lua/formula_calls.h"

#include "core/base/error.h"
#include "lua/calls.h"
#include "lua/formula_internal.h"

/* ---- map ---- */

static bool has_scalars_only(const struct sl_field *column, uint32_t rows)
{
    uint32_t lists = 0;
    for (uint32_t row = 0; row < rows; row++)
        lists += column[row].tag > SL_STR;
    return lists == 0;
}

static int fill(struct sl_task *task, uint32_t rows, struct sl_field value, const struct sl_field **ret)
{
    struct sl_field *column = sl_arena_alloc(task->scratch, rows * sizeof *column);
    if (!column)
        return SL_ENOMEM;
    for (uint32_t row = 0; row < rows; row++)
        column[row] = value;
    *ret = column;
    return 0;
}

static int map_value(const struct sl_formula_value *value, struct sl_task *task, const struct sl_chunk *in,
                     const struct sl_field **ret)
{
    if (!value->is_argument)
        return fill(task, in->rows, value->constant, ret);
    if (value->argument >= in->width)
        return fill(task, in->rows, sl_nil(), ret);
    *ret = in->column[value->argument];
    return has_scalars_only(*ret, in->rows) ? 0 : SL_EREJECT;
}

/* Columns are passed on as they are. */
static int map_values(const struct sl_formula *formula, struct sl_task *task, const struct sl_chunk *in,
                      struct sl_chunk *out)
{
    int r = formula->width ? 0 : SL_EREJECT;
    for (uint32_t c = 0; c < formula->width && r == 0; c++)
        r = map_value(&formula->value[c], task, in, &out->column[c]);
    out->width = formula->width;
    return r;
}

static bool allocate_columns(struct sl_task *task, uint32_t width, uint32_t rows, struct sl_field **ret)
{
    struct sl_field *fields = sl_arena_alloc(task->scratch, (size_t)width * rows * sizeof *fields);
    for (uint32_t c = 0; c < width && fields; c++)
        ret[c] = fields + (size_t)c * rows;
    return fields;
}

/* The first row decides how many columns there are. */
static int map_computed(const struct sl_formula *formula, struct sl_task *task, const struct sl_chunk *in,
                        struct sl_chunk *out)
{
    struct sl_field argv[SL_WIDTH_MAX], values[SL_WIDTH_MAX], *column[SL_WIDTH_MAX];
    uint32_t width = 0, count = 0;
    for (uint32_t row = 0; row < in->rows; row++) {
        sl_chunk_row(in, row, argv);
        if (!sl_formula_run(formula, argv, in->width, values, &count) || !count || (row && count != width))
            return SL_EREJECT;
        if (!row && !allocate_columns(task, width = count, in->rows, column))
            return SL_ENOMEM;
        for (uint32_t c = 0; c < width; c++)
            column[c][row] = values[c];
    }
    for (uint32_t c = 0; c < width; c++)
        out->column[c] = column[c];
    out->width = width;
    return 0;
}

int sl_formula_map(const struct sl_formula *formula, struct sl_task *task, const struct sl_chunk *in,
                   struct sl_chunk *out)
{
    int r = formula->value ? map_values(formula, task, in, out) : map_computed(formula, task, in, out);
    return r == SL_ENOMEM ? sl_error_nomem(task->err) : r;
}

/* ---- rows ---- */

int sl_formula_rows(const struct sl_formula *formula, struct sl_task *task, const struct sl_chunk *in,
                    uint32_t from, struct sl_called *ret)
{
    struct sl_field argv[SL_WIDTH_MAX];
    uint32_t used = 0, room = 0, count = 0;
    int r = sl_calls_reserve(task, in->rows - from, ret, &room);
    for (uint32_t row = from; r == 0 && row < in->rows && room - used >= SL_WIDTH_MAX; row++) {
        sl_chunk_row(in, row, argv);
        if (!sl_formula_run(formula, argv, in->width, ret->values + used, &count))
            break;
        used += count;
        ret->count[ret->rows++] = (uint8_t)count;
    }
    return r;
}

/* ---- folding ---- */

/* A value that stays is not copied again. */
static bool keep_value(struct sl_arena *keep, const struct sl_field *value, struct sl_field *cell)
{
    if (value->tag == SL_STR && cell->tag == SL_STR && value->str == cell->str && value->len == cell->len)
        return true;
    return sl_field_copy(keep, value, cell);
}

static bool fold_one(const struct sl_formula *formula, struct sl_arena *keep, struct sl_field *cell,
                     const struct sl_field *value)
{
    const struct sl_field pair[2] = {*cell, *value};
    struct sl_field values[SL_WIDTH_MAX];
    uint32_t count = 0;
    return sl_formula_run(formula, pair, 2, values, &count) && count == 1 && keep_value(keep, values, cell);
}

uint32_t sl_formula_fold(const struct sl_formula *formula, struct sl_task *task, struct sl_arena *keep,
                         struct sl_field *const *cells, const struct sl_field *values, const uint16_t *row,
                         uint32_t count)
{
    uint32_t done = 0;
    for (; done < count; done++) {
        struct sl_field *cell = cells[done];
        const struct sl_field *value = &values[row[done]];
        if (formula->is_sum && cell->tag == SL_INT && value->tag == SL_INT)
            *cell = sl_integer((int64_t)((uint64_t)cell->integer + (uint64_t)value->integer));
        else if (!fold_one(formula, keep, cell, value))
            break;
    }
    return done;
}
