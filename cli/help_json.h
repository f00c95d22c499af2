/* Everything jobs can name, as one JSON document: what docs/operators.md is made of and what tests walk. */
#pragma once

#include "core/base/buf.h"

/* Appends {"version", "operators", "builtins", "formats", "compressions", "options"} */
void sl_help_json(struct sl_buf *buf);
