/* The options schema and badValues of fileStream. */
#pragma once

#include "core/contract/operator.h"
#include "text/typed.h"

/* When the job is loaded: they may be given (`takes` them), and are right. */
int sl_input_schema_check(const struct sl_node *node, bool takes, const char *format, struct sl_error *err);
/* For the descriptor: the columns that schema, or columns, and meta give. */
int sl_input_schema_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                            struct sl_error *err);
/* What a reader needs; columns NULL where there is no schema. Borrows from the node. */
void sl_input_schema_typed(const struct sl_node *node, const char *format, struct sl_typed *ret);
