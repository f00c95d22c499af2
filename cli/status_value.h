/* Members of maps in the newest status; they may be missing where another version wrote it. */
#pragma once

#include "cli/target.h"
#include "core/base/buf.h"
#include "core/rows/field.h"

#include <stdint.h>

/* The end of a word that counts something: "s", but not of 1. */
const char *sl_plural(int64_t count);

/* 0 where there is none. */
int64_t sl_status_integer_of(const struct sl_field *map, const char *name);
/* Appends a string as sl_buf_safe does. False: there is none, or no memory. */
bool sl_status_add_safe(struct sl_buf *buf, const struct sl_field *map, const char *name);
/* ", 3 dropped" on stdout, or nothing where the count is 0. */
void sl_status_print_count(const struct sl_field *source, const char *name, const char *what);

/* "250 ms", "12.3 s", "8 min 36 s", "3 h 20 min", "5 days": no more of it than one wants to know. */
void sl_status_format_span(int64_t ms, char text[static 32]);
/* False: of a virtual clock, whose times have no age. */
bool sl_status_has_ages(const struct sl_target *target);
/* How long ago the time is, between the two texts; "" where it has no age. */
void sl_status_format_age(const struct sl_target *target, const char *before, int64_t time_ms,
                          const char *after, char text[static 64]);
