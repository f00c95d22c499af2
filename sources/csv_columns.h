/* Which fields of a csv record become which fields of a row: decided by the options `header` and `columns`
 * and by the header of each file.
 *
 *     header   columns
 *     false    -          all fields, rows of any width
 *     false    a, b       all fields; records must have as many as there are names
 *     true     -          all fields in the order of the file; records must be as wide as the header
 *     true     a, b       the named ones in the order of `columns`, wherever each file has them
 *
 * A schema names columns as `columns` does, and the fields get types (text/typed.h). */
#pragma once

#include "core/contract/operator.h"
#include "text/csv.h"
#include "text/typed.h"

struct sl_csv_columns {
    bool header;                        /* the first record names the fields */
    const char *path;                   /* of the file, for messages */
    struct sl_field wanted;             /* the option `columns`: a list of strings, or nil */
    struct sl_typed typed;              /* the option `schema`; columns NULL: none */
    uint32_t expected;                  /* fields of a record; 0: any number */
    bool all;                           /* rows are whole records */
    uint32_t count, pick[SL_WIDTH_MAX]; /* otherwise: the fields of a row, as places in the record */
};

/* The dialect that the options of the node ask for. */
struct sl_csv sl_csv_dialect(const struct sl_node *node);
/* Lines that begin with this text are no records; nil: there are none such. */
struct sl_field sl_csv_comment(const struct sl_node *node);
/* Lines at the beginning of a file that are no records. */
uint64_t sl_csv_skip_lines(const struct sl_node *node);
int sl_csv_options_check(const struct sl_node *node, struct sl_error *err);

void sl_csv_columns_init(struct sl_csv_columns *columns, const struct sl_node *node, const char *path);
/* The file's header was read. SL_EFAIL: it lacks a column, or has it twice. */
int sl_csv_columns_header(struct sl_csv_columns *columns, const struct sl_field *fields, uint32_t count,
                          struct sl_error *err);
