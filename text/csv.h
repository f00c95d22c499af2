/* CSV as RFC 4180 has it, and as people write it: any one byte as delimiter and as quote, LF or CRLF, a quote
 * inside a field that does not begin with one is data. A record may go over lines, so reading is two steps:
 * find where it ends, then split what was found. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

struct sl_csv {
    uint8_t delimiter;
    bool quotes; /* false: `quote` means nothing */
    uint8_t quote;
    bool trims; /* spaces and tabs around fields, outside of quotes, are dropped */
};

/* The state of a search for the end of a record; zero is the beginning of a record. */
enum sl_csv_place { SL_CSV_START, SL_CSV_PLAIN, SL_CSV_QUOTED, SL_CSV_CLOSED };

/* The offset of the newline that ends the record, or len where it continues: then call again with what follows.
 * *place is SL_CSV_START after an end was found. */
size_t sl_csv_end(const struct sl_csv *csv, enum sl_csv_place *place, const uint8_t *p, size_t len);

/* The message where there are more than fields_max. */
extern const char sl_csv_too_wide[];

/* The fields of a record (without its newline) as strings; \N without quotes is nil. They are slices of the
 * record, or are in the arena where quotes were doubled. 0; SL_EREJECT with a constant text in *ret_message;
 * or SL_ENOMEM. An empty record is one empty field. */
int sl_csv_split(const struct sl_csv *csv, struct sl_arena *arena, const uint8_t *p, size_t len,
                 struct sl_field *fields, uint32_t fields_max, uint32_t *ret_count, const char **ret_message);
