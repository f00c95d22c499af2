/* A dataset on standard output as Spark's df.show() prints a DataFrame. */
#pragma once

#include "core/contract/columns.h"
#include "core/contract/services.h"

enum { SL_SHOW_ROWS = 20, SL_SHOW_CHARACTERS = 20 };

struct sl_show_settings {
    int64_t rows;                     /* at most this many */
    uint32_t characters;              /* of a value, the last three of more are dots; 0: all */
    const struct sl_columns *columns; /* NULL: _1, _2 ... */
};

/* Nothing for a dataset without records. */
int sl_show(FILE *out, struct sl_dataset *dataset, const struct sl_show_settings *settings,
            struct sl_error *err);
