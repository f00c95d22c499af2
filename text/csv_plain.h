/* Records of csv without quotes, cut at once: most are. Delimiters, newlines and quotes are found 64 bytes at a time; a
 * record with a quote in it, or whose end is not there, is left to text/csv.h. */
#pragma once

#include "text/csv.h"

/* Bit i: byte i of the 64 at p is `a`, `b` or `c`. Ways with one result, of which the CPU decides. */
typedef uint64_t sl_csv_mask_fn(const uint8_t *p, uint8_t a, uint8_t b, uint8_t c);
uint64_t sl_csv_mask_portable(const uint8_t *p, uint8_t a, uint8_t b, uint8_t c);
sl_csv_mask_fn *sl_csv_mask_fastest(void);

struct sl_csv_plain {
    sl_csv_mask_fn *mask;
    uint8_t delimiter, quote;
    const uint8_t *block, *end; /* the 64 bytes that are looked at; of all */
    uint64_t bits;              /* of the block, those that were not taken */
};

/* mask: a way, or NULL for the fastest. */
void sl_csv_plain_init(struct sl_csv_plain *plain, const struct sl_csv *csv, sl_csv_mask_fn *mask);
/* Whether the dialect has plain records: spaces that are dropped are for text/csv.h. */
static inline bool sl_csv_has_plain(const struct sl_csv *csv)
{
    return !csv->trims;
}

/* Records from p on, up to end, will be asked for. */
void sl_csv_plain_start(struct sl_csv_plain *plain, const uint8_t *p, const uint8_t *end);

/* The record that begins at p, after the one before: where its fields end, field_end[0..*ret_count), the last at the
 * newline that is returned. NULL: it is not plain, not complete or has more than fields_max fields; start again after it. */
const uint8_t *sl_csv_plain_next(struct sl_csv_plain *plain, const uint8_t **field_end, uint32_t fields_max,
                                 uint32_t *ret_count);
