/* The arguments and options of saveToTable, checked as far as possible without the database. */
#pragma once

#include "core/contract/operator.h"

enum sl_table_mode { SL_TABLE_APPEND, SL_TABLE_UPSERT, SL_TABLE_REPLACE };

struct sl_table_settings {
    struct sl_arena arena;
    const struct sl_node *node; /* borrowed */
    const char *url;            /* as the job gives it: it has no credentials */
    const char *table;
    enum sl_table_mode mode;
    const struct sl_columns *columns; /* of the fields; NULL: those of the table, in its order */
    uint32_t keys;
    const char *key[SL_WIDTH_MAX];
    bool create, at_least_once;
    const char *batch;  /* the column of the batch's time, or NULL */
    int64_t retry_ms;   /* so long is connecting tried before the batch fails */
    int64_t timeout_ms; /* a server that is silent for so long is not reached any more */
};

extern const struct sl_param sl_table_params[], sl_table_options[];

/* SL_EUSAGE says what is wrong, without the URL. The caller calls done, after a failure, too. */
int sl_table_settings_read(const struct sl_node *node, struct sl_table_settings *ret, struct sl_error *err);
void sl_table_settings_done(struct sl_table_settings *settings);
