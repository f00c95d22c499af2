/* The formats there are: one line each here and in text/formats.c. */
#pragma once

#include "text/format.h"

extern const struct sl_format sl_format_tsv, sl_format_lines, sl_format_csv, sl_format_json, sl_format_spark,
    sl_format_python;
