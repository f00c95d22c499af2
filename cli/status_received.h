/* A received source, as the newest status says it. */
#pragma once

#include "core/rows/field.h"

#include <stdbool.h>

/* A line on stdout, and one for each partition of Kafka of which records wait. Without a run there is no connection. */
void sl_status_print_received(const struct sl_field *source, bool is_running);
