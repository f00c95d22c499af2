/* Datasets as virtual tables: SQLite reads chunks where they are.
 *
 * A table is a module that needs no CREATE: its name is enough, and what it shows is asked for when a query names it.
 * Rows come in their order. A comparison with "=" is answered by a hash index on the column, which its second use
 * makes: SQLite makes none for virtual tables, and a join without one is quadratic. The index finds all rows that may
 * be equal, however SQLite converts the two sides (the text '5' and the number 5 share a place); SQLite compares once
 * more. Rows that exceed memoryLimit are looked up in a copy on disk (sql/copy.c). */
#include "core/base/bisect.h"
#include "sql/sql_internal.h"

#include "core/base/array.h"
#include "core/base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows [from, to) of one chunk. */
struct piece {
    const struct sl_rows *rows;
    size_t chunk;
    uint32_t from, to;
    uint64_t first; /* number of its first row in the table */
};

struct index {
    bool has_infinity; /* a number of the column is infinite */
    uint32_t mask;
    uint32_t *head; /* [mask + 1], row number + 1 */
    uint32_t *next; /* [rows] */
};

struct module {
    struct sl_sql *sql;
    struct sl_sql_table *table;
};

struct table {
    sqlite3_vtab base; /* first */
    struct sl_sql *sql;
    const struct sl_sql_table *about;
    uint64_t rows;
    size_t pieces, capacity;
    struct piece *piece;
    bool is_in_memory;                      /* no rows are on disk */
    struct index *index[SL_WIDTH_MAX];      /* of rows in memory */
    struct sl_sql_copy *copy[SL_WIDTH_MAX]; /* of rows on disk */
    bool was_asked[SL_WIDTH_MAX];           /* the column was looked up once, by reading all rows */
};

struct cursor {
    sqlite3_vtab_cursor base; /* first */
    struct table *table;
    const struct sl_chunk *chunk; /* of the current row; NULL: at the end */
    size_t piece;
    uint32_t row; /* within the chunk */
    const struct index *index;
    uint32_t found;     /* row number + 1 in the index */
    sqlite3_stmt *find; /* in the copy, by find_column; NULL: none */
    int find_column;
    bool is_in_copy;       /* the current row is that of `find` */
    struct sl_arena arena; /* of rows on disk */
};

/* ---- connecting ---- */

/* Names that differ in case only are one to SQLite: the later column has its number. */
static bool is_first(const struct sl_sql_table *about, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (sqlite3_stricmp(about->names[k], about->names[i]) == 0)
            return false;
    return true;
}

static void add_column(struct sl_buf *text, const struct sl_sql_table *about, uint32_t i)
{
    char number[16];
    const char *name = number;
    snprintf(number, sizeof number, "_%u", i + 1);
    if (about->columns && about->names && is_first(about, i))
        name = about->names[i];
    sl_buf_text(text, i ? ",\"" : "\"");
    for (; *name; name++) {
        if (*name == '"')
            sl_buf_byte(text, '"');
        sl_buf_byte(text, (uint8_t)*name);
    }
    sl_buf_text(text, about->columns ? "\"" : "\" HIDDEN");
}

static int declare(sqlite3 *handle, const struct sl_sql_table *about)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    uint32_t columns = about->columns ? about->columns : SL_WIDTH_MAX;
    sl_buf_text(&text, "CREATE TABLE x(");
    for (uint32_t i = 0; i < columns; i++)
        add_column(&text, about, i);
    sl_buf_text(&text, ")");
    sl_buf_byte(&text, 0);
    return text.failed ? SQLITE_NOMEM : sqlite3_declare_vtab(handle, (const char *)text.bytes);
}

static bool add_piece(struct table *table, struct piece piece)
{
    struct piece *grown = sl_array_grow(table->piece, table->pieces, &table->capacity, sizeof *grown);
    if (!grown)
        return false;
    table->piece = grown;
    table->piece[table->pieces++] = piece;
    table->rows += piece.to - piece.from;
    return true;
}

