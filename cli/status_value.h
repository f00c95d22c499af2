/* Members of maps in the newest status; they may be missing where another version wrote it. */
#pragma once

#include "core/base/buf.h"
#include "core/rows/field.h"

#include <stdint.h>

/* 0 where there is none. */
int64_t sl_status_integer_of(const struct sl_field *map, const char *name);
/* Appends a string as sl_buf_safe does. False: there is none, or no memory. */
bool sl_status_add_safe(struct sl_buf *buf, const struct sl_field *map, const char *name);
/* ", 3 dropped" on stdout, or nothing where the count is 0. */
void sl_status_print_count(const struct sl_field *source, const char *name, const char *what);
