/* The formats there are: one line each here and in text/formats.c. */
#pragma once

#include "text/format.h"

extern const struct sl_format sl_format_tsv, sl_format_lines, sl_format_csv, sl_format_json, sl_format_spark,
    sl_format_python;

/* As Java prints a double: 1.0, 1.0E7. False: out of memory. */
bool sl_java_double(struct sl_buf *buf, double number);