static bool add_slice(struct table *table, const struct sl_slice *slice)
{
    const struct sl_rows *rows = slice->rows;
    bool ok = true;
    table->is_in_memory = table->is_in_memory && !rows->stored;
    for (size_t i = 0; ok && i < rows->chunks; i++) {
        uint64_t start = rows->start[i], end = i + 1 < rows->chunks ? rows->start[i + 1] : rows->count;
        uint64_t from = slice->from > start ? slice->from : start, to = slice->to < end ? slice->to : end;
        if (from < to)
            ok = add_piece(table, (struct piece){rows, i, (uint32_t)(from - start), (uint32_t)(to - start),
                                                 table->rows});
    }
    return ok;
}

static bool add_rows(struct table *table, struct sl_dataset *rows)
{
    bool ok = sl_dataset_resolve(rows, NULL) == 0;
    for (size_t p = 0; ok && p < rows->partitions; p++)
        for (size_t s = 0; ok && s < rows->partition[p].slices; s++)
            ok = add_slice(table, &rows->partition[p].slice[s]);
    return ok;
}

static int disconnect(sqlite3_vtab *base)
{
    struct table *table = (struct table *)base;
    for (size_t i = 0; i < SL_WIDTH_MAX; i++) {
        sl_sql_copy_free(table->copy[i]);
        if (table->index[i]) {
            free(table->index[i]->head);
            free(table->index[i]->next);
            free(table->index[i]);
        }
    }
    free(table->piece);
    free(table);
    return SQLITE_OK;
}

static bool note_opened(struct sl_sql *sql, struct sl_sql_table *about)
{
    struct sl_sql_table **grown = sl_array_grow(sql->table, sql->tables, &sql->capacity, sizeof *grown);
    if (!grown)
        return false;
    sql->table = grown;
    sql->table[sql->tables++] = about;
    return true;
}

static int connect(sqlite3 *handle, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret,
                   char **ret_message)
{
    struct module *module = aux;
    struct sl_sql_table *about = module->table;
    if (about->open && about->open(about, &module->sql->failure) < 0) {
        *ret_message = sqlite3_mprintf("%s", module->sql->failure.text);
        return SQLITE_ERROR;
    }
    module->sql->failure.code = SL_OK;
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return SQLITE_NOMEM;
    table->sql = module->sql;
    table->about = about;
    table->is_in_memory = true;
    int code = note_opened(module->sql, about) ? declare(handle, about) : SQLITE_NOMEM;
    if (code == SQLITE_OK && about->rows && !add_rows(table, about->rows))
        code = SQLITE_NOMEM;
    if (code != SQLITE_OK) {
        (void)disconnect(&table->base); /* never fails */
        return code;
    }
    *ret = &table->base;
    return SQLITE_OK;
}

/* ---- planning: plan 0 reads all, plan c + 1 looks column c up ---- */

static int find_equality(sqlite3_index_info *info)
{
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
        if (constraint->usable && constraint->op == SQLITE_INDEX_CONSTRAINT_EQ && constraint->iColumn >= 0 &&
            constraint->iColumn < SL_WIDTH_MAX &&
            !sqlite3_vtab_in(info, i, -1) && /* which would change the order */
            strcmp(sqlite3_vtab_collation(info, i), "BINARY") == 0)
            return i;
    }
    return -1;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct table *table = (const struct table *)base;
    double rows = table->about->rows ? (double)table->rows : 1000;
    int equal = table->rows < UINT32_MAX ? find_equality(info) : -1;
    info->estimatedCost = rows + 10;
    info->estimatedRows = (sqlite3_int64)rows;
    if (equal >= 0) {
        info->idxNum = info->aConstraint[equal].iColumn + 1;
        info->aConstraintUsage[equal].argvIndex = 1;
        info->estimatedCost = 8;
        info->estimatedRows = 4;
    }
    bool by_first = info->nOrderBy == 1 && info->aOrderBy[0].iColumn == 0 && !info->aOrderBy[0].desc;
    info->orderByConsumed = table->about->is_sorted && by_first;
    return SQLITE_OK;
}

/* ---- the index ---- */

static bool is_container(const struct sl_field *field)
{
    return field->tag == SL_LIST || field->tag == SL_MAP;
}

static bool is_infinite(const struct sl_field *field)
{
    return field->tag == SL_FLOAT && isinf(field->number);
}

/* From the last row to the first, so that the rows of a place are in their order. False: a list or map is among the
 * values. */
