/* Names and types of a stream's columns, as far as they are known when the graph is built.
 *
 * Names follow records statically: every node has its columns, or NULL where they are not known, from the
 * moment it is made (node->columns, read with sl_node_columns). They come from
 *
 *     schema of csv, tsv, jsonl             names, types, required
 *     columns of csv                        names
 *     :columns("word", "count")             names
 *
 * and each descriptor says with its hook sl_op.columns what becomes of those of its inputs: an operator that
 * passes whole records on uses sl_columns_of_input (filter, sortBy, window, take ...), union uses
 * sl_columns_of_inputs, `select` and the built-ins select and swap pick. A descriptor without the hook makes
 * new fields: its columns are not known.
 *
 * Where columns are known, every record of the stream has exactly `count` fields; a field of a typed column is
 * of its type or nil, and not nil where it is required. A type says no more: code that needs it looks at the
 * field's tag.
 *
 * Columns are immutable and live as long as the graph; those made in an arena as long as that. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "sluice/types.h"

struct sl_node;

enum sl_column_type {
    SL_COLUMN_ANY, /* not known: any value */
    SL_COLUMN_STRING,
    SL_COLUMN_INT,
    SL_COLUMN_DOUBLE,
    SL_COLUMN_BOOLEAN,
    SL_COLUMN_TIMESTAMP, /* an integer: ms since the epoch, UTC */
    SL_COLUMN_JSON,      /* any value, from JSON text */
};

struct sl_column {
    const char *name; /* 1 to SL_COLUMN_NAME_MAX bytes without NUL, unlike every other of the stream */
    enum sl_column_type type;
    bool required; /* never nil */
};

enum { SL_COLUMN_NAME_MAX = 255 };

struct sl_columns {
    uint32_t count; /* 1 .. SL_WIDTH_MAX */
    struct sl_column column[];
};

/* "string", "int" ...; "any" for SL_COLUMN_ANY. */
const char *sl_column_type_name(enum sl_column_type type);

/* Cleared columns; NULL: out of memory. */
struct sl_columns *sl_columns_new(struct sl_arena *arena, uint32_t count);
/* The number of the column, from 0, or -1. */
int sl_columns_find(const struct sl_columns *columns, const void *name, size_t len);
/* Sets a name, copied. SL_EUSAGE: it is empty, too long, has a NUL, or an earlier column has it. */
int sl_columns_name(struct sl_columns *columns, struct sl_arena *arena, uint32_t i,
                    const struct sl_field *name, struct sl_error *err);
/* Columns of a list of names, of no type. SL_EUSAGE as above, or too many. */
int sl_columns_named(struct sl_arena *arena, const struct sl_field *names, const struct sl_columns **ret,
                     struct sl_error *err);
/* Columns of a schema: a list of {name, type}, or of {name, type, map} where the map may have `required`, a
 * boolean. SL_EUSAGE: says which column and what is wrong with it. */
int sl_columns_schema(struct sl_arena *arena, const struct sl_field *schema, const struct sl_columns **ret,
                      struct sl_error *err);
/* Those with the given numbers, from 1, in that order. NULL: one does not exist, one is chosen twice, or there
 * is no memory: such columns are not known. */
const struct sl_columns *sl_columns_pick(struct sl_arena *arena, const struct sl_columns *columns,
                                         const uint32_t *number, uint32_t count);

/* For descriptors (sl_op.columns): the first input's; those that all inputs have in common. */
int sl_columns_of_input(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                        struct sl_error *err);
int sl_columns_of_inputs(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                         struct sl_error *err);
