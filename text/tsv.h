/* Lines as our "tsv" format writes them, read back: fields between tabs, \\ \t \n \r \0 for the bytes they
 * stand for, \N for nil. Everything else is a string; a backslash before any other byte is data. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

/* The fields are slices of the line, or are in the arena where they had escapes. An empty line is one empty
 * field. 0, SL_EREJECT (more than fields_max), or SL_ENOMEM. */
int sl_tsv_split(struct sl_arena *arena, const uint8_t *line, size_t len, struct sl_field *fields,
                 uint32_t fields_max, uint32_t *ret_count);
