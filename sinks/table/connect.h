/* A connection that an output keeps from batch to batch. */
#pragma once

#include "sinks/table/writer.h"

/* Connects where it is not connected, for settings.retry_ms where the server is not reached. */
int sl_table_connect(struct sl_table_memory *memory, const struct sl_services *services,
                     const _Atomic int *stop, struct sl_error *err);
void sl_table_disconnect(struct sl_table_memory *memory);
