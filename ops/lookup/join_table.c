/* joinTable, leftJoinTable, antiJoinTable: pairs beside a table (sources/table/table.c), whose version for the batch all workers
 * share. Narrow: the order of records, their lines and event times stay. */
#include "core/rows/lookup.h"
#include "ops/key/pair_key.h"
#include "ops/narrow/each_row.h"

#include <string.h>

static const struct sl_lookup *table_of(const struct sl_instance *self)
{
    int number = self->node->input[1]->table;
    sl_assert(number >= 0 && (size_t)number < self->task->tables && self->task->table[number]);
    return self->task->table[number];
}

/* The values of a row as one: the only one, or a list in scratch memory. */
static int right_value(const struct sl_instance *self, const struct sl_lookup *lookup, uint32_t row,
                       struct sl_field *ret)
{
    struct sl_field values[SL_WIDTH_MAX];
    uint32_t count = sl_lookup_values(lookup, row, values);
    *ret = values[0];
    if (count == 1)
        return 0;
    struct sl_field *items = sl_arena_alloc(self->task->scratch, count * sizeof *items);
    if (!items)
        return SL_ENOMEM;
    memcpy(items, values, count * sizeof *items);
    *ret = sl_list(items, count);
    return 0;
}

static int left_value(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row,
                      struct sl_field *ret)
{
    if (in->width == 2) {
        *ret = in->column[1][row];
        ret->flags = 0;
        return 0;
    }
    struct sl_field *items = sl_arena_alloc(self->task->scratch, (in->width - 1) * sizeof *items);
    if (!items)
        return SL_ENOMEM;
    *ret = sl_chunk_value(in, row, items);
    return 0;
}

/* A record for each row of the key. */
static int add_matches(const struct sl_instance *self, const struct sl_lookup *lookup,
                       const struct sl_chunk *in, uint32_t row, uint32_t found)
{
    struct sl_builder *out = self->state;
    struct sl_field fields[3] = {in->column[0][row]};
    int r = left_value(self, in, row, &fields[1]);
    sl_builder_row(out, in, row);
    for (; r == 0 && found != SL_NO_ROW; found = sl_lookup_next(lookup, found)) {
        r = right_value(self, lookup, found, &fields[2]);
        r = r < 0 ? r : sl_builder_add(out, fields, 3, sl_line_of(in, row));
    }
    return r;
}

static int add_unmatched(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row)
{
    struct sl_builder *out = self->state;
    struct sl_field fields[3] = {in->column[0][row], sl_nil(), sl_nil()};
    int r = left_value(self, in, row, &fields[1]);
    sl_builder_row(out, in, row);
    return r < 0 ? r : sl_builder_add(out, fields, 3, sl_line_of(in, row));
}

static int find_rows(struct sl_instance *self, const struct sl_chunk *in, uint32_t *ret)
{
    if (in->width < 2)
        return sl_pairs_reject(self->node, self->task, in);
    sl_lookup_find_all(table_of(self), in->column[0], in->rows, ret);
    return 1;
}

/* Whether the key of the row was refused: 1, 0 or a failure. */
static int refuse_key(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row)
{
    if (sl_key_check(self->node, self->task, &in->column[0][row]) == 0)
        return 0;
    int r = sl_task_reject(self->task, self->node->number, in, row);
    return r < 0 ? r : 1;
}

static int join(struct sl_instance *self, const struct sl_chunk *in, bool keeps_all)
{
    uint32_t found[SL_CHUNK_ROWS];
    const struct sl_lookup *lookup = table_of(self);
    int r = find_rows(self, in, found);
    if (r <= 0)
        return r;
    r = 0;
    sl_builder_origin(self->state, in);
    for (uint32_t row = 0; r >= 0 && row < in->rows; row++) {
        r = refuse_key(self, in, row);
        if (r == 0 && found[row] != SL_NO_ROW)
            r = add_matches(self, lookup, in, row, found[row]);
        else if (r == 0 && keeps_all)
            r = add_unmatched(self, in, row);
    }
    return r < 0 ? r : sl_builder_flush(self->state);
}

static int push_inner(struct sl_instance *self, const struct sl_chunk *in)
{
    return join(self, in, false);
}

static int push_left(struct sl_instance *self, const struct sl_chunk *in)
{
    return join(self, in, true);
}

/* The records themselves, as they are. */
static int push_anti(struct sl_instance *self, const struct sl_chunk *in)
{
    uint32_t found[SL_CHUNK_ROWS];
    uint16_t rows[SL_CHUNK_ROWS];
    uint32_t count = 0;
    struct sl_chunk kept;
    int r = find_rows(self, in, found);
    if (r <= 0)
        return r;
    r = 0;
    for (uint32_t row = 0; r >= 0 && row < in->rows; row++) {
        r = refuse_key(self, in, row);
        if (r == 0 && found[row] == SL_NO_ROW)
            rows[count++] = (uint16_t)row;
    }
    if (r < 0 || !count)
        return r < 0 ? r : 0;
    if (count == in->rows)
        return sl_push(self->out, in);
    return sl_chunk_gather(self->task->scratch, in, rows, count, &kept) ? sl_push(self->out, &kept)
                                                                        : SL_ENOMEM;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    if (node->inputs == 2 && node->input[1]->op->is_table)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "the argument must be a table: sluice.table(\"users.csv\", {key = \"id\"})");
}

static const struct sl_param params[] = {
    {"table", SL_WANT_STREAM, false, "a table made by sluice.table"},
    {0},
};

static const struct sl_narrow inner_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = push_inner,
    .done = sl_builder_close,
};

static const struct sl_narrow left_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = push_left,
    .done = sl_builder_close,
};

static const struct sl_narrow anti_narrow = {.push = push_anti};

const struct sl_op sl_op_join_table = {
    .name = "joinTable",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Pairs each value with those that a table has for its key: (key, value, of the table)",
    .example =
        "s:map(sluice.pair(1)):joinTable(sluice.table(\"users.csv\", { header = true, key = \"id\" }))",
    .params = params,
    .narrow = &inner_narrow,
    .check = check,
    .takes_tables = true,
};

const struct sl_op sl_op_left_join_table = {
    .name = "leftJoinTable",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary =
        "The same as joinTable, and keeps the keys that the table does not have; its side is nil there",
    .example =
        "s:map(sluice.pair(1)):leftJoinTable(sluice.table(\"users.csv\", { header = true, key = \"id\" }))",
    .params = params,
    .narrow = &left_narrow,
    .check = check,
    .takes_tables = true,
};

const struct sl_op sl_op_anti_join_table = {
    .name = "antiJoinTable",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Keeps the pairs whose key a table does not have",
    .example =
        "s:map(sluice.pair(1)):antiJoinTable(sluice.table(\"users.csv\", { header = true, key = \"id\" }))",
    .params = params,
    .narrow = &anti_narrow,
    .check = check,
    .columns = sl_columns_of_input,
    .takes_tables = true,
};