static bool fill_index(const struct table *table, struct index *index, uint32_t column)
{
    for (size_t p = table->pieces; p-- > 0;) {
        const struct piece *piece = &table->piece[p];
        const struct sl_chunk *chunk = sl_rows_chunk(piece->rows, piece->chunk, NULL);
        for (uint32_t row = piece->to; chunk && column < chunk->width && row-- > piece->from;) {
            uint32_t hash, number = (uint32_t)(piece->first + (row - piece->from));
            if (is_container(&chunk->column[column][row]))
                return false;
            index->has_infinity = index->has_infinity || is_infinite(&chunk->column[column][row]);
            if (!sl_sql_hash_field(&chunk->column[column][row], &hash))
                continue;
            index->next[number] = index->head[hash & index->mask];
            index->head[hash & index->mask] = number + 1;
        }
        if (!chunk)
            return false;
    }
    return true;
}

static int make_index(struct table *table, uint32_t column)
{
    struct index *index = calloc(1, sizeof *index);
    if (!index)
        return SQLITE_NOMEM;
    table->index[column] = index;
    uint64_t places = 16;
    while (places < table->rows)
        places *= 2;
    index->mask = (uint32_t)(places - 1);
    index->head = calloc(places, sizeof *index->head);
    index->next = calloc(table->rows + 1, sizeof *index->next);
    if (!index->head || !index->next)
        return SQLITE_NOMEM;
    if (!fill_index(table, index, column)) { /* then every row is looked at */
        free(index->head);
        index->head = NULL;
    }
    return SQLITE_OK;
}

/* ---- cursors ---- */

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **ret)
{
    struct cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return SQLITE_NOMEM;
    cursor->table = (struct table *)base;
    sl_arena_init(&cursor->arena);
    *ret = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    (void)sqlite3_finalize(cursor->find); /* repeats what step said */
    sl_arena_done(&cursor->arena);
    free(cursor);
    return SQLITE_OK;
}

/* Moves to the first row of the piece; after the last one: the end. */
static int enter_piece(struct cursor *cursor, size_t p)
{
    const struct table *table = cursor->table;
    cursor->piece = p;
    cursor->chunk = NULL;
    if (p >= table->pieces)
        return SQLITE_OK;
    const struct piece *piece = &table->piece[p];
    if (piece->rows->stored)
        sl_arena_reset(&cursor->arena);
    cursor->chunk = sl_rows_chunk(piece->rows, piece->chunk, &cursor->arena);
    cursor->row = piece->from;
    return cursor->chunk ? SQLITE_OK : SQLITE_NOMEM;
}

static int enter_row(struct cursor *cursor, uint64_t number)
{
    const struct table *table = cursor->table;
    size_t from = SL_BISECT(i, 1, table->pieces, table->piece[i].first <= number) - 1;
    int code = enter_piece(cursor, from);
    cursor->row += (uint32_t)(number - table->piece[from].first);
    return code;
}

static int enter_found(struct cursor *cursor)
{
    cursor->chunk = NULL;
    return cursor->found ? enter_row(cursor, cursor->found - 1) : SQLITE_OK;
}

/* Hashes say nothing of what is infinite on one side, and may be a text of that number on the other. */
static bool is_found_by_hash(sqlite3_value *value, bool has_infinity)
{
    return !sl_sql_is_infinite(value) || (sqlite3_value_type(value) == SQLITE_TEXT && !has_infinity);
}

static int find_in_index(struct cursor *cursor, uint32_t column, sqlite3_value *value)
{
    struct table *table = cursor->table;
    int code = table->index[column] ? SQLITE_OK : make_index(table, column);
    if (code != SQLITE_OK)
        return code;
    const struct index *index = table->index[column];
    if (!index->head || !is_found_by_hash(value, index->has_infinity))
        return enter_piece(cursor, 0);
    cursor->index = index;
    cursor->found =
        sqlite3_value_type(value) == SQLITE_NULL ? 0 : index->head[sl_sql_hash_value(value) & index->mask];
    return enter_found(cursor);
}

/* ---- rows on disk, by a column ---- */

static int step_in_copy(struct cursor *cursor)
{
    int code = sqlite3_step(cursor->find);
    cursor->is_in_copy = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int prepare_find(struct cursor *cursor, const struct sl_sql_copy *copy, uint32_t column)
{
    if (cursor->find && cursor->find_column == (int)column)
        return sqlite3_reset(cursor->find);
    (void)sqlite3_finalize(cursor->find); /* repeats what step said */
    cursor->find = NULL;
    cursor->find_column = (int)column;
    return sl_sql_copy_find(copy, &cursor->find);
}

static int find_in_copy(struct cursor *cursor, uint32_t column, sqlite3_value *value)
{
    struct table *table = cursor->table;
    struct sl_sql_copy **copy = &table->copy[column];
    int code = *copy ? SQLITE_OK : sl_sql_copy_new(table->sql, table->about, column, sl_sql_module, copy);
    cursor->chunk = NULL;
    if (code != SQLITE_OK || sqlite3_value_type(value) == SQLITE_NULL)
        return code;
    if (!is_found_by_hash(value, sl_sql_copy_has_infinity(*copy)))
        return enter_piece(cursor, 0);
    code = prepare_find(cursor, *copy, column);
    code = code == SQLITE_OK ? sqlite3_bind_int64(cursor->find, 1, sl_sql_hash_value(value)) : code;
    return code == SQLITE_OK ? step_in_copy(cursor) : code;
}

static int report(struct cursor *cursor, int code)
{
    struct sl_sql *sql = cursor->table->sql;
    const struct sl_sql *copies = sql->copies;
    if (code != SQLITE_OK && copies) {
        sql->timed_out = sql->timed_out || copies->timed_out;
        sqlite3_free(cursor->table->base.zErrMsg);
        cursor->table->base.zErrMsg =
            sqlite3_mprintf("a copy on disk of rows beyond memoryLimit: %s", sqlite3_errmsg(copies->handle));
    }
    return code;
}

/* ---- what SQLite calls ---- */

static int filter(sqlite3_vtab_cursor *base, int plan, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *cursor = (struct cursor *)base;
    struct table *table = cursor->table;
    cursor->index = NULL;
    cursor->is_in_copy = false;
    if (plan < 1 || argc < 1)
        return enter_piece(cursor, 0);
    if (!table->was_asked[plan - 1]) { /* a single look costs less than an index */
        table->was_asked[plan - 1] = true;
        return enter_piece(cursor, 0);
    }
    if (table->is_in_memory)
        return find_in_index(cursor, (uint32_t)plan - 1, argv[0]);
    return report(cursor, find_in_copy(cursor, (uint32_t)plan - 1, argv[0]));
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    if (cursor->is_in_copy)
        return report(cursor, step_in_copy(cursor));
    if (cursor->index) {
        cursor->found = cursor->index->next[cursor->found - 1];
        return enter_found(cursor);
    }
    if (++cursor->row < cursor->table->piece[cursor->piece].to)
        return SQLITE_OK;
    return enter_piece(cursor, cursor->piece + 1);
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    return !cursor->is_in_copy && !cursor->chunk;
}

static int give_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct cursor *cursor = (const struct cursor *)base;
    if (cursor->is_in_copy)
        sqlite3_result_value(context, sqlite3_column_value(cursor->find, column + 1));
    else if (column >= 0 && (uint32_t)column < cursor->chunk->width)
        sl_sql_result(context, &cursor->chunk->column[column][cursor->row], cursor->table->is_in_memory);
    return SQLITE_OK;
}

static int give_number(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
    const struct cursor *cursor = (const struct cursor *)base;
    if (cursor->is_in_copy) {
        *ret = sqlite3_column_int64(cursor->find, 0);
        return SQLITE_OK;
    }
    const struct piece *piece = &cursor->table->piece[cursor->piece];
    *ret = (sqlite3_int64)(piece->first + (cursor->row - piece->from)) + 1;
    return SQLITE_OK;
}

static const sqlite3_module table_module = {
    .iVersion = 0,
    .xConnect = connect,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = is_at_end,
    .xColumn = give_column,
    .xRowid = give_number,
};

int sl_sql_module(struct sl_sql *sql, struct sl_sql_table *table)
{
    struct module *module = malloc(sizeof *module);
    if (!module)
        return SQLITE_NOMEM;
    *module = (struct module){sql, table};
    return sqlite3_create_module_v2(sql->handle, table->name, &table_module, module,
                                    free); /* frees it if it fails */
}
